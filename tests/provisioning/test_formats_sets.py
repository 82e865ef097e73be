"""The files of a school together: parts, contradictions, completeness, whole-file refusals."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from provisioning.findings import Severity
from provisioning.formats import read_school, scan
from provisioning.roster import Mode, Part
from provisioning.settings import ReadLimits
from tests.provisioning.roster_files import (
    DATA,
    TODAY,
    employee,
    link,
    read_files,
    roster_file,
    rules_of,
    school_class,
    student,
    write,
)

CLASSES = roster_file(students=(), staff=(), content="classes")
STUDENTS = roster_file(staff=(), classes=(), content="students")
STAFF = roster_file(students=(), classes=(), content="staff")
TEACHING = roster_file((), (), (), [link()], content="teaching")


def test_files_of_a_school_are_joined_in_any_order(tmp_path: Path) -> None:
    result = read_files(tmp_path, d=CLASSES, c=STUDENTS, b=STAFF, a=TEACHING)
    (roster,) = result.rosters
    assert not result.findings
    assert roster.parts == set(Part)
    assert set(roster.persons) == {"s-1", "t-1"}
    assert set(roster.classes) == {"c-8a"}
    assert len(roster.enrolments) == 2
    assert roster.files == ("d.xml", "c.xml", "b.xml", "a.xml")
    assert [(file.name, file.records) for file in result.files] == [
        *(("d.xml", 1), ("c.xml", 1)),
        *(("b.xml", 1), ("a.xml", 1)),
    ]


def test_schools_of_an_upload_are_kept_apart(tmp_path: Path) -> None:
    twin = roster_file(code="78-9999", number="№243")
    result = read_files(tmp_path, one=roster_file(), two=twin)
    assert [roster.school.code for roster in result.rosters] == ["78-0243", "78-9999"]
    assert [roster.school.number for roster in result.rosters] == ["243", "243"]


def test_a_city_is_read_one_school_at_a_time(tmp_path: Path) -> None:
    files = {f"n{number}": roster_file(code=f"78-{number:04}") for number in range(30)}
    found = scan(write(tmp_path, **files), limits=ReadLimits())

    def codes() -> Iterator[str]:
        for school in found.schools:
            reading = read_school(school, limits=ReadLimits(), today=TODAY)
            assert reading.roster is not None
            yield reading.roster.school.code

    assert list(codes()) == [f"78-{number:04}" for number in range(30)]


def test_another_schools_file_is_stopped(tmp_path: Path) -> None:
    result = read_files(tmp_path, expected_school="78-0001", school=roster_file())
    (finding,) = result.findings
    assert (finding.rule, finding.severity) == ("school.wrong", Severity.FATAL)
    assert "78-0001" in finding.message("ru")
    assert "78-0243" in finding.message("ru")
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
def test_a_file_of_another_school_year_is_stopped(
    tmp_path: Path, today: date, rules: list[str]
) -> None:
    result = read_files(tmp_path, today=today, school=roster_file())
    assert rules_of(result.findings) == rules
    assert bool(result.rosters) is (rules != ["school_year.other"])


def test_the_same_file_twice_is_read_once(tmp_path: Path) -> None:
    result = read_files(tmp_path, one=roster_file(), two=roster_file())
    (finding,) = result.findings
    assert (finding.rule, finding.file) == ("file.same_twice", "two.xml")
    assert "one.xml" in finding.message("ru")
    assert len(result.rosters) == 1


def test_the_same_part_in_two_files_is_stopped(tmp_path: Path) -> None:
    older = roster_file(exported_at="2026-09-01T08:30:00")
    result = read_files(tmp_path, new=roster_file(), old=older)
    assert rules_of(result.findings) == ["set.part_twice"]
    assert not result.rosters


@pytest.mark.parametrize(
    ("overrides", "field_name"),
    [({"mode": "changes"}, "mode"), ({"school_year": "2025/2026"}, "school_year")],
)
def test_files_that_contradict_each_other_are_stopped(
    tmp_path: Path, overrides: dict[str, str], field_name: str
) -> None:
    other = roster_file(students=(), classes=(), content="staff", **overrides)
    result = read_files(tmp_path, a=CLASSES, b=STUDENTS, c=other)
    about = {finding.field_name for finding in result.findings}
    assert about == {field_name}
    assert "set.contradiction" in rules_of(result.findings)
    assert not result.rosters


def test_two_source_systems_of_one_school_are_stopped(tmp_path: Path) -> None:
    staff = (DATA / "paragraf-flat" / "staff.xml").read_bytes()
    result = read_files(tmp_path, a=CLASSES, b=STUDENTS, c=staff)
    assert "set.contradiction" in rules_of(result.findings)
    assert not result.rosters


def test_one_broken_file_stops_its_school_and_no_other(tmp_path: Path) -> None:
    broken = STUDENTS.encode()[:-40]
    other = roster_file(code="78-0001")
    result = read_files(tmp_path, a=CLASSES, b=broken, c=STAFF, d=other)
    assert rules_of(result.findings) == ["xml.truncated"]
    assert result.findings[0].school_code == "78-0243"
    assert [roster.school.code for roster in result.rosters] == ["78-0001"]


def test_pupils_who_refer_to_classes_need_the_file_of_classes(tmp_path: Path) -> None:
    result = read_files(tmp_path, students=STUDENTS, staff=STAFF)
    assert rules_of(result.findings) == ["set.no_classes"]
    assert not result.rosters


@pytest.mark.parametrize(
    ("files", "rule", "missing"),
    [
        ({"a": CLASSES, "b": STUDENTS}, "set.no_staff", Part.STAFF),
        ({"a": STAFF}, "set.no_students", Part.STUDENTS),
        ({"a": roster_file(staff=())}, "set.no_staff", Part.STAFF),
        ({"a": roster_file(students=())}, "set.no_students", Part.STUDENTS),
    ],
)
def test_a_missing_part_is_named_and_nobody_of_it_can_be_missed(
    tmp_path: Path, files: dict[str, str], rule: str, missing: Part
) -> None:
    result = read_files(tmp_path, today=TODAY, **files)  # type: ignore[arg-type]
    assert rules_of(result.findings) == [rule]
    assert missing not in result.rosters[0].parts


@pytest.mark.parametrize("content", ["all", "students", "staff"])
def test_an_empty_roll_is_stopped(tmp_path: Path, content: str) -> None:
    result = read_files(tmp_path, school=roster_file((), (), content=content))
    assert rules_of(result.findings) == ["roll.empty"]
    assert not result.rosters


def test_a_file_of_changes_may_be_small(tmp_path: Path) -> None:
    text = roster_file(staff=(), mode="changes")
    result = read_files(tmp_path, school=text)
    assert not result.findings
    assert result.rosters[0].mode is Mode.CHANGES


def test_a_count_that_does_not_agree_stops_the_file(tmp_path: Path) -> None:
    good = '<counts classes="1" students="2" staff="1" teaching="0"/>'
    text = roster_file(students=[student(), student("s-2", birth_date="x")])
    result = read_files(tmp_path, school=text.replace("</header>", f"{good}</header>"))
    assert rules_of(result.findings) == ["birth_date.format"]
    bad = good.replace('students="2"', 'students="3"')
    result = read_files(tmp_path, school=text.replace("</header>", f"{bad}</header>"))
    assert rules_of(result.findings) == ["birth_date.format", "file.count_mismatch"]
    assert "обещает записей: 3, а в файле их 2" in result.findings[1].message("ru")
    assert not result.rosters


def test_staff_who_are_not_taken_are_counted_among_the_staff(tmp_path: Path) -> None:
    counts = '<counts staff="2"/></header>'
    text = roster_file(staff=[employee(), employee("t-2", category="other")])
    result = read_files(tmp_path, school=text.replace("</header>", counts))
    assert rules_of(result.findings) == ["staff.not_taken"]


def test_a_count_of_all_records_includes_those_not_taken(tmp_path: Path) -> None:
    paths = [DATA / "paragraf-flat" / f"{name}.xml" for name in ("classes", "students", "staff")]
    files = {path.stem: path.read_bytes() for path in paths}
    assert rules_of(read_files(tmp_path, today=TODAY, **files).findings) == ["staff.not_taken"]


@pytest.mark.parametrize(
    ("header", "rule", "field_name"),
    [
        ({"code": ""}, "header.field_missing", "school_code"),
        ({"school_year": ""}, "header.field_missing", "school_year"),
        ({"school_year": "2026"}, "header.invalid", "school_year"),
        ({"exported_at": "вчера"}, "header.invalid", "exported_at"),
        ({"content": "everything"}, "header.invalid", "content"),
        ({"mode": "some"}, "header.invalid", "mode"),
        ({"counts": "", "code": "7" * 51}, "header.invalid", "school_code"),
    ],
)
def test_a_header_must_be_whole(
    tmp_path: Path, header: dict[str, str], rule: str, field_name: str
) -> None:
    result = read_files(tmp_path, school=roster_file(**header))  # type: ignore[arg-type]
    (finding,) = result.findings
    assert (finding.rule, finding.field_name) == (rule, field_name)


def test_a_school_without_a_district_is_reported(tmp_path: Path) -> None:
    text = roster_file().replace("<district>Примерный</district>", "")
    result = read_files(tmp_path, school=text)
    assert rules_of(result.findings) == ["school.no_district"]
    assert result.rosters[0].school.district == ""


def test_the_newest_export_time_stands_for_the_set(tmp_path: Path) -> None:
    later = roster_file((), [employee()], (), content="staff", exported_at="2026-10-02T00:00:00")
    classes = roster_file((), (), [school_class()], content="classes")
    (roster,) = read_files(tmp_path, a=classes, b=STUDENTS, c=later).rosters
    assert roster.exported_at.isoformat() == "2026-10-01T21:00:00+00:00"
