"""The guide to new layouts: each of its examples reads its file, and its tables are whole."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from provisioning.formats.cleaning import TRANSFORMS
from provisioning.formats.layout import FIELDS, Kind
from provisioning.formats.layout_text import (
    CONDITION_KEYS,
    FIELD_KEYS,
    LAYOUT_KEYS,
    RECORD_KEYS,
)
from provisioning.roster import Role
from tests.provisioning.foreign_files import Said, doubts, read_with, said
from tests.provisioning.test_formats_foreign import ALL

DOCS = Path(__file__).parents[2] / "docs"
GUIDE = (DOCS / "new-layout.md").read_text("utf-8")
EXAMPLES = {
    letter: (xml, toml)
    for letter, xml, toml in re.findall(
        r"\n## ([A-G])\. (?:(?!\n## ).)*?```xml\n(.*?)```(?:(?!\n## ).)*?```toml\n(.*?)```",
        GUIDE + (DOCS / "layout-examples.md").read_text("utf-8"),
        re.S,
    )
}
REGISTER = Said(
    people={
        ("p1", "student", "Примеров Пётр", "2012-02-29"),
        ("p2", "teacher", "Образцова Проба", "1980-05-04"),
    },
    classes={("g1", "8А", 8, "homeroom")},
    places={("p1", "g1", "student"), ("p2", "g1", "teacher")},
)


def test_every_example_of_the_guide_is_whole() -> None:
    assert sorted(EXAMPLES) == list("ABCDEFG")


@pytest.mark.parametrize(
    ("letter", "expected"),
    [*zip("ABCD", ALL.values(), strict=True), ("F", REGISTER)],
    ids="ABCDF",
)
def test_an_example_reads_its_file(letter: str, expected: Said) -> None:
    xml, toml = EXAMPLES[letter]
    result = read_with(toml, school=xml)
    assert (said(result.roster), doubts(result)) == (expected, [])


def test_the_example_of_lists_reads_its_file_whole() -> None:
    xml, toml = EXAMPLES["E"]
    result = read_with(toml, journal=xml)
    roster, pupil = result.roster, result.roster.persons["s17"]
    assert result.rules == []
    assert [one.title for one in roster.classes.values()] == ["8А"]
    assert (pupil.full_name, pupil.sex) == ("Примеров Пётр Пробович", "M")
    assert {one.class_id for one in roster.enrolments} == {"8А"}
    assert roster.persons["t3"].role is Role.TEACHER


def test_the_example_of_a_city_reads_two_schools() -> None:
    xml, toml = EXAMPLES["G"]
    result = read_with(toml, city=xml)
    assert doubts(result) == []
    assert [(one.school.code, set(one.persons)) for one in result.rosters] == [
        ("S1", {"1"}),
        ("S2", {"2"}),
    ]


@pytest.mark.parametrize(
    "words",
    [LAYOUT_KEYS, RECORD_KEYS, CONDITION_KEYS, FIELD_KEYS, TRANSFORMS, Kind],
    ids=["layout", "record", "where", "field", "transforms", "kinds"],
)
def test_every_key_is_in_a_table_of_the_guide(words: frozenset[str]) -> None:
    tables = "\n".join(re.findall(r"(?m)^\|.*$", GUIDE))
    named = {word for code in re.findall(r"`([^`]+)`", tables) for word in re.findall(r"\w+", code)}
    assert set(words) - named == set()


def test_every_field_of_a_kind_is_in_its_row() -> None:
    rows = dict(re.findall(r"(?m)^\| `(\w+)` \| (.*) \|$", GUIDE.partition("## Kinds")[2]))
    assert set(rows) == set(Kind)
    for kind in (
        Kind.HEADER,
        Kind.SCHOOL,
        Kind.CLASS,
        Kind.STUDENT,
        Kind.TEACHING,
        Kind.MEMBERSHIP,
    ):
        assert FIELDS[kind] - set(re.findall(r"\w+", rows[kind])) == set(), kind
