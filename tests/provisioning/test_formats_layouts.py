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
from provisioning.roster import Enrolment, Part, PersonStatus, Role
from tests.provisioning.roster_files import (
    DATA,
    employee,
    link,
    read,
    read_files,
    read_one,
    roster_file,
    rules_of,
    student,
    write,
)

SHIPPED = ("ims-enterprise-1.1", "paragraf-flat", "roster-1")
DOCS = Path(__file__).parents[2] / "docs"
NEW_LAYOUT, DESCRIPTION = DOCS / "new-layout.md", DOCS / "roster-layout.md"


def roster_schema() -> etree.XMLSchema:
    text = resources.files("provisioning.formats").joinpath("layouts/roster-1.xsd").read_bytes()
    return etree.XMLSchema(etree.fromstring(text))


def test_three_layouts_are_shipped() -> None:
    assert tuple(layouts()) == SHIPPED


@pytest.mark.parametrize("name", SHIPPED)
def test_the_sample_of_each_layout_says_the_same_about_its_people(name: str) -> None:
    result = read([DATA / name])
    (roster,) = result.rosters
    assert set(rules_of(result.findings)) <= {"staff.not_taken", "guardian.ignored"}
    assert (roster.school.code, roster.school.number) == ("78-0243", "243")
    assert (roster.school.district, roster.school.kind) == ("Примерный", "СОШ")
    assert roster.school_year == "2026/2027"
    assert roster.parts == set(Part)
    pupil, teacher = roster.persons["s-1"], roster.persons["t-1"]
    assert (pupil.family_name, pupil.given_name, pupil.middle_name) == (
        *("Примеров", "Пётр"),
        "Пробович",
    )
    assert (pupil.birth_date, pupil.sex, pupil.snils) == (date(2012, 2, 29), "M", "11223344595")
    assert (teacher.role, teacher.birth_date) == (Role.TEACHER, date(1980, 2, 29))
    home_class = next(one for one in roster.classes.values() if one.title == "8А")
    assert Enrolment(person_id="s-1", class_id=home_class.sourced_id, role=Role.STUDENT) in set(
        roster.enrolments
    )
    assert Enrolment(
        person_id="t-1",
        class_id=home_class.sourced_id,
        role=Role.TEACHER,
        subject="Математика",
    ) in set(roster.enrolments)


def test_the_samples_of_our_layout_satisfy_its_schema() -> None:
    schema = roster_schema()
    schema.assertValid(etree.parse(DATA / "roster-1" / "school.xml"))
    schema.assertValid(etree.fromstring(roster_file(teaching=[link()]).encode()))


def test_the_example_of_the_description_satisfies_the_schema_and_is_read(tmp_path: Path) -> None:
    (text,) = re.findall(r"```xml\n(.*?)```", DESCRIPTION.read_text("utf-8"), re.S)
    roster_schema().assertValid(etree.fromstring(text.encode()))
    result = read_files(tmp_path, school=text)
    assert (len(result.rosters), result.findings) == (1, [])


def test_the_schema_refuses_what_our_layout_does_not_allow() -> None:
    twice = roster_file(students=[student("x")], staff=[employee("x")])
    assert not roster_schema().validate(etree.fromstring(twice.encode()))
    dotted = roster_file(students=[student(birth_date="01.09.2012")])
    assert not roster_schema().validate(etree.fromstring(dotted.encode()))


def test_ids_of_pupils_staff_and_classes_do_not_collide_in_flat_files() -> None:
    (roster,) = read([DATA / "paragraf-flat"]).rosters
    assert set(roster.persons) == {"s-1", "s-2", "t-1", "t-2"}
    assert set(roster.classes) == {"c-1", "c-2"}
    assert roster.classes["c-1"].teacher_id == "t-1"


def test_ims_deletion_is_leaving_and_other_roles_are_not_taken() -> None:
    result = read([DATA / "ims-enterprise-1.1"])
    (roster,) = result.rosters
    assert set(roster.persons) == {"s-1", "s-2", "t-1"}
    assert roster.persons["s-2"].status is PersonStatus.LEFT
    assert rules_of(result.findings) == ["guardian.ignored"]


def test_ims_members_of_the_school_itself_are_in_no_class(tmp_path: Path) -> None:
    text = (DATA / "ims-enterprise-1.1" / "school.xml").read_text("utf-8")
    assert "<sourcedid><source>78-0243</source><id>school</id></sourcedid>\n    <member>" in text
    _, rules = read_one(tmp_path, text)
    assert rules == ["guardian.ignored"]


