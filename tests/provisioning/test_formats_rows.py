"""Rows: what sets one aside, what is only reported, and what is passed over."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from provisioning.findings import Severity
from provisioning.roster import ClassKind, Part, PersonStatus, Role
from tests.provisioning.roster_files import (
    employee,
    link,
    read_files,
    read_one,
    roster_file,
    rules_of,
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
def test_a_bad_row_is_set_aside_and_the_others_go_on(
    tmp_path: Path, overrides: dict[str, str], rule: str
) -> None:
    text = roster_file(students=[student("s-1", **overrides), student("s-2")])
    result = read_files(tmp_path, school=text)
    (finding,) = result.findings
    (roster,) = result.rosters
    assert (finding.rule, finding.severity) == (rule, Severity.ERROR)
    assert set(roster.persons) == {"s-2", "t-1"}
    assert roster.set_aside == {"s-1"}
    assert {one.person_id for one in roster.enrolments} == {"s-2"}


def test_an_error_names_file_line_id_person_field_and_value(tmp_path: Path) -> None:
    text = roster_file(students=[student("s-7", birth_date="30.02.2012")])
    (finding,) = read_files(tmp_path, school=text).findings
    assert finding.file == "school.xml"
    assert finding.line == text[: text.index("s-7")].count("\n") + 1
    assert (finding.school_code, finding.sourced_id) == ("78-0243", "s-7")
    assert finding.person == "Примеров Пример Примерович"
    assert (finding.field_name, finding.value) == ("birth_date", "30.02.2012")
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
    tmp_path: Path, overrides: dict[str, str], rule: str, field_name: str, kept: object
) -> None:
    result = read_files(tmp_path, school=roster_file(students=[student(**overrides)]))
    (finding,) = result.findings
    assert (finding.rule, finding.severity) == (rule, Severity.WARNING)
    assert getattr(result.rosters[0].persons["s-1"], field_name) == kept
    assert finding.field_name == field_name


def test_all_findings_of_a_file_come_in_one_pass(tmp_path: Path) -> None:
    students = [
        student("s-1", birth_date="x", snils="123"),
        student("s-2", family_name=""),
        student("s-3", snils="123"),
    ]
    result = read_files(tmp_path, school=roster_file(students=students))
    assert rules_of(result.findings) == ["birth_date.format", "field.missing", "snils.format"]


def test_a_row_without_id_takes_its_part_out_of_what_absence_is_judged_by(tmp_path: Path) -> None:
    result = read_files(tmp_path, school=roster_file(students=[student(), student("")]))
    assert rules_of(result.findings) == ["id.missing"]
    (roster,) = result.rosters
    assert roster.parts == {Part.CLASSES, Part.STAFF}
    assert set(roster.persons) == {"s-1", "t-1"}


def test_the_second_row_of_an_id_is_an_error_and_the_first_stays(tmp_path: Path) -> None:
    students = [student("s-1"), student("s-1", family_name="Другой")]
    result = read_files(tmp_path, school=roster_file(students=students))
    assert rules_of(result.findings) == ["id.duplicate"]
    assert result.rosters[0].persons["s-1"].family_name == "Примеров"
    assert result.rosters[0].set_aside == frozenset()


@pytest.mark.parametrize("order", [1, -1])
def test_of_two_rows_of_an_id_the_one_that_says_here_counts(tmp_path: Path, order: int) -> None:
    rows = [student("s-1"), student("s-1", class_id="c-gone", left_on="2026-09-10")]
    result = read_files(tmp_path, school=roster_file(students=rows[::order]))
    assert rules_of(result.findings) == ["id.ended_row"]
    (roster,) = result.rosters
    assert roster.persons["s-1"].end_date is None
    assert [one.class_id for one in roster.enrolments] == ["c-8a"]


def test_an_id_too_long_for_moodle_is_an_error(tmp_path: Path) -> None:
    result = read_files(tmp_path, school=roster_file(students=[student(), student("s" * 101)]))
    assert rules_of(result.findings) == ["id.too_long"]


def test_staff_are_teachers_or_administrators_and_others_are_counted(tmp_path: Path) -> None:
    staff = [
        employee("t-1"),
        employee("t-2", category="administration", position="Директор"),
        employee("t-3", category="other", birth_date=""),
        employee("t-4", category="wizard"),
        employee("t-5", category=""),
        employee("t-6", category="student"),
    ]
    text = roster_file(staff=staff, teaching=[link("t-3")])
    roster, rules = read_one(tmp_path, text)
    roles = {key: person.role for key, person in roster.persons.items() if key != "s-1"}
    assert roles == {"t-1": Role.TEACHER, "t-2": Role.ADMINISTRATOR}
    assert roster.persons["t-2"].position == "Директор"
    assert roster.set_aside == {"t-4", "t-5", "t-6"}
    assert rules == ["role.unknown", "field.missing", "role.unknown", "staff.not_taken"]


def test_guardians_are_counted_and_never_taken(tmp_path: Path) -> None:
    guardians = "<guardians><guardian id='g-1'/><guardian id='g-2'/></guardians>"
    result = read_files(tmp_path, school=roster_file(after=guardians))
    (finding,) = result.findings
    assert (finding.rule, finding.details) == ("guardian.ignored", {"count": "2"})
    assert set(result.rosters[0].persons) == {"s-1", "t-1"}


def test_everything_a_row_says_is_kept(tmp_path: Path) -> None:
    groups = "<group_id>g-1</group_id><group_id>g-2</group_id>"
    full = student(
        sex="F",
        snils="112-233-445 95",
        email="a@example.org",
        status="on_leave",
        enrolled_on="2019-09-01",
        left_on="2027-05-31",
        groups=groups,
    )
    classes = [
        school_class(),
        school_class("g-1", kind="group", title="8А английский"),
        school_class("g-2", kind="home_education", begin_date="2026-09-01", end_date="x"),
    ]
    result = read_files(tmp_path, school=roster_file(students=[full], classes=classes))
    assert rules_of(result.findings) == ["date.format"]
    (roster,) = result.rosters
    pupil = roster.persons["s-1"]
    assert (pupil.sex, pupil.snils, pupil.email) == ("F", "11223344595", "a@example.org")
    assert pupil.status is PersonStatus.ON_LEAVE
    assert (pupil.begin_date, pupil.end_date) == (date(2019, 9, 1), date(2027, 5, 31))
    assert [one.class_id for one in roster.enrolments] == ["c-8a", "g-1", "g-2"]
    assert roster.classes["g-1"].kind is ClassKind.GROUP
    assert roster.classes["g-2"].kind is ClassKind.HOME_EDUCATION
    assert roster.classes["g-2"].begin_date == date(2026, 9, 1)


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
def test_a_class_is_checked_too(tmp_path: Path, overrides: dict[str, str], rule: str) -> None:
    classes = [school_class(), school_class("c-x", **overrides)]
    result = read_files(tmp_path, school=roster_file(classes=classes))
    assert rules_of(result.findings) == [rule]
    taken = result.findings[0].severity is Severity.WARNING
    assert ("c-x" in result.rosters[0].classes) is taken


def test_the_same_class_twice_is_an_error(tmp_path: Path) -> None:
    result = read_files(tmp_path, school=roster_file(classes=[school_class(), school_class()]))
    assert rules_of(result.findings) == ["id.duplicate"]
