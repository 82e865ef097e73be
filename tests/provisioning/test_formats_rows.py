"""Rows: what sets one aside, what is only reported, and what is passed over."""

from __future__ import annotations

from datetime import date

import pytest

from provisioning.findings import Finding, Severity
from provisioning.roster import ClassKind, Part, PersonStatus, Role
from provisioning.validation import validate
from tests.provisioning.roster_files import (
    TODAY,
    employee,
    link,
    read_roster,
    read_text,
    roster_file,
    school_class,
    student,
)


@pytest.mark.parametrize(
    ("overrides", "rule"),
    [
        ({"family_name": ""}, "field.missing"),
        ({"family_name": "-"}, "field.missing"),
        ({"given_name": " "}, "field.missing"),
        ({"birth_date": ""}, "field.missing"),
        ({"birth_date": "30.02.2012"}, "birth_date.impossible"),
        ({"birth_date": "01.09.12"}, "birth_date.two_digit_year"),
        ({"birth_date": "осень"}, "birth_date.format"),
        ({"family_name": "Примеров7"}, "name.characters"),
        ({"given_name": "Я" * 101}, "name.too_long"),
    ],
)
def test_a_bad_row_is_set_aside_and_the_others_go_on(overrides: dict[str, str], rule: str) -> None:
    result = read_roster(students=[student("s-1", **overrides), student("s-2")])
    assert (result.finding.rule, result.finding.severity) == (rule, Severity.ERROR)
    assert (set(result.roster.persons), result.roster.set_aside) == ({"s-2", "t-1"}, {"s-1"})
    assert {one.person_id for one in result.roster.enrolments} == {"s-2"}


def test_an_error_names_file_line_id_person_field_and_value() -> None:
    text = roster_file(students=[student("s-7", birth_date="30.02.2012")])
    finding = read_text(text).finding
    assert finding == Finding(
        rule="birth_date.impossible",
        severity=Severity.ERROR,
        file="school.xml",
        line=text[: text.index("s-7")].count("\n") + 1,
        school_code="78-0243",
        sourced_id="s-7",
        person="Примеров Пример Примерович",
        field_name="birth_date",
        value="30.02.2012",
    )
    assert "30.02.2012" in finding.message("ru")
    assert finding.remedy("ru")


@pytest.mark.parametrize(
    ("overrides", "rule", "field_name", "kept"),
    [
        ({"snils": "112-233-445 96"}, "snils.check_number", "snils", ""),
        ({"snils": "123"}, "snils.format", "snils", ""),
        ({"email": "at home"}, "email.format", "email", ""),
        ({"sex": "X"}, "sex.unknown", "sex", ""),
        ({"status": "asleep"}, "status.unknown", "status", PersonStatus.ACTIVE),
        ({"enrolled_on": "31.06.2019"}, "date.impossible", "begin_date", None),
        ({"left_on": "1.6.19"}, "date.two_digit_year", "end_date", None),
        ({"left_on": "скоро"}, "date.format", "end_date", None),
    ],
)
def test_a_value_we_can_do_without_is_dropped_with_a_warning(
    overrides: dict[str, str], rule: str, field_name: str, kept: object
) -> None:
    result = read_roster(students=[student(**overrides)])
    found = result.finding
    assert (found.rule, found.severity, found.field_name) == (rule, Severity.WARNING, field_name)
    assert getattr(result.roster.persons["s-1"], field_name) == kept


def test_all_findings_of_a_file_come_in_one_pass() -> None:
    wrong = [{"birth_date": "x", "snils": "123"}, {"family_name": ""}, {"snils": "123"}]
    students = [student(f"s-{number}", **fields) for number, fields in enumerate(wrong)]
    rules = read_roster(students=students).rules
    assert rules == ["birth_date.format", "field.missing", "snils.format"]


def test_a_row_without_id_takes_its_part_out_of_what_absence_is_judged_by() -> None:
    result = read_roster(students=[student(), student("")])
    assert result.rules == ["id.missing"]
    assert result.roster.parts == {Part.CLASSES, Part.STAFF}
    assert set(result.roster.persons) == {"s-1", "t-1"}


def test_the_second_row_of_an_id_is_an_error_and_the_first_stays() -> None:
    result = read_roster(students=[student("s-1"), student("s-1", family_name="Другой")])
    assert result.rules == ["id.duplicate"]
    assert result.roster.persons["s-1"].family_name == "Примеров"
    assert result.roster.set_aside == frozenset()