def test_a_link_that_is_given_twice_counts_once(tmp_path: Path) -> None:
    text = roster_file(teaching=[link(), link()])
    (roster,) = read_files(tmp_path, school=text).rosters
    assert len(roster.enrolments) == 2


def test_ims_without_a_school_year_takes_that_of_its_export(tmp_path: Path) -> None:
    text = (DATA / "ims-enterprise-1.1" / "school.xml").read_text("utf-8")
    text = text.replace("<adminperiod>2026/2027</adminperiod>", "")
    (roster,) = read_files(tmp_path, school=text).rosters
    assert roster.school_year == "2026/2027"
    result = read_files(tmp_path, school=text.replace("2026-10-01T", "2026-02-01T"))
    assert rules_of(result.findings) == ["guardian.ignored", "school_year.other"]
    assert not result.rosters


def test_a_namespace_of_the_file_does_not_matter(tmp_path: Path) -> None:
    plain = roster_file()
    spaced = plain.replace("<roster ", '<roster xmlns="urn:example:roster" ')
    (one,), (other,) = (read_files(tmp_path, school=text).rosters for text in (plain, spaced))
    assert one == other


def test_an_unknown_file_is_answered_with_its_paths(tmp_path: Path) -> None:
    result = read_files(
        tmp_path, school="<Kontingent v='2'><Pupil><Name>И</Name></Pupil></Kontingent>"
    )
    (finding,) = result.findings
    assert finding.rule == "layout.unknown"
    assert "Kontingent/Pupil/Name" in finding.message("ru")
    assert "<Kontingent" in finding.message("en")


def test_another_version_of_our_layout_is_unknown(tmp_path: Path) -> None:
    text = roster_file().replace('version="1"', 'version="2"')
    assert rules_of(read_files(tmp_path, school=text).findings) == ["layout.unknown"]


def test_the_layout_of_the_guide_reads_the_file_of_the_guide(tmp_path: Path) -> None:
    blocks = dict(re.findall(r"```(xml|toml)\n(.*?)```", NEW_LAYOUT.read_text("utf-8"), re.S))
    (tmp_path / "example.toml").write_text(blocks["toml"], "utf-8")
    paths = write(tmp_path, journal=blocks["xml"])
    result = read(paths, layout_folders=[tmp_path])
    (roster,) = result.rosters
    assert rules_of(result.findings) == []
    assert [one.title for one in roster.classes.values()] == ["8А"]
    pupil = roster.persons["s17"]
    assert (pupil.family_name, pupil.given_name) == ("Примеров", "Пётр")
    assert (pupil.middle_name, pupil.sex) == ("Пробович", "M")
    assert {one.class_id for one in roster.enrolments} == {"8А"}
    assert roster.persons["t3"].role is Role.TEACHER


def test_a_layout_may_demand_more_than_we_do(tmp_path: Path) -> None:
    shipped = resources.files("provisioning.formats").joinpath("layouts/roster-1.toml")
    text = shipped.read_text("utf-8").replace(
        'class_id = "class_id"', 'class_id = { path = "class_id", required = true }'
    )
    (tmp_path / "mine.toml").write_text(text, "utf-8")
    paths = write(tmp_path, school=roster_file(students=[student(class_id="")]))
    result = read(paths, layout_folders=[tmp_path])
    assert rules_of(result.findings) == ["field.missing"]
    assert result.rosters[0].set_aside == {"s-1"}


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
    shipped = resources.files("provisioning.formats").joinpath("layouts/roster-1.toml")
    text = shipped.read_text("utf-8")
    assert before in text
    (tmp_path / "bad.toml").write_text(text.replace(before, after, 1), "utf-8")
    with pytest.raises(LayoutError, match=complaint):
        layouts([tmp_path])


def test_a_layout_in_another_encoding_is_named(tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_bytes("# Школа".encode("cp1251"))
    with pytest.raises(LayoutError, match=r"bad\.toml: cannot be read"):
        layouts([tmp_path])


def test_a_missing_layout_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(LayoutError, match="no such folder"):
        layouts([tmp_path / "nowhere"])


def test_a_layout_of_the_same_name_replaces_the_shipped_one(tmp_path: Path) -> None:
    shipped = resources.files("provisioning.formats").joinpath("layouts/roster-1.toml")
    text = shipped.read_text("utf-8").replace('source = "roster"', 'source = "mine"')
    (tmp_path / "mine.toml").write_text(text, "utf-8")
    assert layouts([tmp_path])["roster-1"] == replace(layouts()["roster-1"], source="mine")
