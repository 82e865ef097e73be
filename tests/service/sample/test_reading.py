"""The files of the sample city: the same bytes, valid, and to our reader they say what the city is.

In every layout and encoding.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import TypeVar

import pytest
from lxml import etree

from provisioning.findings import Finding
from provisioning.roster import Enrolment, Person, PersonStatus, Role, Roster, SchoolClass
from provisioning.validation import validate
from service.sample import ENCODINGS, LAYOUTS, City, SampleSchool, make_city, write_sample
from tests.provisioning.roster_files import ReadResult, read
from tests.service.sample.truth import describe, make_numbers

Listed = TypeVar("Listed", Person, SchoolClass)

ORDINARY = {"guardian.ignored", "pupil.no_class", "birth_date.first_of_january"}
"""Rules with remarks on a city where nothing is wrong."""

EVERY_ENCODING = pytest.mark.parametrize("encoding", ENCODINGS)
EVERY_LAYOUT = pytest.mark.parametrize("layout", LAYOUTS)


def write_and_read(
    folder: Path, city: City, layout: str, *, month: int = 0, encoding: str | None = None
) -> ReadResult:
    write_sample(folder, city, layout=layout, month=month, encoding=encoding)
    return read([folder], today=city.today)


def persons(layout: str, school: SampleSchool) -> dict[str, Person]:
    people = {row.person.sourced_id: row.person for row in school.rows if row.usable}
    if layout != "ims-enterprise-1.1":
        return people
    # It has no place for all we know.
    for key, one in people.items():
        status = one.status if one.status is PersonStatus.LEFT else PersonStatus.ACTIVE
        people[key] = replace(one, position="", status=status, begin_date=None, end_date=None)
    return people


def classes(layout: str, school: SampleSchool) -> dict[str, SchoolClass]:
    lost = {"teacher_id": None} if layout == "ims-enterprise-1.1" else {}
    return {each.sourced_id: replace(each, **lost) for each in school.classes}


def enrolments(school: SampleSchool) -> Counter[Enrolment]:
    home = (
        Enrolment(person_id=row.person.sourced_id, class_id=row.class_id, role=Role.STUDENT)
        for row in school.rows
        if row.usable and row.class_id
    )
    return Counter([*home, *school.teaching])


def placeless(read: Mapping[str, Listed]) -> dict[str, Listed]:
    """Without the file and the line, which the city knows nothing of."""
    return {key: replace(each, file="", line=0) for key, each in read.items()}


@EVERY_ENCODING
@EVERY_LAYOUT
def test_what_is_read_is_what_the_city_is(tmp_path: Path, layout: str, encoding: str) -> None:
    city = make_numbers()
    found = write_and_read(tmp_path, city, layout, month=1, encoding=encoding)
    for roster, school in zip(found.rosters, make_city(city, 1), strict=True):
        assert roster.school == school.school
        assert roster.school_year == school.school_year
        assert roster.exported_at == school.exported_at
        assert placeless(roster.persons) == persons(layout, school)
        assert placeless(roster.classes) == classes(layout, school)
        assert Counter(roster.enrolments) == enrolments(school)
        assert roster.set_aside == frozenset()


def all_findings(found: ReadResult, city: City) -> list[Finding]:
    doubts = [validate(roster, city.today)[1] for roster in found.rosters]
    return [*found.findings, *(each for findings in doubts for each in findings)]


@EVERY_LAYOUT
def test_a_sound_sample_gives_only_the_remarks_of_any_city(tmp_path: Path, layout: str) -> None:
    city = make_numbers(schools=10)
    found = write_and_read(tmp_path, city, layout, month=2)
    assert {each.rule for each in all_findings(found, city)} <= ORDINARY


@EVERY_LAYOUT
def test_parents_are_counted_where_the_layout_has_them(tmp_path: Path, layout: str) -> None:
    found = write_and_read(tmp_path, make_numbers(), layout)
    counted = [
        int(each.details["count"]) for each in found.findings if each.rule == "guardian.ignored"
    ]
    expected = [] if layout == "roster-1" else [t.guardians for t in describe(make_numbers())]
    assert counted == expected


@pytest.mark.parametrize("month", [0, 1, 5])
@EVERY_LAYOUT
def test_described_numbers_are_the_numbers_read(tmp_path: Path, layout: str, month: int) -> None:
    city = make_numbers(broken=1)
    found = write_and_read(tmp_path, city, layout, month=month)
    for roster, truth in zip(found.rosters, describe(city, month), strict=True):
        assert roster.school.code == truth.code
        assert len(roster.classes) == truth.classes
        assert Counter(roster.persons[key].role for key in on_roll(roster)) == truth.roles


@EVERY_LAYOUT
def test_described_changes_are_the_difference_of_two_readings(tmp_path: Path, layout: str) -> None:
    city = make_numbers(broken=1)
    before = write_and_read(tmp_path / "0", city, layout, month=0).rosters
    after = write_and_read(tmp_path / "1", city, layout, month=1).rosters
    for old, new, truth in zip(before, after, describe(city, 1), strict=True):
        there, here = on_roll(old), on_roll(new)
        changes = truth.changes
        assert here - there == (changes.arrivals | changes.transfers_in.keys() | changes.new_staff)
        assert there - here == changes.leavers | changes.transfers_out | changes.left_staff
        assert changes.renamed == {
            key
            for key in there & here
            if old.persons[key].family_name != new.persons[key].family_name
        }
        assert changes.renamed_classes == {
            key for key in old.classes if old.classes[key].title != new.classes[key].title
        }


def on_roll(roster: Roster) -> set[str]:
    return {key for key, person in roster.persons.items() if person.status is not PersonStatus.LEFT}


@EVERY_LAYOUT
def test_a_broken_school_has_a_finding_for_each_flaw(tmp_path: Path, layout: str) -> None:
    city = make_numbers(broken=1)
    found = write_and_read(tmp_path, city, layout)
    bad = [each for each in all_findings(found, city) if each.rule not in ORDINARY]
    assert len(found.rosters) == 3
    assert {each.school_code for each in bad} == {"SB0003"}
    assert Counter(each.rule for each in bad) == {
        "birth_date.two_digit_year": 1,
        "birth_date.impossible": 1,
        "field.missing": 2,
        "snils.check_number": 1,
        "name.mixed_alphabets": 1,
        "id.duplicate": 1,
        "age.pupil": 1,
        "class.unknown": 1,
        "class.empty": 1,
    }


# The files themselves

CITY = City(schools=3, people_per_school=60, broken=1)


def digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*.xml")
    }


@EVERY_LAYOUT
def test_the_same_numbers_write_the_same_bytes(tmp_path: Path, layout: str) -> None:
    for name in ("first", "second"):
        write_sample(tmp_path / name, CITY, layout=layout, month=1)
    assert digests(tmp_path / "first") == digests(tmp_path / "second") != {}


def test_the_bytes_are_the_same_on_any_machine(tmp_path: Path) -> None:
    write_sample(tmp_path, City(schools=1, people_per_school=20), layout="roster-1")
    [digest] = digests(tmp_path).values()
    assert digest == "52d188fdb33d688b6cd2ebdfebecbd4bf06e782e3707ee4b50ac66b69a9eae75"


@EVERY_LAYOUT
def test_every_school_has_its_own_files(tmp_path: Path, layout: str) -> None:
    people = write_sample(tmp_path, CITY, layout=layout)
    assert {path.stem for path in tmp_path.iterdir()} == {"SB0001", "SB0002", "SB0003"}
    assert people == sum(len(school.rows) for school in make_city(CITY))


def test_sound_samples_of_our_own_layout_are_valid(tmp_path: Path) -> None:
    xsd = resources.files("provisioning.formats.layouts").joinpath("roster-1.xsd")
    schema = etree.XMLSchema(etree.fromstring(xsd.read_bytes()))
    write_sample(tmp_path, make_numbers(), layout="roster-1", month=3)
    for path in tmp_path.iterdir():
        schema.assertValid(etree.parse(path))


@EVERY_ENCODING
@EVERY_LAYOUT
def test_files_are_in_the_encoding_they_declare(tmp_path: Path, layout: str, encoding: str) -> None:
    write_sample(tmp_path, CITY, layout=layout, encoding=encoding)
    for path in tmp_path.rglob("*.xml"):
        assert path.read_bytes().startswith(
            b'<?xml version="1.0" encoding="%s"?>' % encoding.encode()
        )
        path.read_text(encoding)
        etree.parse(path)


def test_letters_outside_windows_1251_survive_as_references(tmp_path: Path) -> None:
    city = make_numbers()
    names = {row.person.family_name for school in make_city(city) for row in school.rows}
    write_sample(tmp_path, city, layout="paragraf-flat")
    read = {
        element.text
        for path in tmp_path.rglob("st*.xml")
        for element in etree.parse(path).iter("Фамилия")
    }
    assert any(not name.isascii() and re.search("[A-Za-z]", name) for name in names)
    assert names == read


def test_an_unknown_layout_is_refused(tmp_path: Path) -> None:
    with pytest.raises(KeyError):
        write_sample(tmp_path, CITY, layout="roster-9")
