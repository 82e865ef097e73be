"""Moodle slow, broken, gone or wrongly set up in the middle of a run, and a wish to stop."""

from __future__ import annotations

import re
from itertools import chain, repeat
from pathlib import Path

import pytest

from service.loads import applying, operations
from service.models import LoadStatus
from service.moodle_standin import DEFAULT_TOKEN, Fault, FaultKind, ServiceToken
from tests.service.trial import A, B, Trial, make_trial, on_both_databases, pupils, teacher

ROWS_A, ROWS_B = [*pupils("a", 8), *pupils("a2", 3, "c-2"), teacher("a-t")], pupils("b", 3)


def approved(trial: Trial) -> int:
    return trial.approved(trial.write(A, ROWS_A), trial.write(B, ROWS_B))


def assert_exact(trial: Trial) -> None:
    """Everybody has one account and is where the files say; nothing was made twice."""
    state = trial.moodle()
    for kind, number in (("users", 15), ("cohorts", 9), ("courses", 3)):
        assert len({one["idnumber"] for one in state[kind]}) == len(state[kind]) == number
    assert (len(state["members"]), len(state["enrolments"])) == (29, 14)
    for code, rows in ((A, ROWS_A), (B, ROWS_B)):
        for row in rows:
            account = trial.account(code, row.person.sourced_id)
            assert account["lastname"] == row.person.family_name
            assert account["department"] == {"c-1": "8А", "c-2": "8Б", "": ""}[row.class_id]


FAULTS = {
    "slow": Fault(kind=FaultKind.SLOW, seconds=0.02, times=None),
    "an error of the server": Fault(kind=FaultKind.SERVER_ERROR, every=3, times=None),
    "a gateway that gives up": Fault(kind=FaultKind.SERVER_ERROR, status=504, every=3, times=None),
    "unavailable for a while": Fault(kind=FaultKind.UNAVAILABLE, seconds=7, every=3, times=None),
    "unavailable for an hour": Fault(kind=FaultKind.UNAVAILABLE, seconds=3600, skip=3, times=3),
    "dropped before the work": Fault(kind=FaultKind.DROP_BEFORE, every=3, times=None),
    "dropped after the work": Fault(kind=FaultKind.DROP_AFTER, every=3, times=None),
    "a page instead of JSON": Fault(kind=FaultKind.HTML, every=3, times=None),
    "nothing for the first calls": Fault(kind=FaultKind.DROP_BEFORE, times=20),
}


def goes_on(trial: Trial, load_id: int) -> None:
    """To exactly the state that the files describe."""
    run = trial.apply(load_id)
    assert (run.status, run.problem) == (LoadStatus.APPLIED, "")
    trial.no_faults()
    assert_exact(trial)


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_run_through_a_bad_line_ends_with_exactly_the_state(trial: Trial, fault: Fault) -> None:
    trial.configure("moodle", batch_size=4)
    load_id = approved(trial)
    trial.fault(fault)
    goes_on(trial, load_id)


@on_both_databases
def test_a_run_whose_moodle_stays_away_stops_with_the_reason_and_goes_on_later(
    trial: Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(applying, "PATIENCE_SECONDS", (2, 3))
    load_id = approved(trial)
    trial.fault(Fault(kind=FaultKind.SERVER_ERROR, skip=6, times=None))
    slept: list[float] = []
    run = trial.apply(load_id, sleep=slept.append)
    assert (run.status, run.claimed_by, run.finished_at) == (LoadStatus.STOPPED, "", None)
    assert re.fullmatch(r"moodle\.Moodle.*http_500", run.problem)
    assert sum(slept) == 5
    trial.no_faults()
    goes_on(trial, load_id)


def test_the_patience_begins_anew_after_every_change_that_came_through(
    trial: Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(applying, "PATIENCE_SECONDS", (1,))
    trial.configure("moodle", batch_size=4)
    load_id = approved(trial)
    trial.fault(Fault(kind=FaultKind.UNAVAILABLE, seconds=60, every=6, times=None))
    slept: list[float] = []
    assert trial.apply(load_id, sleep=slept.append).status == LoadStatus.APPLIED
    assert len(slept) > 2


def test_while_waiting_for_moodle_the_run_says_so_and_can_be_stopped(trial: Trial) -> None:
    load_id = approved(trial)
    trial.fault(Fault(kind=FaultKind.DROP_BEFORE, times=None))
    seen: list[str] = []

    def stop_at_the_third_second(_seconds: float) -> None:
        seen.append(trial.run(load_id).problem)
        if len(seen) == 3:
            trial.ask(operations.request_stop, load_id)

    run = trial.apply(load_id, sleep=stop_at_the_third_second)
    assert run.status == LoadStatus.STOPPED
    assert len(seen) == 3
    assert all("connection_broken" in problem for problem in seen)


@pytest.mark.parametrize(
    ("token", "problem"),
    [
        (ServiceToken(expired=True), "moodle.MoodleMisconfigured: core_webservice_get_site_info"),
        (ServiceToken(may_use_rest=False), "moodle.MoodleMisconfigured"),
        (
            ServiceToken(functions=frozenset(["core_webservice_get_site_info"])),
            "moodle.MoodleMisconfigured: core_course_create_categories: accessexception",
        ),
    ],
)
def test_a_wrong_set_up_stops_at_once(tmp_path: Path, token: ServiceToken, problem: str) -> None:
    with make_trial(tmp_path, tokens={DEFAULT_TOKEN: token}) as trial:
        load_id = approved(trial)
        slept: list[float] = []
        run = trial.apply(load_id, sleep=slept.append)
        assert run.status == LoadStatus.STOPPED
        assert run.problem.startswith(problem)
        assert slept == []
        assert trial.moodle()["users"] == []


@on_both_databases
def test_a_wish_to_stop_ends_the_run_at_a_batch_and_it_goes_on_later(trial: Trial) -> None:
    trial.configure("moodle", batch_size=4)
    load_id = approved(trial)
    seen = 0

    def ask_during_the_users() -> bool:
        nonlocal seen
        seen = sum(change.result == "done" for change in trial.changes(load_id))
        if seen >= 4:
            trial.ask(operations.request_stop, load_id)
        return False

    run = trial.apply(load_id, should_stop=ask_during_the_users)
    assert (run.status, run.problem, run.stop_requested) == (LoadStatus.STOPPED, "", False)
    assert len(trial.moodle()["users"]) == seen == 4
    goes_on(trial, load_id)


@pytest.mark.parametrize("size", [1, 6])
def test_stopping_after_every_batch_still_comes_to_the_end(trial: Trial, size: int) -> None:
    trial.configure("moodle", batch_size=size)
    load_id = approved(trial)
    for _attempt in range(240 // size):
        if trial.apply(load_id, should_stop=chain([False], repeat(True)).__next__).finished_at:
            break
    assert trial.run(load_id).status == LoadStatus.APPLIED
    assert_exact(trial)


def test_a_fault_of_ours_leaves_a_run_that_says_so_and_goes_on_later(trial: Trial) -> None:
    load_id = approved(trial)

    def break_off() -> bool:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        trial.apply(load_id, should_stop=break_off)
    run = trial.run(load_id)
    assert (run.status, run.problem, run.claimed_by) == (LoadStatus.STOPPED, "internal", "")
    goes_on(trial, load_id)
