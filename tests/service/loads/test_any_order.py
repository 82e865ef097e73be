"""Whatever the order of uploads, and however often a worker dies: the same people, places, logins.

A small city at the time of its first files and of its last ones is drawn. The last files come in
any order, some twice, some after an old one, and workers die on the way. What Moodle holds then for
everybody on a roll is what it holds where only the last files were ever loaded.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from provisioning.formats.cleaning import school_years_of
from service.loads import operations
from service.loads.applying import apply_load
from service.loads.planning import plan_load
from service.models import Identity, KnownUser, LoadStatus, SourceKey
from service.queue import JobQueue
from service.sample.rows import Row
from tests.service.installation import receive_paths
from tests.service.loads.test_at_once import planned, two_workers
from tests.service.trial import A, B, C, Trial, make_trial, pupil, pupils, teacher
from tests.soak import SOAK
from tests.waiting import until

Value = TypeVar("Value")

SCHOOLS = (A, B, C)
PUPILS = tuple(f"pupil-{number}" for number in range(6))
TEACHERS = ("teacher-0", "teacher-1")
LAST_DAY = 20
ENDED = (LoadStatus.APPLIED, LoadStatus.APPLIED_WITH_FAILURES, LoadStatus.REJECTED)
DEATHS = 3
"""A worker dies so often at one load at most."""


class Killed(BaseException):
    """The process ends here: nothing after it runs."""


@dataclass(kw_only=True)
class MortalClock:
    """Tells the time, and kills who asks when the time has come."""

    clock: Callable[[], datetime]
    lives: Iterator[int]
    left: int = -1
    """Calls to live; below zero for ever."""

    def __call__(self) -> datetime:
        if self.left == 0:
            raise Killed
        self.left -= 1
        return self.clock()

    def survive(self, act: Callable[[], Value]) -> Value:
        """Do it again and again until nobody dies."""
        while True:
            self.left = next(self.lives, -1)
            try:
                return act()
            except Killed:
                continue
            finally:
                self.left = -1


Whereabouts = Mapping[str, frozenset[str]]
"""Who -> codes of the schools that list them."""


@dataclass(frozen=True, kw_only=True)
class Uploads:
    """What is loaded: the first files of all schools, then these."""

    first: Whereabouts
    last: Whereabouts
    order: tuple[tuple[str, bool], ...]
    """Code of a school, and whether its last file comes, or the first again."""
    lives: tuple[int, ...] = field(default=())
    """After how many looks at the clock a worker dies, one after the other."""


def whereabouts() -> st.SearchStrategy[Whereabouts]:
    """A pupil is at one school or at none, a teacher at up to two."""
    one = st.sampled_from([*SCHOOLS, ""]).map(lambda code: frozenset(filter(None, [code])))
    two = st.sets(st.sampled_from(SCHOOLS), max_size=2).map(frozenset)
    return st.fixed_dictionaries(dict.fromkeys(PUPILS, one) | dict.fromkeys(TEACHERS, two))


@st.composite
def uploads(draw: st.DrawFn) -> Uploads:
    last = draw(st.permutations(SCHOOLS))
    again = draw(st.lists(st.tuples(st.sampled_from(SCHOOLS), st.booleans()), max_size=2))
    order = [(code, True) for code in last]
    for upload in again:
        order.insert(draw(st.integers(0, len(order))), upload)
    deaths = st.lists(st.integers(1, 25), max_size=DEATHS * len(order))
    return Uploads(
        first=draw(whereabouts()), last=draw(whereabouts()), order=tuple(order),
        lives=tuple(draw(deaths)),
    )  # fmt: skip


def rows_of(code: str, where: Whereabouts) -> list[Row]:
    """The school's own people, and those of the drawn ones who are there now."""
    rows = [*pupils(f"own-{code}", 5, "c-2"), teacher(f"head-{code}")]
    for who, codes in where.items():
        if code in codes:
            make = pupil if who in PUPILS else teacher
            rows.append(make(f"{who}-at-{code}", who=who))
    return rows


def write(trial: Trial, code: str, where: Whereabouts, day: int) -> Path:
    return trial.write(code, rows_of(code, where), day=day)


def load(trial: Trial, path: Path, clock: MortalClock) -> None:
    """Plan, say yes to everything that may be and apply, whoever dies."""
    load_id = receive_paths(trial.application, path)
    clock.survive(lambda: plan_load(trial.application, load_id))
    if trial.run(load_id).status != "planned":
        return  # an older file is refused
    trial.ask(operations.approve, load_id, over_limits=True)
    trial.ask(operations.ready_to_apply, load_id)
    clock.survive(lambda: apply_load(trial.application, load_id, sleep=lambda _seconds: None))
    assert (trial.run(load_id).status, trial.run(load_id).problem) == ("applied", "")


