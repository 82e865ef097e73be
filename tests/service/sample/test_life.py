"""The living city: the same for the same numbers, with known truth and everything that happens."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from datetime import date
from itertools import pairwise
from pathlib import Path

import pytest

from provisioning.formats import read_school, scan
from provisioning.roster import PersonStatus, Role
from provisioning.settings import ReadLimits
from service.sample.life import Life, What, live, write_life

SMALL = Life(schools=6, people_per_school=60, months=5, seed=3, eventful=6)


def test_the_same_numbers_make_the_same_life() -> None:
    assert list(live(SMALL)) == list(live(SMALL))


def test_everything_that_can_happen_happens_in_a_few_small_cities() -> None:
    happened: set[str] = set()
    orders: set[str] = set()
    for seed in range(1, 7):
        life = Life(schools=10, people_per_school=40, months=8, seed=seed, eventful=8)
        for month in live(life):
            happened |= {event.what for event in month.events}
            orders |= {event.detail for event in month.events if event.what is What.MOVE}
    assert set(What) - happened == set()
    for order in ("left first", "listed first", "at once", "2 months between"):
        assert any(order in told and "without number" in told for told in orders), order


def test_every_row_has_an_id_of_its_own_and_a_class_of_the_file() -> None:
    for month in live(SMALL):
        for school in month.exports:
            ids = Counter(row.person.sourced_id for row in school.rows)
            assert set(ids.values()) == {1}
            classes = {one.sourced_id for one in school.classes}
            students = [row for row in school.rows if row.person.role is Role.STUDENT]
            assert {row.class_id for row in students} == classes
            assert all((school.school.code, one) in month.class_keys for one in classes)


def test_who_truly_is_at_a_school_is_in_its_file() -> None:
    for month in live(SMALL):
        listed = defaultdict(set)
        for school in month.exports:
            for row in school.rows:
                if row.person.status is not PersonStatus.LEFT:
                    listed[school.school.code].add(row.human)
        for human, places in month.places.items():
            for place in places:
                assert place.school_code not in listed or human in listed[place.school_code]


def test_ids_stay_with_their_people_unless_the_truth_says_otherwise() -> None:
    told = (What.SWAPPED_IDS, What.RENUMBERED)
    for before, after in pairwise(live(SMALL)):
        swapped = {human for event in after.events if event.what in told for human in event.humans}
        anew = {code for event in after.events if event.what in told[1:] for code in event.schools}
        earlier = {
            (school.school.code, row.person.sourced_id): row.human
            for school in before.exports
            for row in school.rows
        }
        for school in after.exports:
            for row in school.rows:
                known = earlier.get((school.school.code, row.person.sourced_id), row.human)
                assert known == row.human or school.school.code in anew or known in swapped


def test_the_files_are_read_as_they_were_meant(tmp_path: Path) -> None:
    rows = write_life(tmp_path, SMALL, layout="roster-1")
    lines = (tmp_path / "truth.jsonl").read_text("utf-8").splitlines()
    truth = [json.loads(line) for line in lines]
    assert sum("row" in line for line in truth) == rows
    last = tmp_path / "month-04"
    found = scan(sorted(last.iterdir()), limits=ReadLimits())
    for files in found.schools:
        reading = read_school(files, limits=ReadLimits(), today=date(2027, 1, 10))
        assert reading.roster is not None
        told = {
            line["row"]: line["human"]
            for line in truth
            if line.get("school") == files.school_code and line["month"] == 4
        }
        assert reading.roster.persons.keys() == told.keys()


@pytest.mark.parametrize(
    "wrong", [{"schools": 1}, {"people_per_school": 10}, {"months": 13}, {"schools": 20_000}]
)
def test_numbers_that_make_no_life_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="living city"):
        Life(**{"schools": 2, "people_per_school": 30} | wrong)
