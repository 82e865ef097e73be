"""Rows of a school's files -> classes, persons and enrolments, with a Finding for what is wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache, partial
from typing import NoReturn, TypeVar

from provisioning.findings import Finding, rules
from provisioning.formats import cleaning
from provisioning.formats.cleaning import Unclean
from provisioning.formats.layout import DATES, Kind, RecordSpec
from provisioning.formats.paths import Row
from provisioning.roster import (
    ClassKind,
    Enrolment,
    Part,
    Person,
    PersonStatus,
    Role,
    SchoolClass,
)

_MAX_ID = 100
"""Characters; longer ids would not fit where Moodle keeps them (docs/facts/moodle.md 5.3)."""

_PERSON_KINDS = {Kind.STUDENT, Kind.STAFF, Kind.PERSON}
_STAFF_ROLES = frozenset({Role.TEACHER, Role.ADMINISTRATOR})
_NOT_TAKEN = "other"
"""Staff who neither teach nor administer are counted and get no account (docs/roster-layout.md)."""

Value = TypeVar("Value")


class RowProblem(Exception):
    """The row cannot be used; a Finding has been recorded."""


@dataclass(kw_only=True)
class SchoolBuilder:
    """What has been read of one school so far; ``add`` takes the rows of file after file."""

    school_code: str
    today: date
    classes: dict[str, SchoolClass] = field(default_factory=dict)
    persons: dict[str, Person] = field(default_factory=dict)
    places: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Sourced id of a person -> sourced ids of the classes that the person's own row names."""
    links: list[Enrolment] = field(default_factory=list)
    """Links that have records of their own: teaching and memberships."""
    set_aside: set[str] = field(default_factory=set)
    findings: list[Finding] = field(default_factory=list)
    school_fields: dict[str, str] = field(default_factory=dict)
    """From records about the school outside the header; ``id`` is the school's own group."""
    without_id: set[Part] = field(default_factory=set)
    """Parts with a row that names no person: nobody of such a part is taken for absent."""
    not_taken_ids: set[str] = field(default_factory=set)
    """Guardians and other staff: what refers to them is passed over in silence."""
    counts: Counter[Part] = field(default_factory=Counter)
    """Rows of each part in the current file, good or not."""
    guardians: int = 0
    """Guardians in the current file."""
    not_taken: int = 0
    """Staff without a school role in the current file."""
    _file: str = ""
    _specs: Mapping[Kind, RecordSpec] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # Most texts repeat very often: each is cleaned once, and one object serves all its rows.
        self._clean = cache(cleaning.collapse)
        self._clean_name = cache(cleaning.clean_name)
        self._mixed_letters = cache(cleaning.mixed_alphabets)
        self._past_date = cache(partial(cleaning.parse_past_date, today=self.today))
        self._born = cache(partial(cleaning.parse_birth_date, today=self.today))

    def begin_file(self, name: str, specs: tuple[RecordSpec, ...]) -> None:
        self._file = name
        self._specs = {spec.kind: spec for spec in specs}
        self.counts = Counter()
        self.guardians = self.not_taken = 0

    def end_file(self) -> None:
        """Report what was counted and not taken."""
        if self.guardians:
            self.report("guardian.ignored", count=str(self.guardians))
        if self.not_taken:
            self.report("staff.not_taken", count=str(self.not_taken))

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
                self._set_aside(cleaning.collapse(row.values["id"])[:_MAX_ID])

    def _set_aside(self, sourced_id: str) -> None:
        """Set the person aside. Another row of the same person may say "left", but this one, which
        cannot be used, may have said "here"."""
        other = self.persons.get(sourced_id)
        if other is None or other.has_left(self.today):
            self._forget(sourced_id)
            self.set_aside.add(sourced_id)

    def _forget(self, sourced_id: str) -> None:
        self.persons.pop(sourced_id, None)
        self.places.pop(sourced_id, None)

    def report(
        self,
        rule: str,
        row: Row | None = None,
        field_name: str = "",
        *,
        value: str = "",
        **details: str,
    ) -> None:
        values = row.values if row else {}
        names = (values.get(part, "") for part in ("family_name", "given_name", "middle_name"))
        self.findings.append(
            Finding(
                rule=rule,
                severity=rules()[rule],
                file=self._file,
                line=row.line if row else None,
                school_code=self.school_code,
                sourced_id=cleaning.collapse(values.get("id", "") or values.get("person_id", "")),
                person=cleaning.collapse(" ".join(names)),
                field_name=field_name,
                value=(value or values.get(field_name, ""))[:200],
                details=details,
            )
        )

    def _reject(self, rule: str, row: Row, field_name: str) -> NoReturn:
        self.report(rule, row, field_name)
        raise RowProblem(rule)

    def _check(self, row: Row) -> None:
        """Check that the record has no over-long text and all that the layout demands."""
        if row.too_long:
            self._reject("text.too_long", row, row.too_long)
        for name, entry in self._specs[row.kind].fields.items():
            if entry.required and not self._text(row, name):
                self._reject("field.missing", row, name)

    # One record of each kind.

    def _add_person(self, row: Row) -> None:
        role = Role.STUDENT if row.kind is Kind.STUDENT else self._role(row)
        if role is None:
            return
        part = Part.STUDENTS if role is Role.STUDENT else Part.STAFF
        self.counts[part] += 1
        self._check(row)
        if not row.values.get("id", "").strip():
            self.without_id.add(part)
        sourced_id = self._id(row, "id")
        status, end_date = self._status(row), self._date(row, "end_date")
        left = status is PersonStatus.LEFT or (end_date is not None and end_date < self.today)
        if not self._counts(row, sourced_id, left=left):
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
        self.persons[sourced_id] = person
        class_ids = (self._text(row, "class_id"), *map(self._clean, row.group_ids))
        if any(class_ids):
            self.places[sourced_id] = tuple(dict.fromkeys(filter(None, class_ids)))

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
            self._forget(sourced_id)
        return not left

    def _add_class(self, row: Row) -> None:
        self.counts[Part.CLASSES] += 1
        self._check(row)
        sourced_id = self._id(row, "id")
        end_date = self._date(row, "end_date")
        other = self.classes.get(sourced_id)
        if other and not (other.has_ended(self.today) and (end_date or self.today) >= self.today):
            self.report("id.duplicate", row, "id")
            return
        title, latin = cleaning.class_title(self._text(row, "title"))
        if not title:
            self._reject("class.no_title", row, "title")
        if latin:
            self.report("class.latin_letter", row, "title", title=title)
        try:
            grade = cleaning.parse_grade(row.values.get("grade", ""))
        except Unclean:
            self._reject("class.grade", row, "grade")
        self.classes[sourced_id] = SchoolClass(
            sourced_id=sourced_id,
            title=self._clean(title),
            grade=grade,
            kind=self._one_of(row, "kind", ClassKind, ClassKind.HOMEROOM, "class.kind"),
            teacher_id=self._text(row, "teacher_id") or None,
            begin_date=self._date(row, "begin_date"),
            end_date=end_date,
            file=self._file,
            line=row.line,
        )

    def _add_link(self, row: Row) -> None:
        self.counts[Part.TEACHING] += 1
        self._check(row)
        person_id = self._clean(self._id(row, "person_id"))
        class_id = self._clean(self._id(row, "class_id"))
        role: Role | None = Role.TEACHER
        if row.kind is Kind.MEMBERSHIP:
            if self._status(row) is PersonStatus.LEFT:
                return
            role = self._one_of(row, "role", Role, None, "membership.role")
        if role is None:
            return
        subject = self._text(row, "subject") if role is Role.TEACHER else ""
        self.links.append(
            Enrolment(person_id=person_id, class_id=class_id, role=role, subject=subject)
        )

    # One field of a record.

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
            self._reject("role.unknown" if word else "field.missing", row, "role")
        return role

    def _id(self, row: Row, name: str) -> str:
        text = cleaning.collapse(row.values.get(name, ""))
        if not text or len(text) > _MAX_ID:
            self._reject("id.too_long" if text else "id.missing", row, name)
        return text

    def _name(self, row: Row, name: str, *, required: bool = False) -> str:
        try:
            clean = self._clean_name(row.values.get(name, ""))
        except Unclean as error:
            self._reject(f"name.{error}", row, name)
        if required and not clean:
            self._reject("field.missing", row, name)
        if len(clean) > _MAX_ID:
            self._reject("name.too_long", row, name)
        if mixed := self._mixed_letters(clean):
            self.report("name.mixed_alphabets", row, name, letters=mixed)
        return clean

    def _birth_date(self, row: Row) -> date:
        if not self._text(row, "birth_date"):
            self._reject("field.missing", row, "birth_date")
        try:
            return self._born(row.values["birth_date"])
        except Unclean as error:
            self._reject(f"birth_date.{error}", row, "birth_date")

    def _date(self, row: Row, name: str) -> date | None:
        return self._optional(row, name, "date", self._past_date, None)

    def _sex(self, row: Row) -> str:
        text = self._clean(self._text(row, "sex").upper())
        if text and text not in ("M", "F"):
            self.report("sex.unknown", row, "sex")
            return ""
        return text

    def _status(self, row: Row) -> PersonStatus:
        return self._one_of(row, "status", PersonStatus, PersonStatus.ACTIVE, "status.unknown")

    def _one_of(
        self, row: Row, name: str, words: Callable[[str], Value], default: Value, rule: str
    ) -> Value:
        text = self._text(row, name)
        if not text:
            return default
        try:
            return words(text)
        except ValueError:
            if rule:
                self.report(rule, row, name)
            return default

    def _optional(
        self, row: Row, name: str, subject: str, clean: Callable[[str], Value], missing: Value
    ) -> Value:
        """A value we can do without: a wrong one is reported and dropped."""
        text = row.values.get(name, "")
        if not text or text.isspace():
            return missing
        try:
            return clean(text)
        except Unclean as error:
            self.report(f"{subject}.{error}", row, name)
            return missing

    def _text(self, row: Row, name: str) -> str:
        return self._clean(row.values.get(name, ""))
