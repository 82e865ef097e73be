"""Killed, cut off and stopped runs go on where they were, and nothing is made twice."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from provisioning.changes import Change, Kind, Outcome
from provisioning.moodle import Function, MoodleError, MoodleUnavailable, MoodleUncertain
from service.moodle_standin import Fault, FaultKind
from tests.provisioning.apply_city import Ledger, Site, new_cohort, new_user, open_site, small_city
from tests.soak import SOAK, soak

PEOPLE = 17

CALLS = 21
"""Calls of a run of the city without faults, five records each."""


class Killed(BaseException):
    """The process ends here: nothing after it runs."""


class MortalLedger(Ledger):
    """Dies instead of recording when its time has come."""

    def __init__(self, records_to_live: int) -> None:
        super().__init__()
        self.records_to_live = records_to_live

    def record(self, outcomes: Sequence[Outcome]) -> None:
        if self.records_to_live == 0:
            raise Killed
        self.records_to_live -= 1
        super().record(outcomes)


@pytest.fixture
def city() -> list[Change]:
    return small_city("c", people=PEOPLE)


@pytest.fixture
def storage(tmp_path: Path) -> Path:
    return tmp_path / "moodle.sqlite"


def assert_exactly_the_city(site: Site) -> None:
    people = [f"c-p{number}" for number in range(PEOPLE)]
    rows = site.users_with("idnumber", *people, "c-t0")
    number = {key: site.number(Kind.USER, key) for key in [*people, "c-t0"]}
    assert sorted((row["idnumber"], row["id"]) for row in rows) == sorted(number.items())
    categories = [row["idnumber"] for row in site.ask("core_course_get_categories")]
    assert sorted(filter(None, categories)) == ["c-city", "c-school"]
    [cohort] = site.ask("core_cohort_get_cohorts")
    assert cohort["id"] == site.number(Kind.COHORT, "c-class")
    assert site.members_of("c-class") == {number[key] for key in people}
    found = site.ask("core_course_get_courses_by_field", field="idnumber", value="c-course")
    assert [row["id"] for row in found["courses"]] == [site.number(Kind.COURSE, "c-course")]
    assert site.roles_in("c-course") == {
        **{number[key]: {"student"} for key in people},
        number["c-t0"]: {"editingteacher"},
    }
    assert set(site.codes().values()) <= {"done: adopted"}


@soak
@pytest.mark.parametrize("seed", range(4 * SOAK))
def test_a_run_that_is_killed_again_and_again_ends_with_exactly_the_city(
    seed: int, city: list[Change], storage: Path
) -> None:
    """Each time the process dies between a call and the record of it."""
    chance = random.Random(seed)
    ledger = MortalLedger(records_to_live=chance.randrange(4))
    deaths = 0
    with open_site(storage, ledger=ledger) as site:
        while True:
            try:
                site.run(ledger.unrecorded(city))
                break
            except Killed:
                deaths += 1
                ledger.records_to_live = 1 + chance.randrange(4)
        assert deaths >= 3
        assert_exactly_the_city(site)


def test_the_whole_plan_once_more_makes_nothing_twice(city: list[Change], site: Site) -> None:
    replace(site, ledger=Ledger()).run(city)
    site.run(city)
    assert_exactly_the_city(site)


def test_the_city_takes_the_calls_that_the_next_test_cuts_off(
    city: list[Change], site: Site
) -> None:
    site.run(city)
    assert len(site.sent) == CALLS


@pytest.mark.parametrize(
    "fault",
    [
        *(
            pytest.param(Fault(kind=kind, skip=1, every=3, times=None), id=f"{kind} at every third")
            for kind in (FaultKind.DROP_BEFORE, FaultKind.DROP_AFTER, FaultKind.HTML)
        ),
        *(
            pytest.param(Fault(kind=FaultKind.DROP_AFTER, skip=call), id=f"cut off after {call}")
            for call in range(CALLS)
        ),
    ],
)
def test_a_line_that_breaks_loses_and_doubles_nothing(
    fault: Fault, city: list[Change], storage: Path
) -> None:
    with open_site(storage, faults=[fault]) as site:
        site.run(city)
    with open_site(storage, ledger=site.ledger) as site:
        assert_exactly_the_city(site)


@pytest.mark.parametrize(
    "kind", [FaultKind.DROP_BEFORE, FaultKind.SERVER_ERROR, FaultKind.UNAVAILABLE]
)
def test_a_line_that_stays_broken_is_the_callers_business(
    kind: FaultKind, city: list[Change], storage: Path
) -> None:
    faults = [Fault(kind=kind, skip=7, times=None)]
    with open_site(storage, faults=faults) as site, pytest.raises(MoodleError) as caught:
        site.run(city)
    assert isinstance(caught.value, MoodleUnavailable | MoodleUncertain)
    assert isinstance(caught.value, MoodleUnavailable) or kind is not FaultKind.UNAVAILABLE
    assert 0 < len(site.ledger.outcomes) < len(city)
    with open_site(storage, ledger=site.ledger) as site:
        site.run(site.ledger.unrecorded(city))
        assert_exactly_the_city(site)


@pytest.mark.parametrize("function", [Function.CREATE_USERS, Function.ENROL_USERS])
def test_a_call_that_ends_badly_twice_is_tried_again_and_one_that_always_does_is_not(
    function: Function, city: list[Change]
) -> None:
    fault = Fault(kind=FaultKind.DROP_BEFORE, function=function, times=None)
    with open_site(None, faults=[replace(fault, times=2)]) as site:
        site.run(city)
    with open_site(None, faults=[fault]) as site, pytest.raises(MoodleUncertain) as caught:
        site.run(city)
    assert caught.value.function is function


def test_a_run_stops_between_batches_when_it_is_told_to(city: list[Change], site: Site) -> None:
    answers = iter([False, False, False, True])
    assert site.apply(city, should_stop=lambda: next(answers)) is False
    assert [key for (_, _, key) in site.ledger.outcomes] == ["c-city", "c-school", "c-class"]
    site.run(site.ledger.unrecorded(city))
    assert_exactly_the_city(site)


def test_a_long_plan_is_recorded_while_it_is_read(site: Site) -> None:
    recorded_when_read: list[int] = []

    def plan() -> Iterator[Change]:
        for number in range(12):
            recorded_when_read.append(len(site.ledger.outcomes))
            yield new_cohort(f"class-{number}")
        yield new_user("p-1")

    site.run(plan())
    assert recorded_when_read[:7] == [0, 0, 0, 0, 0, 0, 5]
    assert len(site.ledger.outcomes) == 13
