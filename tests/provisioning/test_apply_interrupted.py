"""Killed, cut off and stopped runs go on where they were, and nothing is made twice."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import requests

from provisioning.changes import Change, Kind, Outcome
from provisioning.moodle import (
    Function,
    MoodleClient,
    MoodleError,
    MoodleUnavailable,
    MoodleUncertain,
)
from provisioning.settings import MoodleSettings
from service.moodle_standin import DEFAULT_TOKEN, Fault, FaultKind, running_standin
from tests.provisioning.apply_city import (
    Ledger,
    ask,
    members_of,
    new_cohort,
    new_user,
    roles_in,
    run,
    small_city,
    users_with,
)
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


@contextmanager
def site(storage: Path, *faults: Fault) -> Iterator[tuple[MoodleClient, MoodleSettings]]:
    """The stand-in over ``storage``, one at a time, and a client that does not wait."""
    with running_standin(storage, faults=faults) as url:
        settings = MoodleSettings(url=url, token=DEFAULT_TOKEN, batch_size=5)
        with MoodleClient(settings, sleep=lambda seconds: None) as moodle:
            yield moodle, settings


@pytest.fixture
def city() -> list[Change]:
    return small_city("c", people=PEOPLE)


def assert_exactly_the_city(settings: MoodleSettings, ledger: Ledger) -> None:
    people = [f"c-p{number}" for number in range(PEOPLE)]
    rows = users_with(settings, "idnumber", [*people, "c-t0"])
    assert sorted(row["idnumber"] for row in rows) == sorted([*people, "c-t0"])
    number = {row["idnumber"]: row["id"] for row in rows}
    assert number == {key: ledger.numbers[Kind.USER, key] for key in number}
    categories = ask(settings, "core_course_get_categories")
    assert sorted(row["idnumber"] for row in categories if row["idnumber"]) == [
        "c-city",
        "c-school",
    ]
    [cohort] = ask(settings, "core_cohort_get_cohorts")
    assert members_of(settings, cohort["id"]) == {number[key] for key in people}
    answer = ask(settings, "core_course_get_courses_by_field", field="idnumber", value="c-course")
    [course] = answer["courses"]
    assert roles_in(settings, course["id"]) == {
        **{number[key]: {"student"} for key in people},
        number["c-t0"]: {"editingteacher"},
    }
    failures = [code for code in ledger.codes().values() if code != "done: adopted"]
    assert failures == []


@soak
@pytest.mark.parametrize("seed", range(4 * SOAK))
def test_a_run_that_is_killed_again_and_again_ends_with_exactly_the_city(
    seed: int, city: list[Change], moodle: MoodleClient, moodle_settings: MoodleSettings
) -> None:
    """Each time the process dies between a call and the record of it."""
    chance = random.Random(seed)
    ledger = MortalLedger(records_to_live=chance.randrange(4))
    deaths = 0
    while True:
        try:
            assert run(ledger.unrecorded(city), moodle, ledger)
            break
        except Killed:
            deaths += 1
            ledger.records_to_live = 1 + chance.randrange(4)
    assert deaths >= 3
    assert_exactly_the_city(moodle_settings, ledger)


def test_the_whole_plan_once_more_makes_nothing_twice(
    city: list[Change], moodle: MoodleClient, moodle_settings: MoodleSettings, ledger: Ledger
) -> None:
    assert run(city, moodle, Ledger())
    assert run(city, moodle, ledger)
    assert_exactly_the_city(moodle_settings, ledger)


@pytest.mark.parametrize("kind", [FaultKind.DROP_BEFORE, FaultKind.DROP_AFTER, FaultKind.HTML])
def test_a_line_that_fails_at_every_third_call_loses_and_doubles_nothing(
    kind: FaultKind, city: list[Change], tmp_path: Path, ledger: Ledger
) -> None:
    fault = Fault(kind=kind, skip=1, every=3, times=None)
    storage = tmp_path / "moodle.sqlite"
    with site(storage, fault) as (moodle, _):
        assert run(city, moodle, ledger)
    with site(storage) as (_, settings):
        assert_exactly_the_city(settings, ledger)


def test_the_city_takes_the_calls_that_the_next_test_cuts_off(
    city: list[Change], moodle_settings: MoodleSettings, ledger: Ledger
) -> None:
    answers: list[requests.Response] = []
    session = requests.Session()
    session.hooks["response"].append(lambda response, **_: answers.append(response))
    with MoodleClient(moodle_settings, session=session) as moodle:
        assert run(city, moodle, ledger)
    assert len(answers) == CALLS


@pytest.mark.parametrize("call", range(CALLS))
def test_a_line_that_breaks_once_anywhere_changes_nothing_in_the_end(
    call: int, city: list[Change], tmp_path: Path, ledger: Ledger
) -> None:
    """Each call of the run is cut off once, after its work was done."""
    fault = Fault(kind=FaultKind.DROP_AFTER, skip=call)
    storage = tmp_path / "moodle.sqlite"
    with site(storage, fault) as (moodle, _):
        assert run(city, moodle, ledger)
    with site(storage) as (_, settings):
        assert_exactly_the_city(settings, ledger)


@pytest.mark.parametrize(
    ("kind", "family"),
    [
        (FaultKind.DROP_BEFORE, MoodleError),
        (FaultKind.SERVER_ERROR, MoodleError),
        (FaultKind.UNAVAILABLE, MoodleUnavailable),
    ],
)
def test_a_line_that_stays_broken_is_the_callers_business(
    kind: FaultKind,
    family: type[MoodleError],
    city: list[Change],
    tmp_path: Path,
    ledger: Ledger,
) -> None:
    fault = Fault(kind=kind, skip=7, times=None)
    storage = tmp_path / "moodle.sqlite"
    with site(storage, fault) as (moodle, _), pytest.raises(family) as caught:
        run(city, moodle, ledger)
    assert isinstance(caught.value, MoodleUnavailable | MoodleUncertain)
    assert 0 < len(ledger.outcomes) < len(city)
    with site(storage) as (moodle, settings):
        assert run(ledger.unrecorded(city), moodle, ledger)
        assert_exactly_the_city(settings, ledger)


@pytest.mark.parametrize("function", [Function.CREATE_USERS, Function.ENROL_USERS])
def test_a_call_that_ends_badly_twice_is_tried_again_and_one_that_always_does_is_not(
    function: Function, city: list[Change], tmp_path: Path, ledger: Ledger
) -> None:
    fault = Fault(kind=FaultKind.DROP_BEFORE, function=function, times=None)
    storage = tmp_path / "moodle.sqlite"
    with site(storage, replace(fault, times=2)) as (moodle, _):
        assert run(city, moodle, Ledger())
    another = tmp_path / "another.sqlite"
    with site(another, fault) as (moodle, _), pytest.raises(MoodleUncertain) as caught:
        run(city, moodle, ledger)
    assert caught.value.function is function


def test_a_run_stops_between_batches_when_it_is_told_to(
    city: list[Change], moodle: MoodleClient, moodle_settings: MoodleSettings, ledger: Ledger
) -> None:
    answers = iter([False, False, False, True])
    assert run(city, moodle, ledger, should_stop=lambda: next(answers)) is False
    assert [key for (_, _, key) in ledger.outcomes] == ["c-city", "c-school", "c-class"]
    assert run(ledger.unrecorded(city), moodle, ledger) is True
    assert_exactly_the_city(moodle_settings, ledger)


def test_a_long_plan_is_recorded_while_it_is_read(moodle: MoodleClient, ledger: Ledger) -> None:
    recorded_when_read: list[int] = []

    def plan() -> Iterator[Change]:
        for number in range(12):
            recorded_when_read.append(len(ledger.outcomes))
            yield new_cohort(f"class-{number}")
        yield new_user("p-1")

    assert run(plan(), moodle, ledger)
    assert recorded_when_read[:7] == [0, 0, 0, 0, 0, 0, 5]
    assert len(ledger.outcomes) == 13
