"""What is doubtful in a school's whole roster: RULES and validate, pure functions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import date

from provisioning.class_ids import folded_title, with_one_id_each
from provisioning.findings import Finding, about
from provisioning.roster import (
    ClassKind,
    Enrolment,
    Mode,
    Part,
    Person,
    PersonStatus,
    Role,
    Roster,
    SchoolClass,
)

STUDENT_AGES = range(5, 22)
"""Whole years (docs/facts/paragraf.md R3)."""
STAFF_AGES = range(16, 91)
"""Whole years (docs/facts/paragraf.md R3)."""
_MOST_OF_A_NUMBER = 20
"""Rows of one file: nobody has so many posts."""

Checked = tuple[Roster, list[Finding]]


def validate(roster: Roster, today: date) -> Checked:
    """The roster without what cannot be true, and a warning for all that is doubtful.

    Nobody is dropped: a person may lose a wrong class reference, СНИЛС or ended row, never the
    account.
    """
    findings: list[Finding] = []
    for rule in RULES:
        roster, found = rule(roster, today)
        findings += found
    findings.sort(key=lambda finding: (finding.file, finding.line or 0))
    return roster, findings


def leavers_marked_active(roster: Roster, today: date) -> Checked:
    """A leaving date that has passed makes a leaver, whatever the status says."""
    changed: dict[str, Person] = {}
    findings = []
    for key, person in roster.persons.items():
        if person.status is not PersonStatus.LEFT and person.has_left(today):
            changed[key] = replace(person, status=PersonStatus.LEFT)
            value = f"{person.end_date:%d.%m.%Y}"
            findings.append(about("leaving_date.passed", roster, person, "end_date", value))
    return _with_persons(roster, changed), findings


def ended_rows_of_present_people(roster: Roster, today: date) -> Checked:
    """Who came back under a new id is here: the ended row of the same human says nothing.

    The same human: СНИЛС, birth date and given name are equal, the sex does not differ, and only
    one of the rows is active.
    """
    groups = defaultdict(list)
    for person in roster.persons.values():
        if person.snils:
            given = person.given_name.casefold().replace("ё", "е")
            groups[person.snils, person.birth_date, given].append(person)
    ended: dict[str, Person] = {}
    findings = []
    for people in groups.values():
        active = [one for one in people if one.status is not PersonStatus.LEFT]
        if len(active) != 1 or len({one.sex for one in people if one.sex}) > 1:
            continue
        for one in people:
            if one is not active[0]:
                ended[one.sourced_id] = one
                here = {"other_line": str(active[0].line), "other": active[0].sourced_id}
                findings.append(about("person.ended_row", roster, one, "snils", **here))
    if not ended:
        return roster, findings
    persons = {key: one for key, one in roster.persons.items() if key not in ended}
    kept = [one for one in roster.enrolments if one.person_id not in ended]
    return _with_enrolments(replace(roster, persons=persons), kept), findings


def enrolments_in_unknown_classes(roster: Roster, today: date) -> Checked:
    """A reference to a class that did not come is left out; the person stays."""
    kept: list[Enrolment] = []
    findings = []
    for enrolment in roster.enrolments:
        person = roster.persons.get(enrolment.person_id)
        if enrolment.class_id in roster.classes:
            kept.append(enrolment)
        elif person:
            findings.append(about("class.unknown", roster, person, "class_id", enrolment.class_id))
    return _with_enrolments(roster, kept), findings


def enrolments_of_unknown_persons(roster: Roster, today: date) -> Checked:
    """A reference to a person who did not come is left out, if that part of the set came."""
    kept: list[Enrolment] = []
    findings = []
    for enrolment in roster.enrolments:
        part = Part.STUDENTS if enrolment.role is Role.STUDENT else Part.STAFF
        if enrolment.person_id in roster.persons or _may_be_elsewhere(roster, part):
            kept.append(enrolment)
        else:
            rule, named_in = "enrolment.unknown_person", roster.classes[enrolment.class_id]
            findings.append(about(rule, roster, named_in, "person_id", enrolment.person_id))
    return _with_enrolments(roster, kept), findings


def unknown_class_teachers(roster: Roster, today: date) -> Checked:
    changed: dict[str, SchoolClass] = {}
    findings = []
    for key, school_class in roster.classes.items():
        teacher = school_class.teacher_id
        if teacher is None or teacher in roster.persons or teacher in roster.set_aside:
            continue
        if not _may_be_elsewhere(roster, Part.STAFF):
            changed[key] = replace(school_class, teacher_id=None)
            rule = "class.teacher_unknown"
            findings.append(about(rule, roster, school_class, "teacher_id", teacher))
    if changed:
        roster = replace(roster, classes={**roster.classes, **changed})
    return roster, findings


def shared_snils(roster: Roster, today: date) -> Checked:
    """Equal numbers with different birth dates are different people: the number is of no use.

    In very many rows it was typed to fill the field, whatever the birth dates are: told once.
    """
    by_snils = defaultdict(list)
    for person in roster.persons.values():
        if person.snils:
            by_snils[person.snils].append(person)
    changed: dict[str, Person] = {}
    findings = []
    for people in by_snils.values():
        if len(people) > _MOST_OF_A_NUMBER:
            changed |= {one.sourced_id: replace(one, snils="") for one in people}
            count = str(len(people))
            findings.append(about("snils.filler", roster, people[0], "snils", count=count))
            continue
        if len({person.birth_date for person in people}) < 2:
            continue
        for person in people:
            changed[person.sourced_id] = replace(person, snils="")
            lines = ", ".join(str(other.line) for other in people if other is not person)
            findings.append(about("snils.two_people", roster, person, "snils", lines=lines))
    return _with_persons(roster, changed), findings


def implausible_ages(roster: Roster, today: date) -> Checked:
    findings = []
    for person in _present(roster):
        age = age_on(person.birth_date, today)
        is_student = person.role is Role.STUDENT
        rule, ages = ("age.pupil", STUDENT_AGES) if is_student else ("age.staff", STAFF_AGES)
        if age not in ages:
            value = f"{person.birth_date:%d.%m.%Y}"
            findings.append(about(rule, roster, person, "birth_date", value, age=str(age)))
    return roster, findings


def born_on_the_first_of_january(roster: Roster, today: date) -> Checked:
    return roster, [
        about("birth_date.first_of_january", roster, person, "birth_date", f"{day:%d.%m.%Y}")
        for person in _present(roster)
        if (day := person.birth_date).month == day.day == 1
    ]


def students_without_class(roster: Roster, today: date) -> Checked:
    placed = {
        enrolment.person_id
        for enrolment in roster.enrolments
        if roster.classes[enrolment.class_id].kind is not ClassKind.GROUP
    }
    return roster, [
        about("pupil.no_class", roster, person, "class_id")
        for person in _present(roster)
        if person.role is Role.STUDENT and person.sourced_id not in placed
    ]


def empty_classes(roster: Roster, today: date) -> Checked:
    """Districts refuse a base with empty classes (docs/facts/paragraf.md P8)."""
    if _may_be_elsewhere(roster, Part.STUDENTS):
        return roster, []
    present = {person.sourced_id for person in _present(roster)}
    filled = {
        enrolment.class_id
        for enrolment in roster.enrolments
        if enrolment.role is Role.STUDENT and enrolment.person_id in present
    }
    return roster, [
        about("class.empty", roster, school_class, "title", school_class.title)
        for key, school_class in roster.classes.items()
        if key not in filled and school_class.kind is not ClassKind.GROUP
    ]


def classes_of_one_title(roster: Roster, today: date) -> Checked:
    """Nobody can tell such classes apart in Moodle, and a class with a new id not from them."""
    first: dict[tuple[int, str], SchoolClass] = {}
    findings = []
    for one in roster.classes.values():
        if one.kind is not ClassKind.HOMEROOM or one.has_ended(today):
            continue
        other = first.setdefault((one.grade, folded_title(one.title)), one)
        if other is not one:
            also = {"other": other.sourced_id}
            findings.append(about("class.same_title", roster, one, "title", one.title, **also))
    return roster, findings


def namesakes_in_a_class(roster: Roster, today: date) -> Checked:
    """Full name and birth date agree: one child entered twice, or two children."""
    first: dict[tuple[str, str, date], Person] = {}
    findings = []
    for enrolment in roster.enrolments:
        person = roster.persons.get(enrolment.person_id)
        if person is None or enrolment.role is not Role.STUDENT:
            continue
        if roster.classes[enrolment.class_id].kind is ClassKind.GROUP:
            continue
        name = person.full_name.casefold().replace("ё", "е")
        other = first.setdefault((enrolment.class_id, name, person.birth_date), person)
        if other is not person:
            line = str(other.line)
            rule = "pupil.same_name"
            findings.append(about(rule, roster, person, "family_name", other_line=line))
    return roster, findings


RULES: tuple[Callable[[Roster, date], Checked], ...] = (
    leavers_marked_active,
    ended_rows_of_present_people,
    with_one_id_each,
    enrolments_in_unknown_classes,
    enrolments_of_unknown_persons,
    unknown_class_teachers,
    shared_snils,
    implausible_ages,
    born_on_the_first_of_january,
    students_without_class,
    empty_classes,
    classes_of_one_title,
    namesakes_in_a_class,
)
"""In this order: who has left is known first, and references are good before classes are judged."""


def age_on(birth_date: date, today: date) -> int:
    """Whole years; someone born on 29 February has the birthday on 1 March in other years."""
    before_birthday = (today.month, today.day) < (birth_date.month, birth_date.day)
    return today.year - birth_date.year - before_birthday


def _may_be_elsewhere(roster: Roster, part: Part) -> bool:
    """Absence of a person of this part says nothing."""
    return roster.mode is Mode.CHANGES or part not in roster.parts


def _present(roster: Roster) -> Iterable[Person]:
    return (one for one in roster.persons.values() if one.status is not PersonStatus.LEFT)


def _with_persons(roster: Roster, changed: dict[str, Person]) -> Roster:
    return replace(roster, persons={**roster.persons, **changed}) if changed else roster


def _with_enrolments(roster: Roster, kept: list[Enrolment]) -> Roster:
    if len(kept) == len(roster.enrolments):
        return roster
    return replace(roster, enrolments=tuple(kept))