def loaded(folder: Path, uploads: Uploads, database_url: str = "") -> dict[str, Any]:
    """What everybody on a roll has in the end."""
    with make_trial(folder, database_url=database_url) as trial:
        clock = MortalClock(clock=trial.application.clock, lives=iter(uploads.lives))
        trial.application.clock = clock
        first = {code: write(trial, code, uploads.first, 0) for code in SCHOOLS}
        last = {code: write(trial, code, uploads.last, LAST_DAY) for code in SCHOOLS}
        for path in first.values() if uploads.first else ():
            load(trial, path, MortalClock(clock=clock.clock, lives=iter(())))
        for code, is_last in uploads.order:
            load(trial, (last if is_last else first)[code], clock)
        return everybody(trial, uploads.last)


def everybody(trial: Trial, where: Whereabouts) -> dict[str, Any]:
    """Who of those on a roll -> what the account of each is like, asked of Moodle; logins too."""
    state = trial.moodle()
    names = {one["id"]: one["name"] for one in state["cohorts"]}
    titles = {one["id"]: one["fullname"] for one in state["courses"]}
    places: dict[int, set[str]] = defaultdict(set)
    for one in state["members"]:
        places[one["userid"]].add(names[one["cohortid"]])
    for one in state["enrolments"]:
        places[one["userid"]].add(f"{titles[one['courseid']]} ({one['role']})")
    accounts = {one["idnumber"]: one for one in state["users"]}
    people: dict[str, set[str]] = defaultdict(set)
    for code in SCHOOLS:
        for row in rows_of(code, where):
            people[row.human].add(trial.person_id(code, row.person.sourced_id))
    assert_no_login_of_two(trial)
    found = {}
    for who, ids in people.items():
        (person_id,) = ids
        account = accounts[person_id]
        found[who] = (account["lastname"], account["suspended"], sorted(places[account["id"]]))
    assert len({id_ for ids in people.values() for id_ in ids}) == len(people)
    return found


def assert_no_login_of_two(trial: Trial) -> None:
    logins = [one["username"] for one in trial.moodle()["users"]]
    assert len(logins) == len(set(logins))
    given = dict(trial.stored(select(Identity.person_id, Identity.username)))
    assert len(set(given.values())) == len(given)
    known = trial.stored(select(KnownUser.person_id, KnownUser.username))
    assert all(given[person_id] == username for person_id, username in known)
    keys = trial.stored(select(SourceKey.person_id))
    assert set(keys) <= given.keys()


@settings(max_examples=4 * SOAK)
@given(uploads=uploads())
def test_any_order_and_any_deaths_lead_to_what_the_last_files_say(uploads: Uploads) -> None:
    with TemporaryDirectory() as folder:
        clean = Uploads(first={}, last=uploads.last, order=tuple((one, True) for one in SCHOOLS))
        expected = loaded(Path(folder) / "clean", clean)
        assert loaded(Path(folder) / "drawn", uploads) == expected


# Two workers

MOVED = Uploads(
    first={"pupil-0": frozenset([A]), "pupil-1": frozenset([B]), "pupil-2": frozenset([C]),
           "teacher-0": frozenset([A]), "teacher-1": frozenset([B, C])},
    last={"pupil-0": frozenset([B]), "pupil-1": frozenset([C]), "pupil-2": frozenset([A]),
          "pupil-3": frozenset([A]), "teacher-0": frozenset([A, B]), "teacher-1": frozenset([C])},
    order=tuple((code, True) for code in SCHOOLS),
)  # fmt: skip


@pytest.mark.parametrize("trial", ["postgresql"], indirect=True)
def test_two_workers_lead_to_what_the_last_files_say(trial: Trial, tmp_path: Path) -> None:
    with two_workers(trial):
        for round_ in range(4):
            # Workers read the real clock; the last files come twice, the second time to settle.
            where = MOVED.first if round_ == 0 else MOVED.last
            at = datetime.now(UTC)
            queue = JobQueue(trial.application.settings)
            year = school_years_of(at.date())[0]
            ids = [
                receive_paths(
                    trial.application,
                    trial.write(code, rows_of(code, where), school_year=year, exported_at=at),
                )
                for code in SCHOOLS
            ]
            for load_id in ids:
                queue.plan_load(load_id)
            planned(trial, *ids)
            for load_id in ids:
                trial.ask(operations.approve, load_id, over_limits=True)
                trial.ask(operations.ready_to_apply, load_id)
                queue.apply_load(load_id)
            for load_id in ids:
                until(lambda load_id=load_id: trial.run(load_id).status in ENDED)
    found = everybody(trial, MOVED.last)
    year_before = "2026/2027"
    clean = Uploads(first={}, last=MOVED.last, order=MOVED.order)
    expected = loaded(tmp_path / "clean", clean)
    told = {
        who: (name, suspended, [one.replace(year, year_before) for one in places])
        for who, (name, suspended, places) in found.items()
    }
    assert told == expected
