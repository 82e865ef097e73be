"""The files of a school together: parts, contradictions, completeness, whole-file refusals."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from provisioning.findings import Severity
from provisioning.formats import read_school, scan
from provisioning.roster import Mode, Part
from tests.provisioning.roster_files import (
    DATA,
    LIMITS,
    TODAY,
    employee,
    link,
    read_files,
    read_roster,
    read_text,
    roster_file,
    student,
    write,
)

CLASSES = roster_file(students=(), staff=(), content="classes")
STUDENTS = roster_file(staff=(), classes=(), content="students")
STAFF = roster_file(students=(), classes=(), content="staff")
TEACHING = roster_file((), (), (), [link()], content="teaching")

FLAT = {
    name: (DATA / "paragraf-flat" / f"{name}.xml").read_bytes()
    for name in ("classes", "students", "staff")
}


def test_files_of_a_school_are_joined_in_any_order() -> None:
    result = read_files(d=CLASSES, c=STUDENTS, b=STAFF, a=TEACHING)
    roster = result.roster
    assert not result.findings
    assert roster.parts == set(Part)
    assert (set(roster.persons), set(roster.classes)) == ({"s-1", "t-1"}, {"c-8a"})
    assert len(roster.enrolments) == 2
    assert roster.files == ("d.xml", "c.xml", "b.xml", "a.xml")
    assert [(file.name, file.records) for file in result.files] == [
        (name, 1) for name in roster.files
    ]


def test_schools_of_an_upload_are_kept_apart() -> None:
    result = read_files(one=roster_file(), two=roster_file(code="78-9999", number="№243"))
    found = [(roster.school.code, roster.school.number) for roster in result.rosters]
    assert found == [("78-0243", "243"), ("78-9999", "243")]


def test_a_city_is_read_one_school_at_a_time(tmp_path: Path) -> None:
    files = {f"n{number}": roster_file(code=f"78-{number:04}") for number in range(30)}
    found = scan(write(tmp_path, **files), limits=LIMITS)
    readings = (read_school(school, limits=LIMITS, today=TODAY) for school in found.schools)
    codes = [reading.roster.school.code for reading in readings if reading.roster]
    assert codes == [f"78-{number:04}" for number in range(30)]


def test_another_schools_file_is_stopped() -> None:
    result = read_text(roster_file(), expected_school="78-0001")
    assert (result.finding.rule, result.finding.severity) == ("school.wrong", Severity.FATAL)
    assert all(code in result.finding.message("ru") for code in ("78-0001", "78-0243"))
    assert not result.rosters
    assert result.files[0].records == 0


@pytest.mark.parametrize(
    ("today", "rules"),
    [
        (date(2026, 10, 5), []),
        (date(2027, 6, 5), []),
        (date(2027, 9, 1), ["school_year.other"]),
        (date(2026, 8, 20), ["header.future"]),
    ],
)
def test_a_file_of_another_school_year_is_stopped(today: date, rules: list[str]) -> None:
    result = read_text(roster_file(), today=today)
    assert result.rules == rules
    assert bool(result.rosters) is (not rules)


def test_the_same_file_twice_is_read_once() -> None:
    result = read_files(one=roster_file(), two=roster_file())
    assert (result.finding.rule, result.finding.file) == ("file.same_twice", "two.xml")
    assert "one.xml" in result.finding.message("ru")
    assert len(result.rosters) == 1


@pytest.mark.parametrize(
    ("files", "rules"),
    [
        (
            {"new": roster_file(), "old": roster_file(exported_at="2026-09-01T08:30:00")},
            ["set.part_twice"],
        ),
        ({"students": STUDENTS, "staff": STAFF}, ["set.no_classes"]),
        *(
            ({"school": roster_file((), (), content=content)}, ["roll.empty"])
            for content in ("all", "students", "staff")
        ),
    ],
)
def test_a_part_twice_classes_missing_or_an_empty_roll_stops_the_school(
    files: dict[str, str], rules: list[str]
) -> None:
    result = read_files(**files)  # type: ignore[arg-type]
    assert (result.rules, result.rosters) == (rules, [])


@pytest.mark.parametrize(
    ("other", "field_name"),
    [
        (roster_file((), classes=(), content="staff", mode="changes"), "mode"),
        (roster_file((), classes=(), content="staff", school_year="2025/2026"), "school_year"),
        (FLAT["staff"], None),
    ],
    ids=["mode", "school year", "source system"],
)
def test_files_that_contradict_each_other_are_stopped(
    other: str | bytes, field_name: str | None
) -> None:
    result = read_files(a=CLASSES, b=STUDENTS, c=other)
    assert "set.contradiction" in result.rules
    if field_name is not None:
        assert {finding.field_name for finding in result.findings} == {field_name}
    assert not result.rosters


def test_one_broken_file_stops_its_school_and_no_other() -> None:
    other = roster_file(code="78-0001")
    result = read_files(a=CLASSES, b=STUDENTS.encode()[:-40], c=STAFF, d=other)
    assert (result.finding.rule, result.finding.school_code) == ("xml.truncated", "78-0243")
    assert result.roster.school.code == "78-0001"


@pytest.mark.parametrize(
    ("files", "missing"),
    [
        ({"a": CLASSES, "b": STUDENTS}, Part.STAFF),
        ({"a": STAFF}, Part.STUDENTS),
        ({"a": roster_file(staff=())}, Part.STAFF),
        ({"a": roster_file(students=())}, Part.STUDENTS),
    ],
)
def test_a_missing_part_is_named_and_nobody_of_it_can_be_missed(
    files: dict[str, str], missing: Part
) -> None:
    result = read_files(**files)  # type: ignore[arg-type]
    assert result.rules == [f"set.no_{missing}"]
    assert missing not in result.roster.parts


def test_a_file_of_changes_may_be_small() -> None:
    result = read_roster(staff=(), mode="changes")
    assert not result.findings
    assert result.roster.mode is Mode.CHANGES


def test_a_count_that_does_not_agree_stops_the_file() -> None:
    good = '<counts classes="1" students="2" staff="1" teaching="0"/>'
    text = roster_file(students=[student(), student("s-2", birth_date="x")])
    result = read_text(text.replace("</header>", f"{good}</header>"))
    assert result.rules == ["birth_date.format"]
    bad = good.replace('students="2"', 'students="3"')
    result = read_text(text.replace("</header>", f"{bad}</header>"))
    assert result.rules == ["birth_date.format", "file.count_mismatch"]
    assert "обещает записей: 3, а в файле их 2" in result.findings[1].message("ru")
    assert not result.rosters


def test_those_not_taken_are_counted_among_the_staff_and_all_records() -> None:
    text = roster_file(staff=[employee(), employee("t-2", category="other")])
    counted = text.replace("</header>", '<counts staff="2"/></header>')
    assert read_text(counted).rules == ["staff.not_taken"]
    assert read_files(**FLAT).rules == ["staff.not_taken"]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("header", "rule", "field_name"),
    [
        ({"code": ""}, "header.field_missing", "school_code"),
        ({"school_year": ""}, "header.field_missing", "school_year"),
        ({"school_year": "26"}, "header.invalid", "school_year"),
        ({"exported_at": "вчера"}, "header.invalid", "exported_at"),
        ({"content": "everything"}, "header.invalid", "content"),
        ({"mode": "some"}, "header.invalid", "mode"),
        ({"counts": "", "code": "7" * 51}, "header.invalid", "school_code"),
    ],
)
def test_a_header_must_be_whole(header: dict[str, str], rule: str, field_name: str) -> None:
    found = read_roster(**header).finding
    assert (found.rule, found.field_name) == (rule, field_name)


def test_a_school_without_a_district_is_reported() -> None:
    result = read_text(roster_file().replace("<district>Примерный</district>", ""))
    assert result.rules == ["school.no_district"]
    assert result.roster.school.district == ""


def test_the_newest_export_time_stands_for_the_set() -> None:
    later = roster_file((), classes=(), content="staff", exported_at="2026-10-02T00:00:00")
    roster = read_files(a=CLASSES, b=STUDENTS, c=later).roster
    assert roster.exported_at.isoformat() == "2026-10-01T21:00:00+00:00"