@pytest.mark.parametrize("order", [1, -1])
def test_of_two_rows_of_an_id_the_one_that_says_here_counts(order: int) -> None:
    rows = [student("s-1"), student("s-1", class_id="c-gone", left_on="2026-09-10")]
    result = read_roster(students=rows[::order])
    assert result.rules == ["id.ended_row"]
    assert result.roster.persons["s-1"].end_date is None
    assert [one.class_id for one in result.roster.enrolments] == ["c-8a"]


@pytest.mark.parametrize(
    ("rows", "rule"),
    [
        ({"students": [student(), student("s" * 101)]}, "id.too_long"),
        ({"classes": [school_class(), school_class(title="8Б")]}, "id.duplicate"),
        ({"classes": [school_class(), school_class()]}, "class.repeated"),
    ],
)
def test_an_id_too_long_for_moodle_or_used_twice_is_told(
    rows: dict[str, list[str]], rule: str
) -> None:
    assert read_roster(**rows).rules == [rule]


def test_staff_are_teachers_or_administrators_and_others_are_counted() -> None:
    staff = [
        employee("t-1"),
        employee("t-2", category="administration", position="Директор"),
        employee("t-3", category="other", birth_date=""),
        employee("t-4", category="wizard"),
        employee("t-5", category=""),
        employee("t-6", category="student"),
    ]
    result = read_roster(staff=staff, teaching=[link("t-3")])
    roster, doubts = validate(result.roster, TODAY)
    roles = {key: person.role for key, person in roster.persons.items() if key != "s-1"}
    assert roles == {"t-1": Role.TEACHER, "t-2": Role.ADMINISTRATOR}
    assert roster.persons["t-2"].position == "Директор"
    assert roster.set_aside == {"t-4", "t-5", "t-6"}
    assert result.rules == ["role.unknown", "field.missing", "role.unknown", "staff.not_taken"]
    assert doubts == []


def test_guardians_are_counted_and_never_taken() -> None:
    guardians = "<guardians><guardian id='g-1'/><guardian id='g-2'/></guardians>"
    result = read_roster(after=guardians)
    found = result.finding
    assert (found.rule, found.details) == ("guardian.ignored", {"count": "2"})
    assert set(result.roster.persons) == {"s-1", "t-1"}


def test_everything_a_row_says_is_kept() -> None:
    groups = "<group_id>g-1</group_id><group_id>g-2</group_id>"
    fields = {"sex": "F", "snils": "112-233-445 95", "email": "a@example.org", "groups": groups}
    dates = {"enrolled_on": "2019-09-01", "left_on": "2027-05-31"}
    full = student(status="on_leave", **fields, **dates)
    classes = [
        school_class(),
        school_class("g-1", kind="group", title="8А английский"),
        school_class("g-2", kind="home_education", begin_date="2026-09-01", end_date="x"),
    ]
    result = read_roster(students=[full], classes=classes)
    assert result.rules == ["date.format"]
    pupil, read = result.roster.persons["s-1"], result.roster.classes
    assert (pupil.sex, pupil.snils, pupil.email) == ("F", "11223344595", "a@example.org")
    assert pupil.status is PersonStatus.ON_LEAVE
    assert (pupil.begin_date, pupil.end_date) == (date(2019, 9, 1), date(2027, 5, 31))
    assert [one.class_id for one in result.roster.enrolments] == ["c-8a", "g-1", "g-2"]
    assert [(read[key].kind, read[key].begin_date) for key in ("g-1", "g-2")] == [
        (ClassKind.GROUP, None),
        (ClassKind.HOME_EDUCATION, date(2026, 9, 1)),
    ]


@pytest.mark.parametrize(
    ("overrides", "rule"),
    [
        ({"title": ""}, "class.no_title"),
        ({"grade": "13"}, "class.grade"),
        ({"grade": ""}, "class.grade"),
        ({"kind": "choir"}, "class.kind"),
        ({"title": "8a"}, "class.latin_letter"),
    ],
)
def test_a_class_is_checked_too(overrides: dict[str, str], rule: str) -> None:
    classes = [school_class(), school_class("c-x", **overrides)]
    result = read_roster(classes=classes)
    assert result.rules == [rule]
    taken = result.finding.severity is Severity.WARNING
    assert ("c-x" in result.roster.classes) is taken
