"""Several schools in one file, and one school in several files of the same part."""

from __future__ import annotations

import re

import pytest

from provisioning.findings import Severity
from provisioning.formats import LayoutError
from provisioning.roster import PersonStatus
from tests.provisioning.foreign_files import (
    changed,
    doubts,
    layout_of,
    read_with,
    said,
    text_of,
)
from tests.provisioning.roster_files import (
    employee,
    link,
    read_files,
    roster_file,
    school_class,
    student,
)
from tests.provisioning.test_formats_foreign import FLAT

CITY_LAYOUT = """
name = "city-1"
title = "Several schools"
source = "city"
[recognise]
root = "city"
[content]
"" = ["classes", "students", "staff", "teaching"]
[[records]]
kind = "header"
path = "."
[records.fields]
exported_at = "@at"
[[records]]
kind = "school"
path = "school"
[records.fields]
school_code = "@code"
school_name = "name"
district = "area"
[[records]]
kind = "class"
path = "school/class"
[records.fields]
school_code = "../@code"
id = "@id"
title = "@id"
grade = { path = "@id", transform = "grade_of_title" }
[[records]]
kind = "student"
path = "school/class/pupil"
[records.fields]
school_code = "../../@code"
id = "@id"
family_name = "f"
given_name = "g"
birth_date = "b"
class_id = "../@id"
[[records]]
kind = "staff"
path = "school/teacher"
[records.fields]
school_code = "../@code"
id = "@id"
role = { value = "teacher" }
family_name = "f"
given_name = "g"
birth_date = "b"
[[records]]
kind = "teaching"
path = "teaching/link"
[records.fields]
person_id = "@who"
class_id = "@class"
"""


def pupil(key: str) -> str:
    return f'<pupil id="{key}"><f>Примеров</f><g>Проба</g><b>2015-02-03</b></pupil>'


def school(code: str, title: str, *pupils: str, teacher: str) -> str:
    people = "".join(map(pupil, pupils))
    return (
        f'<school code="{code}"><name>Школа {code}</name><area>Примерный</area>'
        f'<class id="{title}">{people}</class><teacher id="{teacher}"><f>Образцова</f>'
        "<g>Проба</g><b>1980-02-03</b></teacher></school>"
    )


CITY = (
    '<city at="2026-10-01">'
    + school("S1", "5А", "1", "2", teacher="t1")
    + school("S2", "6Б", "3", teacher="t2")
    + '<teaching><link who="t1" class="5А"/><link who="t2" class="6Б"/></teaching></city>'
)
S1 = {("1", "5А", "student"), ("2", "5А", "student"), ("t1", "5А", "teacher")}


def test_one_file_holds_several_schools() -> None:
    result = read_with(CITY_LAYOUT, city=CITY)
    one, two = result.rosters
    assert [(roster.school.code, roster.school.name) for roster in (one, two)] == [
        ("S1", "Школа S1"),
        ("S2", "Школа S2"),
    ]
    assert (said(one).places, set(two.persons)) == (S1, {"3", "t2"})
    assert (result.rules, one.school.district) == ([], "Примерный")
    # Each school's part of the file is recorded with its load.
    assert [(one.school_code, one.records) for one in result.files] == [("S1", 5), ("S2", 4)]


@pytest.mark.parametrize(
    ("change", "places", "rules"),
    [
        (('<school code="S2">', "<school>"), S1, ["row.no_school"]),
        (('<link who="t1" class="5А"/>', '<link who="t9" class="9Я"/>'),
         S1 - {("t1", "5А", "teacher")}, ["row.no_school"]),
        (("6Б", "5А"), S1, []),  # whose class it is, is told by the person
        (('<link who="t1" class="5А"/>', '<link who="t1" class="9Я"/>'),
         S1 - {("t1", "5А", "teacher")} | {("t1", "9Я", "teacher")}, []),
        (('code="S2"', 'code="' + "7" * 51 + '"'), S1, ["row.no_school"]),
        (("<g>Проба</g><b>2015-02-03</b></pupil><pupil", "<g>Проба</g></pupil><pupil"),
         {one for one in S1 if one[0] != "1"}, ["field.missing"]),
    ],
    ids=["a school without code", "a link of nobody", "one class id in both schools",
         "a class of no school", "a code too long", "a row that cannot be used"],
)  # fmt: skip
def test_what_belongs_to_no_school_is_told(
    change: tuple[str, str], places: set[tuple[str, str, str]], rules: list[str]
) -> None:
    result = read_with(CITY_LAYOUT, city=changed(CITY, [change]))
    assert said(result.rosters[0]).places == places
    assert doubts(result) == rules


