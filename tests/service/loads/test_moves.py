"""Between two schools: in transit, suspended, archived, and back, at whatever time."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import delete

from provisioning.person_states import PersonState
from service.loads import due
from service.loads.applying import apply_load
from service.loads.planning import plan_load
from service.models import KnownUser, Load, LoadStatus, SchoolMembership
from service.sample.rows import Row
from tests.service.trial import A, B, Trial, on_both_databases, pupil, pupils, teacher

OTHERS_A = [*pupils("a", 30), teacher("a-head")]
OTHERS_B = [*pupils("b", 30), teacher("b-head")]
MOVER = pupil("a-77", who="mover")
ROLL_A = {"Ученики · Школа № 1", "8А · Школа № 1 · 2026/2027"}
ROLL_B = {"Ученики · Школа № 2", "8Б · Школа № 2 · 2026/2027"}


def days_later(trial: Trial, days: int) -> None:
    """Let so many days go by."""
    clock = trial.application.clock
    trial.application.clock = lambda: clock() + timedelta(days=days)


def let_time_work(trial: Trial) -> Load | None:
    """Do what upkeep does about people whom no school lists; the load, if there was anything."""
    load_id = due.begin(trial.application)
    if load_id is None:
        return None
    plan_load(trial.application, load_id)
    if due.approve_within_limits(trial.application, load_id):
        apply_load(trial.application, load_id)
    return trial.run(load_id)


def state_of(trial: Trial, code: str, key: str) -> tuple[str, int]:
    """The state of a person, and whether Moodle has the account suspended."""
    return trial.known(code, key).state, trial.account(code, key)["suspended"]


def dropped(trial: Trial) -> None:
    """Two schools, and the first has let go of a pupil."""
    trial.sync(trial.write(A, [*OTHERS_A, MOVER]), trial.write(B, OTHERS_B))
    load = trial.sync(trial.write(A, OTHERS_A, day=1))
    assert trial.counts(load.id, A) == {
        "user.in_transit": 1, "member.remove": 2, "enrolment.remove": 1
    }  # fmt: skip


@on_both_databases
def test_a_pupil_whom_no_school_lists_is_in_transit_then_suspended_then_archived(
    trial: Trial,
) -> None:
    dropped(trial)
    assert state_of(trial, A, "a-77") == (PersonState.IN_TRANSIT, 0)
    assert (trial.cohorts_of(A, "a-77"), trial.courses_of(A, "a-77")) == (set(), set())
    days_later(trial, 29)
    assert let_time_work(trial) is None
    days_later(trial, 2)
    load = let_time_work(trial)
    assert load
    assert (load.status, trial.counts(load.id, A)) == ("applied", {"user.suspend": 1})
    assert state_of(trial, A, "a-77") == (PersonState.SUSPENDED, 1)
    days_later(trial, 60)
    assert let_time_work(trial) is None
    days_later(trial, 31)
    load = let_time_work(trial)
    assert load
    assert (load.status, trial.counts(load.id, A)) == ("applied", {"user.archive": 1})
    assert state_of(trial, A, "a-77") == (PersonState.ARCHIVED, 1)
    days_later(trial, 500)
    assert let_time_work(trial) is None


@pytest.mark.parametrize(
    "steps", [(), (31,), (31, 91)], ids=["in transit", "suspended", "archived"]
)
@pytest.mark.parametrize(
    ("code", "row"),
    [
        (A, MOVER),
        (A, pupil("a-78", who="mover")),
        (B, pupil("b-77", "c-2", who="mover")),
    ],
    ids=["same school", "new id", "another school"],
)
def test_who_returns_has_the_same_account_and_places(
    trial: Trial, steps: tuple[int, ...], code: str, row: Row
) -> None:
    trial.sync(trial.write(A, [*OTHERS_A, MOVER]), trial.write(B, OTHERS_B))
    before = trial.account(A, "a-77")
    places = trial.cohorts_of(A, "a-77"), trial.courses_of(A, "a-77")
    trial.sync(trial.write(A, OTHERS_A, day=1))
    for days in steps:
        days_later(trial, days)
        assert let_time_work(trial)
    others = OTHERS_A if code == A else OTHERS_B
    key = row.person.sourced_id
    file = trial.write(code, [*others, row], day=5)
    trial.sync(file)
    after = trial.account(code, key)
    same = ("id", "username", "idnumber", "suspended")
    assert [after[name] for name in same] == [before[name] for name in same]
    assert state_of(trial, code, key) == (PersonState.ON_ROLL, 0)
    assert trial.known(code, key).away_since is None
    if code == A:
        assert (trial.cohorts_of(code, key), trial.courses_of(code, key)) == places
    else:
        assert trial.cohorts_of(code, key) == ROLL_B
    trial.settled(file)
    assert let_time_work(trial) is None


def test_what_time_does_beyond_the_limits_waits_for_a_person(trial: Trial) -> None:
    trial.sync(trial.write(A, [*OTHERS_A, *pupils("z", 12)]))
    trial.sync(trial.write(A, OTHERS_A, day=1))
    days_later(trial, 31)
    load = let_time_work(trial)
    assert load
    assert load.status == "planned"
    (breach,) = trial.plans(load.id)[A].breaches
    assert (breach["limit"], breach["count"], breach["base"]) == ("suspended", 12, 43)
    assert let_time_work(trial) is None
    trial.carry_out(load.id, over_limits=True)
    assert state_of(trial, A, "z-1") == (PersonState.SUSPENDED, 1)


def test_a_file_that_waits_for_its_yes_comes_before_what_time_does(trial: Trial) -> None:
    dropped(trial)
    days_later(trial, 31)
    waiting = trial.load(trial.write(A, [*OTHERS_A, MOVER], day=40))
    assert let_time_work(trial) is None
    trial.carry_out(waiting)
    assert state_of(trial, A, "a-77") == (PersonState.ON_ROLL, 0)


def test_a_file_that_is_applied_after_time_was_at_work_opens_the_account_again(
    trial: Trial,
) -> None:
    dropped(trial)
    waiting = trial.approved(trial.write(B, [*OTHERS_B, pupil("b-77", "c-2", who="mover")], day=1))
    days_later(trial, 31)
    load = let_time_work(trial)
    assert load
    assert load.status == "applied"
    assert state_of(trial, A, "a-77") == (PersonState.SUSPENDED, 1)
    trial.apply(waiting)
    assert state_of(trial, A, "a-77") == (PersonState.ON_ROLL, 0)


def test_what_time_planned_is_left_out_when_the_person_turned_up_meanwhile(trial: Trial) -> None:
    dropped(trial)
    days_later(trial, 31)
    load_id = due.begin(trial.application)
    assert load_id
    plan_load(trial.application, load_id)
    trial.sync(trial.write(B, [*OTHERS_B, pupil("b-77", "c-2", who="mover")], day=2))
    assert due.approve_within_limits(trial.application, load_id)
    apply_load(trial.application, load_id)
    (change,) = trial.changes(load_id)
    assert (change.result, change.code) == ("skipped", "on_another_roll")
    assert state_of(trial, B, "b-77") == (PersonState.ON_ROLL, 0)


@on_both_databases
def test_who_was_let_go_by_two_schools_that_did_not_know_is_in_transit(trial: Trial) -> None:
    """Each plan was made while the other school still listed the teacher."""
    both_list = [
        trial.write(A, [*OTHERS_A, teacher("a-t", who="t")]),
        trial.write(B, [*OTHERS_B, teacher("b-t", who="t")]),
    ]
    trial.sync(*both_list)
    loads = [
        trial.approved(trial.write(A, OTHERS_A, day=1)),
        trial.approved(trial.write(B, OTHERS_B, day=1)),
    ]
    for load_id in loads:
        trial.apply(load_id)
    assert trial.known(A, "a-t").state == PersonState.ON_ROLL
    load = let_time_work(trial)
    assert load
    assert load.status == "applied"
    assert state_of(trial, A, "a-t") == (PersonState.IN_TRANSIT, 0)
    days_later(trial, 31)
    assert let_time_work(trial)
    assert state_of(trial, A, "a-t") == (PersonState.SUSPENDED, 1)


def test_planning_that_was_broken_off_is_done_again(trial: Trial) -> None:
    dropped(trial)
    days_later(trial, 31)
    load_id = due.begin(trial.application)
    assert load_id
    assert due.begin(trial.application) is None
    for _again in range(2):
        plan_load(trial.application, load_id)
    assert due.left_planned(trial.application) == [load_id]
    assert due.approve_within_limits(trial.application, load_id)
    assert due.left_planned(trial.application) == []
    apply_load(trial.application, load_id)
    assert state_of(trial, A, "a-77") == (PersonState.SUSPENDED, 1)


@on_both_databases
def test_a_load_that_was_stopped_for_good_does_not_hold_up_what_is_due(trial: Trial) -> None:
    dropped(trial)
    days_later(trial, 31)
    load_id = due.begin(trial.application)
    assert load_id
    with trial.rows() as session:
        load = session.get_one(Load, load_id)
        load.status, load.go_on_at = LoadStatus.STOPPED, trial.application.clock()
    assert due.begin(trial.application) is None  # it goes on by itself
    with trial.rows() as session:
        session.get_one(Load, load_id).go_on_at = None
    assert let_time_work(trial)
    assert state_of(trial, A, "a-77") == (PersonState.SUSPENDED, 1)


@on_both_databases
def test_years_of_leavers_are_moved_on_a_part_at_a_time(
    trial: Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An upgrade finds all who were ever suspended due on the same night."""
    monkeypatch.setattr(due, "MOST_AT_ONCE", 4)
    trial.sync(trial.write(A, OTHERS_A), trial.write(B, OTHERS_B))
    with trial.rows() as session:
        long_ago = trial.application.clock() - timedelta(days=900)
        for code, key in [(A, "a"), (B, "b")]:
            for number in range(1, 4):
                person_id = trial.person_id(code, f"{key}-{number}")
                known = session.get_one(KnownUser, person_id)
                known.state, known.suspended, known.in_roll = PersonState.SUSPENDED, True, False
                known.away_since = long_ago + timedelta(days=number)
                listed = SchoolMembership.person_id == person_id
                session.execute(delete(SchoolMembership).where(listed))
    first = let_time_work(trial)
    assert first
    archived = [trial.counts(first.id, code)["user.archive"] for code in (A, B)]
    assert archived == [3, 1]
    second = let_time_work(trial)
    assert second
    assert trial.counts(second.id, B)["user.archive"] == 2
    assert trial.known(B, "b-1").state == PersonState.ARCHIVED
    assert let_time_work(trial) is None
