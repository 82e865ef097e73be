"""The files of the sample city say to our reader what the city is, in every layout and encoding."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import pytest

from provisioning.findings import Finding
from provisioning.roster import Enrolment, Person, PersonStatus, Role, Roster, SchoolClass
from provisioning.validation import validate
from service.sample import ENCODINGS, LAYOUTS, City, SampleSchool, make_city, write_sample
from tests.provisioning.roster_files import ReadResult, read
from tests.service.sample.truth import describe

Listed = TypeVar("Listed", Person, SchoolClass)

ORDINARY = {"guardian.ignored", "pupil.no_class", "birth_date.first_of_january"}
"""Rules with remarks on a city where nothing is wrong."""

EVERY_LAYOUT = pytest.mark.parametrize("layout", LAYOUTS)


def make_numbers(**overrides: Any) -> City:
    return City(**{"schools": 3, "people_per_school": 300} | overrides)


def write_and_read(
    folder: Path, city: City, layout: str, *, month: int = 0, encoding: str | None = None
) -> ReadResult:
    write_sample(folder, city, layout=layout, month=month, encoding=encoding)
    return read([folder], today=city.today)


def as_written(layout: str, person: Person) -> Person:
    """What is left of a person in a layout that has no place for all we know."""
    if layout != "ims-enterprise-1.1":
        return person
    left = person.status is PersonStatus.LEFT
    status = PersonStatus.LEFT if left else PersonStatus.ACTIVE
    return replace(person, position="", status=status, begin_date=None, end_date=None)


def persons(layout: str, school: SampleSchool) -> dict[str, Person]:
    return {
        row.person.sourced_id: as_written(layout, row.person) for row in school.rows if row.usable
    }


def classes(layout: str, school: SampleSchool) -> dict[str, SchoolClass]:
    headless = layout == "ims-enterprise-1.1"
    return {
        each.sourced_id: replace(each, teacher_id=None) if headless else each
        for each in school.classes
    }


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


@pytest.mark.parametrize("encoding", ENCODINGS)
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
def test_a_sound_sample_gives_only_the_remarks_that_any_city_gives(
    tmp_path: Path, layout: str
) -> None:
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


def roles(roster: Roster) -> Counter[Role]:
    return Counter(
        person.role for person in roster.persons.values() if person.status is not PersonStatus.LEFT
    )


@pytest.mark.parametrize("month", [0, 1, 5])
@EVERY_LAYOUT
def test_the_described_numbers_are_the_numbers_read(
    tmp_path: Path, layout: str, month: int
) -> None:
    city = make_numbers(broken=1)
    found = write_and_read(tmp_path, city, layout, month=month)
    for roster, truth in zip(found.rosters, describe(city, month), strict=True):
        counted = roles(roster)
        assert roster.school.code == truth.code
        assert counted[Role.STUDENT] == truth.students
        assert counted[Role.TEACHER] == truth.teachers
        assert counted[Role.ADMINISTRATOR] == truth.administrators
        assert len(roster.classes) == truth.classes


@EVERY_LAYOUT
def test_the_described_changes_are_the_difference_of_two_readings(
    tmp_path: Path, layout: str
) -> None:
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
def test_a_broken_school_has_a_finding_for_each_flaw_and_the_rest_goes_on(
    tmp_path: Path, layout: str
) -> None:
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