def test_a_pupils_row_may_name_its_school() -> None:
    layout = layout_of(
        "flat1251",
        ('school_code = "@Школа"\n', ""),
        ('id = "@Код"', 'id = "@Код"\nschool_code = "@Школа"'),
        ('title = "@Класс"', 'title = "@Класс"\nschool_code = "@Школа"'),
    )
    rows = text_of("flat1251", ('Код="3"', 'Код="3" Школа="2"'), ('Код="1"', 'Код="1" Школа="1"'))
    result = read_with(layout, school=changed(rows, [('Код="2"', 'Код="2" Школа="1"')]))
    assert [(one.school.code, set(one.persons), set(one.classes)) for one in result.rosters] == [
        ("1", {"1", "2"}, {"5А"}),
        ("2", {"3"}, {"6Б"}),
    ]


def test_a_file_of_several_schools_without_any_is_told() -> None:
    result = read_with(CITY_LAYOUT, city='<city at="2026-10-01"><town/></city>')
    assert (result.rules, result.rosters) == (["layout.read_nothing", "roll.empty"], [])
    assert "school/class/pupil" in result.findings[0].message("ru")


def test_a_second_header_of_another_school_stops_the_file() -> None:
    second = '<header><school code="78-0001"></school></header>'
    result = read_files(school=roster_file(after=second))
    assert (result.finding.rule, result.finding.severity) == ("header.second", Severity.FATAL)
    again = '<header><school code="78-0243"></school></header>'
    assert read_files(school=roster_file(after=again)).rules == []


# One school in several files.

A = roster_file([student("s-1")], [employee("t-1")], [school_class("c-1")])
B = roster_file(
    [student("s-2", class_id="c-2")],
    [employee("t-1")],
    [school_class("c-2", title="8Б")],
    [link("t-1", "c-2")],
)


def with_class(text: str) -> str:
    return text.replace("c-8a", "c-1")


def test_a_file_for_each_class_is_read_as_one_school() -> None:
    result = read_files(a=with_class(A), b=B)
    roster = result.roster
    assert (set(roster.persons), set(roster.classes)) == ({"s-1", "s-2", "t-1"}, {"c-1", "c-2"})
    assert result.rules == ["set.joined"]
    assert "2" in result.finding.message("ru")


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        (("s-2", "s-1"), "set.part_twice"),
        (("c-2", "c-1"), "set.part_twice"),
        (("Образцова", "Иная"), "set.part_twice"),
        (("2026-10-01T08:30", "2026-09-30T08:30"), "set.part_twice"),
        (("2026-10-01T08:30", "2026-10-01T18:30"), "set.joined"),
    ],
    ids=["one pupil in both", "one class id for two classes", "one id for two teachers",
         "another day", "another hour"],
)  # fmt: skip
def test_lists_that_are_of_different_classes_of_one_day_are_joined(
    change: tuple[str, str], rule: str
) -> None:
    result = read_files(a=with_class(A), b=changed(B, [change]))
    assert result.rules == [rule]
    assert bool(result.rosters) is (rule == "set.joined")


def test_who_went_to_another_class_is_in_the_files_of_both() -> None:
    left = with_class(roster_file([student("s-1"), student("s-2", status="left")]))
    for files in ({"a": left, "b": B}, {"a": B, "b": left}):
        result = read_files(**files)
        assert set(result.rules) == {"id.ended_row", "set.joined"}
        assert result.roster.persons["s-2"].status is PersonStatus.ACTIVE
        assert said(result.roster).places >= {("s-2", "c-2", "student")}


def test_a_layout_may_say_that_a_school_has_many_files() -> None:
    layout = layout_of("flat1251", ('source = "flat"', 'source = "flat"\nseveral_files = true'))
    rows = text_of("flat1251").split("\n")
    one, two = ("\n".join([*rows[:2], *some, rows[-2]]) for some in (rows[2:4], rows[4:5]))
    result = read_with(layout, one=one, two=two.replace("01.10.2026", "30.09.2026"))
    assert (said(result.roster), doubts(result)) == (FLAT, [])


def test_counts_of_a_file_with_several_schools_are_refused() -> None:
    with pytest.raises(LayoutError, match=re.escape("may hold several schools")):
        read_with(CITY_LAYOUT.replace('exported_at = "@at"', 'exported_at = "@at"\ncount = "@n"'))
