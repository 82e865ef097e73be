"""The shipped layouts, and layouts of the user's own."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from importlib import resources
from pathlib import Path

import pytest
from lxml import etree

from provisioning.formats import LayoutError, layouts
from provisioning.roster import Part, PersonStatus, Role
from provisioning.validation import validate
from tests.factories import make_enrolment
from tests.provisioning.roster_files import (
    DATA,
    TODAY,
    employee,
    link,
    read,
    read_roster,
    read_text,
    roster_file,
    student,
    write,
)
from tests.provisioning.table_files import csv_text, save

LISTS = ("flat-list", "flat-list-without-ids")
WHOLE = (
    "ims-enterprise-1.1",
    "oneroster-csv-1.1",
    "oneroster-csv-1.2",
    "paragraf-flat",
    "roster-1",
)
"""Layouts that say everything about a school; lists name its pupils alone."""
OF_OWNERS = ("pifu-ims",)
"""A file holds all schools of an owner (``test_formats_ims``)."""
LAYOUTS = resources.files("provisioning.formats").joinpath("layouts")
LAYOUT = LAYOUTS.joinpath("roster-1.toml").read_text("utf-8")
SCHEMA = etree.XMLSchema(etree.fromstring(LAYOUTS.joinpath("roster-1.xsd").read_bytes()))
IMS = (DATA / "ims-enterprise-1.1" / "school.xml").read_text("utf-8")
DOCS = Path(__file__).parents[2] / "docs"
SHIPPED_LAYOUTS, DESCRIPTION = DOCS / "shipped-layouts.md", DOCS / "roster-layout.md"
TABLES = DOCS / "tables.md"


def test_the_shipped_layouts_are_these_and_each_is_described() -> None:
    assert set(layouts()) == {*LISTS, *WHOLE, *OF_OWNERS}
    texts = SHIPPED_LAYOUTS.read_text("utf-8") + TABLES.read_text("utf-8")
    described = re.findall(r"(?m)^\* \*\*([\w.-]+)\*\*", texts)
    assert sorted(described) == sorted((*LISTS, *WHOLE, *OF_OWNERS))


@pytest.mark.parametrize("name", WHOLE)
def test_the_sample_of_each_layout_says_the_same_about_its_people(name: str) -> None:
    result = read([DATA / name])
    roster, school = result.roster, result.roster.school
    assert set(result.rules) <= {"staff.not_taken", "guardian.ignored"}
    assert (school.code, school.number) == ("78-0243", "243")
    assert school.district == "Примерный"
    assert school.kind in ("СОШ", "")  # OneRoster knows none
    assert (roster.school_year, roster.parts) == ("2026/2027", set(Part))
    pupil, teacher = roster.persons["s-1"], roster.persons["t-1"]
    assert pupil.full_name == "Примеров Пётр Пробович"
    assert (pupil.birth_date, pupil.sex, pupil.snils) == (date(2012, 2, 29), "M", "11223344595")
    assert (teacher.role, teacher.birth_date) == (Role.TEACHER, date(1980, 2, 29))
    home_class = next(key for key, one in roster.classes.items() if one.title == "8А")
    assert make_enrolment("s-1", home_class) in roster.enrolments
    taught = {one.subject for one in roster.enrolments if one.role is Role.TEACHER}
    assert "Математика" in taught


def test_the_samples_of_our_layout_satisfy_its_schema() -> None:
    SCHEMA.assertValid(etree.parse(DATA / "roster-1" / "school.xml"))
    SCHEMA.assertValid(etree.fromstring(roster_file(teaching=[link()]).encode()))


def test_the_example_of_the_description_satisfies_the_schema_and_is_read() -> None:
    (text,) = re.findall(r"```xml\n(.*?)```", DESCRIPTION.read_text("utf-8"), re.S)
    SCHEMA.assertValid(etree.fromstring(text.encode()))
    result = read_text(text)
    assert (len(result.rosters), result.findings) == (1, [])


def test_the_schema_refuses_what_our_layout_does_not_allow() -> None:
    twice = roster_file(students=[student("x")], staff=[employee("x")])
    dotted = roster_file(students=[student(birth_date="01.09.2012")])
    for text in (twice, dotted):
        assert not SCHEMA.validate(etree.fromstring(text.encode()))


def test_ids_of_pupils_staff_and_classes_do_not_collide_in_flat_files() -> None:
    roster = read([DATA / "paragraf-flat"]).roster
    assert set(roster.persons) | set(roster.classes) == {"s-1", "s-2", "t-1", "t-2", "c-1", "c-2"}
    assert roster.classes["c-1"].teacher_id == "t-1"


def test_ims_deletion_is_leaving_and_other_roles_or_members_of_the_school_are_not_taken() -> None:
    assert "<sourcedid><source>78-0243</source><id>school</id></sourcedid>\n    <member>" in IMS
    result = read_text(IMS)
    assert set(result.roster.persons) == {"s-1", "s-2", "t-1"}
    assert result.roster.persons["s-2"].status is PersonStatus.LEFT
    assert result.rules == ["guardian.ignored"]
    assert validate(result.roster, TODAY)[1] == []


def test_a_link_that_is_given_twice_counts_once() -> None:
    assert len(read_roster(teaching=[link(), link()]).roster.enrolments) == 2


def test_ims_without_a_school_year_takes_that_of_its_export() -> None:
    text = IMS.replace("<adminperiod>2026/2027</adminperiod>", "")
    assert read_text(text).roster.school_year == "2026/2027"
    result = read_text(text.replace("2026-10-01T", "2026-02-01T"))
    assert result.rules == ["guardian.ignored", "school_year.other"]
    assert not result.rosters


def test_a_namespace_of_the_file_does_not_matter() -> None:
    spaced = roster_file().replace("<roster ", '<roster xmlns="urn:example:roster" ')
    assert read_text(spaced).roster == read_roster().roster


def test_an_unknown_file_is_answered_with_its_paths() -> None:
    text = "<Kontingent v='2'><Pupil><Name>И</Name></Pupil></Kontingent>"
    finding = read_text(text).finding
    assert finding.rule == "layout.unknown"
    assert "Kontingent/Pupil/Name" in finding.message("ru")
    assert "<Kontingent" in finding.message("en")


def test_the_layout_of_the_guide_to_tables_reads_such_a_table(tmp_path: Path) -> None:
    (layout,) = re.findall(r"```toml\n(.*?)```", TABLES.read_text("utf-8"), re.S)
    (tmp_path / "example.toml").write_text(layout, "utf-8")
    text = csv_text(
        ("Класс", "ФИО", "Д.р.", "Номер"), ("8 а", "Примеров Пётр Пробович", "29.02.2012", "17")
    )
    path = save(tmp_path / "list.csv", text)
    roster = read([path], layout_folders=[tmp_path], expected_school="78-0243").roster
    assert roster.persons["17"].full_name == "Примеров Пётр Пробович"
    assert roster.source == "journal"


def test_a_layout_may_demand_more_than_we_do(tmp_path: Path) -> None:
    demanded = 'class_id = { path = "class_id", required = true }'
    text = LAYOUT.replace('class_id = "class_id"', demanded)
    (tmp_path / "mine.toml").write_text(text, "utf-8")
    paths = write(tmp_path, school=roster_file(students=[student(class_id="")]))
    result = read(paths, layout_folders=[tmp_path])
    assert result.rules == ["field.missing", "layout.nothing_of_a_kind"]
    assert "teaching/link" in result.findings[1].message("ru")
    assert result.roster.set_aside == {"s-1"}


@pytest.mark.parametrize(
    ("before", "after", "complaint"),
    [
        ('root = "roster"', "", "root is missing"),
        ('kind = "class"', 'kind = "klass"', "klass"),
        ('sex = "sex"', 'gender = "sex"', "unknown fields gender"),
        ('dictionary = "category"', 'dictionary = "other"', "other is missing"),
        ('title = "title"', 'title = { path = "t", transform = "shout" }', "shout"),
        ('school_code = "school/@code"', "", "school_code"),
        ('all = ["classes", ', 'all = ["buildings", ', "buildings"),
        ("[recognise]", "[recognise", "bad.toml"),
        ('snils = "snils"', 'snils = "id[type="', "no path"),
        ('snils = "snils"', 'snils = "//snils"', "no path"),
        ('path = "classes/class"', 'path = "/classes"', "no path"),
        ('source = "roster"', 'source = "roster"\ntime_zone = "Mars/Base"', "Mars"),
    ],
)
def test_a_wrong_layout_is_named_with_what_is_wrong(
    tmp_path: Path, before: str, after: str, complaint: str
) -> None:
    assert before in LAYOUT
    (tmp_path / "bad.toml").write_text(LAYOUT.replace(before, after, 1), "utf-8")
    with pytest.raises(LayoutError, match=complaint):
        layouts([tmp_path])


def test_a_layout_in_another_encoding_and_a_missing_folder_are_named(tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_bytes("# Школа".encode("cp1251"))
    with pytest.raises(LayoutError, match=r"bad\.toml: cannot be read"):
        layouts([tmp_path])
    with pytest.raises(LayoutError, match="no such folder"):
        layouts([tmp_path / "nowhere"])


def test_a_layout_of_the_same_name_replaces_the_shipped_one(tmp_path: Path) -> None:
    text = LAYOUT.replace('source = "roster"', 'source = "mine"')
    (tmp_path / "mine.toml").write_text(text, "utf-8")
    assert layouts([tmp_path])["roster-1"] == replace(layouts()["roster-1"], source="mine")
