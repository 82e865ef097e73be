"""Rows of a school's files -> classes, persons and enrolments, with a Finding for what is wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterator
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from provisioning.formats import cleaning
from provisioning.formats.cleaning import Unclean
from provisioning.formats.fields import MAX_ID, FieldReader, RowProblem
from provisioning.formats.layout import DATES, Kind, Layout
from provisioning.formats.records import Row
from provisioning.roster import (
    ClassKind,
    Enrolment,
    Part,
    Person,
    PersonStatus,
    Role,
    SchoolClass,
)
from provisioning.settings import YearSettings

_PERSON_KINDS = {Kind.STUDENT, Kind.STAFF, Kind.PERSON}
_STAFF_ROLES = frozenset({Role.TEACHER, Role.ADMINISTRATOR})
_NOT_TAKEN = "other"
"""Staff who neither teach nor administer are counted and get no account (docs/roster-layout.md)."""


class FilesOverlap(NamedTuple):
    """A record that two files of a school give, each in its own way."""

    file: str
    other: str
    part: Part


@dataclass(kw_only=True)
class SchoolBuilder(FieldReader):
    """What has been read of one school so far; ``add`` takes the rows of file after file."""

    years: YearSettings = field(default_factory=YearSettings)
    classes: dict[str, SchoolClass] = field(default_factory=dict)
    persons: dict[str, Person] = field(default_factory=dict)
    places: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Sourced id of a person -> sourced ids of the classes that the person's own row names."""
    links: list[Enrolment] = field(default_factory=list)
    """Links that have records of their own: teaching and memberships."""
    ended_links: list[Enrolment] = field(default_factory=list)
    """Memberships that are over; only their roles matter."""
    set_aside: set[str] = field(default_factory=set)
    undecided: dict[str, Row] = field(default_factory=dict)
    """People whose role only a membership can tell, by sourced id, without values but the names."""
    school_fields: dict[str, str] = field(default_factory=dict)
    """From records about the school outside the header; ``id`` is the school's own group."""
    without_id: set[Part] = field(default_factory=set)
    """Parts with a row that names no person: nobody of such a part is taken for absent."""
    not_taken_ids: set[str] = field(default_factory=set)
    """Guardians and other staff: what refers to them is passed over in silence."""
    overlaps: list[FilesOverlap] = field(default_factory=list)
    counts: Counter[Part] = field(default_factory=Counter)
    """Rows of each part in the current file, good or not."""
    undecided_count: int = 0
    """Rows of people in the current file whose part is not known yet."""
    guardians: int = 0
    """Guardians in the current file."""
    not_taken: int = 0
    """Staff without a school role in the current file."""
    _repeated: int = 0
    """Class records of the current file that say again what another one says."""
    _told_classes: set[tuple[object, ...]] = field(default_factory=set)
    """What class records have said, so that each thing is told once."""
    _made_of_others: int = 0
    """Records of the current file that are made of rows of others: no rows of their own."""
    _shared: Container[Part] = ()
    _roles_from_membership: bool = False
    _latin_titles: bool = False
    _grades_of_titles: bool = False
    """The layout takes grades from titles, which need not have any."""

    def begin_file(
        self, name: str, layout: Layout | None = None, shared: Container[Part] = ()
    ) -> None:
        """Begin a file; ``shared`` are its parts that an earlier file has too."""
        self._file = name
        self._words = {}
        self._shared = shared
        self._roles_from_membership = layout is not None and layout.roles_from_membership
        self._latin_titles = layout is not None and layout.latin_titles
        self._grades_of_titles = layout is not None and layout.has_grades_of_titles
        self.counts = Counter()
        self.guardians = self.not_taken = self.undecided_count = 0
        self._repeated = self._made_of_others = 0

    def end_file(self) -> None:
        """Report what was counted and not taken."""
        if self.guardians:
            self.report("guardian.ignored", count=str(self.guardians))
        if self.not_taken:
            self.report("staff.not_taken", count=str(self.not_taken))
        if self._repeated:
            self.report("class.repeated", count=str(self._repeated))

    @property
    def rows(self) -> int:
        """Rows of people, classes and links in the current file, good or not; those of people who
        are not taken are apart."""
        return sum(self.counts.values()) + self.undecided_count - self._made_of_others

    @property
    def enrolments(self) -> Iterator[Enrolment]:
        for person_id, class_ids in self.places.items():
            for class_id in class_ids:
                yield Enrolment(person_id=person_id, class_id=class_id, role=Role.STUDENT)
        yield from self.links

    def add(self, row: Row) -> None:
        """Take one record; what is wrong with it becomes findings, never an exception."""
        for name in DATES & row.values.keys():
            if cleaning.is_empty_date(row.values[name]):
                del row.values[name]
        try:
            if row.kind in _PERSON_KINDS:
                self._add_person(row)
            elif row.kind is Kind.CLASS:
                self._add_class(row)
            elif row.kind in (Kind.TEACHING, Kind.MEMBERSHIP):
                self._add_link(row)
            elif row.kind is Kind.SCHOOL:
                self.school_fields |= row.values
            elif row.kind is Kind.GUARDIAN:
                self.guardians += 1
        except RowProblem:
            if row.kind in _PERSON_KINDS and "id" in row.values:
                self._set_aside(cleaning.collapse(row.values["id"])[:MAX_ID])

    def _set_aside(self, sourced_id: str) -> None:
        """Set the person aside. Another row of the same person may say "left", but this one, which
        cannot be used, may have said "here"."""
        other = self.persons.get(sourced_id)
        if other is None or other.has_left(self.today):
            self.forget(sourced_id)
            self.set_aside.add(sourced_id)

    def forget(self, sourced_id: str) -> None:
        self.persons.pop(sourced_id, None)
        self.places.pop(sourced_id, None)
        self.undecided.pop(sourced_id, None)

    def _check(self, row: Row) -> None:
        """Check that the record has no over-long text and all that the layout demands."""
        if row.too_long:
            self._reject("text.too_long", row, row.too_long)
        for name, key in row.unknown.items():
            self.report("reference.unknown", row, name, value=key)
        if row.missing:
            self._reject("field.missing", row, row.missing)

    # One record of each kind.

    def _add_person(self, row: Row) -> None:
        undecided = self._is_undecided(row)
        # Until a membership tells, nothing depends on which role it is.
        role = Role.STUDENT if undecided or row.kind is Kind.STUDENT else self._role(row)
        if role is None:
            return
        parts = _parts_of(role, undecided=undecided)
        self.undecided_count += undecided
        if not undecided:
            self.counts.update(parts)
        self._check(row)
        if not row.values.get("id", "").strip():
            self.without_id.update(parts)
        sourced_id = self._id(row, "id")
        status, end_date = self._status(row), self._date(row, "end_date")
        left = status is PersonStatus.LEFT or (end_date is not None and end_date < self.today)
        other = self._in_another_file(sourced_id, parts, left=left)
        first = None if other else self._repeated_person(row, sourced_id, left=left)
        if not (other or first or self._counts(row, sourced_id, left=left)):
            return
        person = Person(
            sourced_id=sourced_id,
            role=role,
            family_name=self._name(row, "family_name", required=True),
            given_name=self._name(row, "given_name", required=True),
            middle_name=self._name(row, "middle_name"),
            birth_date=self._birth_date(row),
            sex=self._sex(row),
            snils=self._optional(row, "snils", "snils", cleaning.clean_snils, ""),
            email=self._optional(row, "email", "email", cleaning.clean_email, ""),
            position=self._text(row, "position"),
            status=status,
            begin_date=self._date(row, "begin_date"),
            end_date=end_date,
            file=self._file,
            line=row.line,
        )
        if other is not None:
            self._meet_elsewhere(person, other, undecided=undecided)
            return
        class_ids = filter(None, (self._text(row, "class_id"), *map(self._clean, row.group_ids)))
        if first is not None and replace(person, line=first.line) != first:
            self.report("id.duplicate", row, "id")
            return
        if first is None:
            self.persons[sourced_id] = person
        if undecided:
            names = ("id", "family_name", "given_name", "middle_name")
            self.undecided[sourced_id] = replace(
                row, values={name: row.values[name] for name in names if name in row.values}
            )
        if places := dict.fromkeys((*self.places.get(sourced_id, ()), *class_ids)):
            self.places[sourced_id] = tuple(places)

    def _is_undecided(self, row: Row) -> bool:
        """Whether only memberships tell the person's role."""
        return (
            row.kind is Kind.PERSON and self._roles_from_membership and not self._text(row, "role")
        )

    def _repeated_person(self, row: Row, sourced_id: str, *, left: bool) -> Person | None:
        """The person of an earlier row, where each row of a person names another class."""
        first = self.persons.get(sourced_id) if row.repeats else None
        return first if first is not None and first.has_left(self.today) is left else None

    def _in_another_file(
        self, sourced_id: str, parts: tuple[Part, ...], *, left: bool
    ) -> Person | None:
        """The same person in an earlier file with the same part of the school, as much here or as
        much gone."""
        other = self.persons.get(sourced_id)
        if other is None or other.file == self._file or other.has_left(self.today) is not left:
            return None
        return other if any(part in self._shared for part in parts) else None

    def _meet_elsewhere(self, person: Person, other: Person, *, undecided: bool) -> None:
        """Another file of the school has this person too: as a teacher of several classes may be
        in the file of each; two lists of pupils with one pupil are two exports of one list."""
        alike = replace(person, file=other.file, line=other.line) == other
        if undecided or person.role is Role.STUDENT or not alike:
            part = _parts_of(person.role, undecided=False)[0]
            self.overlaps.append(FilesOverlap(self._file, other.file, part))

    def _counts(self, row: Row, sourced_id: str, *, left: bool) -> bool:
        """Tell whether this row speaks for its person: of two the one that says "here", else the
        first.

        A child who came back, or changed the class, has an ended row beside the new one.
        """
        other = self.persons.get(sourced_id)
        if other is None or other.has_left(self.today) == left:
            first = other is None and sourced_id not in self.set_aside
            if not first:
                self.report("id.duplicate", row, "id")
            return first
        self.report("id.ended_row", row, "id", other_line=str(other.line))
        if not left:
            self.forget(sourced_id)
        return not left

    def _add_class(self, row: Row) -> None:
        said = (row.repeats, self._file, *sorted(row.values.items()))
        again = said in self._told_classes
        self._told_classes.add(said)
        if row.repeats and (again or not row.values.get("id", "").strip()):
            return
        self.counts[Part.CLASSES] += 1
        self._made_of_others += row.repeats
        self._check(row)
        sourced_id = self._id(row, "id")
        other = self.classes.get(sourced_id)
        if again and other is not None:
            self._repeated += 1
            return
        title, latin = cleaning.class_title(self._text(row, "title"), latin=self._latin_titles)
        if not title:
            self._reject("class.no_title", row, "title")
        if latin:
            self.report("class.latin_letter", row, "title", title=title)
        kind = self._one_of(row, "kind", ClassKind, ClassKind.HOMEROOM, "class.kind")
        try:
            grade = cleaning.parse_grade(row.values.get("grade", ""))
        except Unclean:
            if not self._grades_of_titles:
                self._reject("class.grade", row, "grade")
            # A choir, a club: nothing promised a grade.
            grade = 0
            kind = kind if self._text(row, "kind") else ClassKind.GROUP
            self.report("class.no_grade", row, "title")
        found = SchoolClass(
            sourced_id=sourced_id,
            title=self._clean(title),
            grade=grade,
            kind=kind,
            teacher_id=self._text(row, "teacher_id") or None,
            begin_date=self._date(row, "begin_date"),
            end_date=self._date(row, "end_date"),
            file=self._file,
            line=row.line,
        )
        if other is None or self._replaces(row, found, other):
            self.classes[sourced_id] = found

    def _replaces(self, row: Row, found: SchoolClass, other: SchoolClass) -> bool:
        """Whether a second record of a class counts instead of the first."""
        if other.has_ended(self.today) and not found.has_ended(self.today):
            return True
        if replace(found, file=other.file, line=other.line) == other:
            self._repeated += not row.repeats and found.file == other.file
        elif found.file == other.file or Part.CLASSES not in self._shared:
            self.report("id.duplicate", row, "id")
        else:
            self.overlaps.append(FilesOverlap(self._file, other.file, Part.CLASSES))
        return False

    def _add_link(self, row: Row) -> None:
        if row.repeats and not row.values.get("class_id", "").strip():
            return
        self.counts[Part.TEACHING] += 1
        self._made_of_others += row.repeats
        self._check(row)
        person_id = self._clean(self._id(row, "person_id"))
        class_id = self._clean(self._id(row, "class_id"))
        role: Role | None = Role.TEACHER
        ended = False
        if row.kind is Kind.MEMBERSHIP:
            ended = self._status(row) is PersonStatus.LEFT
            role = self._one_of(row, "role", Role, None, "")
            if role is None and not ended:
                self.report_word("membership.role", row, "role")
        if role is None:
            return
        subject = self._text(row, "subject") if role is Role.TEACHER else ""
        (self.ended_links if ended else self.links).append(
            Enrolment(person_id=person_id, class_id=class_id, role=role, subject=subject)
        )

    def _role(self, row: Row) -> Role | None:
        """The role of a row that must say it; None for people who are counted and not taken."""
        word = self._text(row, "role")
        role = self._one_of(row, "role", Role, None, "") if word else None
        if word == _NOT_TAKEN or role is Role.GUARDIAN:
            self.not_taken += word == _NOT_TAKEN
            self.guardians += role is Role.GUARDIAN
            self.not_taken_ids.add(cleaning.collapse(row.values.get("id", "")))
            return None
        if role is None or (row.kind is Kind.STAFF and role not in _STAFF_ROLES):
            if not word:
                self._reject("field.missing", row, "role")
            self.report_word("role.unknown", row, "role")
            raise RowProblem("role.unknown")
        return role


def _parts_of(role: Role, *, undecided: bool) -> tuple[Part, ...]:
    """The parts of the export in which the person may be."""
    if undecided:
        return (Part.STUDENTS, Part.STAFF)
    return (Part.STUDENTS,) if role is Role.STUDENT else (Part.STAFF,)
