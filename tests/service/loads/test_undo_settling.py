"""What is sent to Moodle before an undoing is planned: only what may have been on its way."""

from __future__ import annotations

from datetime import timedelta

import pytest

from service import moodle_gate
from service.loads import applying, claims, operations
from service.loads.planning import plan_load
from service.models import Load
from service.moodle_standin import Fault, FaultKind
from tests.service.installation import SCOPE
from tests.service.loads.test_undo import FIRST, begun, undoing
from tests.service.trial import A, Trial, on_both_databases, pupils


def new_accounts_stopped(trial: Trial) -> int:
    """A load that a person stopped after the first batch of its new accounts."""
    trial.configure("moodle", batch_size=2)
    trial.sync(trial.write(A, FIRST))
    load_id = trial.approved(trial.write(A, [*FIRST, *pupils("new", 5, "c-2")], day=1))
    seen = len(trial.moodle()["users"])
    trial.ask(operations.ready_to_apply, load_id)

    def press_stop() -> bool:
        if len(trial.moodle()["users"]) > seen:
            trial.ask(operations.request_stop, load_id)
        return False

    assert trial.apply(load_id, should_stop=press_stop).status == "stopped"
    trial.writes()
    return load_id


def broken_off(trial: Trial, load_id: int, problem: str = claims.INTERRUPTED) -> None:
    """Let the load be as one whose process ended in the middle."""
    with trial.rows() as session:
        load = session.get_one(Load, load_id)
        load.problem, load.stop_requested = problem, False
        load.go_on_at = trial.application.clock()


@on_both_databases
def test_asking_for_an_undo_sends_nothing_more_of_a_load_that_was_stopped(trial: Trial) -> None:
    load_id = new_accounts_stopped(trial)
    undo_id = undoing(trial, load_id)
    assert trial.writes() == {}
    assert trial.run(undo_id).status == "planned"
    trial.carry_out(undo_id, over_limits=True)
    assert trial.run(load_id).status == "undone"


def test_a_load_that_broke_off_waits_for_a_person_once_its_undo_is_asked_for(trial: Trial) -> None:
    load_id = new_accounts_stopped(trial)
    broken_off(trial, load_id)
    begun(trial, load_id)
    with trial.rows() as session:
        due_now = [one.id for one in claims.abandoned(session, trial.application.clock())]
    assert load_id not in due_now
    applying.apply_load(trial.application, load_id)
    assert trial.writes() == {}


def test_what_a_dead_process_may_have_sent_is_settled_after_the_undo_stopped_it(
    trial: Trial,
) -> None:
    load_id = new_accounts_stopped(trial)
    broken_off(trial, load_id, problem="")
    with trial.rows() as session:
        load = session.get_one(Load, load_id)
        load.claimed_by = "elsewhere/1/1.00"
        load.claimed_at = trial.application.clock() - timedelta(minutes=5)
    undoing(trial, load_id)
    assert trial.writes()["core_user_create_users"] == 1
    assert trial.run(load_id).problem == ""


@pytest.mark.parametrize("why", ["paused", "silent"])
def test_an_undo_that_cannot_be_settled_waits_says_why_and_is_planned_later(
    trial: Trial, why: str
) -> None:
    load_id = new_accounts_stopped(trial)
    broken_off(trial, load_id)
    clock = trial.application.clock
    if why == "paused":
        with trial.rows() as session:
            moodle_gate.pause(session, scope=SCOPE, now=clock(), reason="Экзамены")
    else:
        trial.fault(Fault(kind=FaultKind.DROP_BEFORE, times=None))
    undo_id = undoing(trial, load_id)
    run = trial.run(undo_id)
    begins = {"paused": "writing_closed.switch", "silent": "moodle.Moodle"}[why]
    assert (run.status, run.problem.startswith(begins), run.claimed_by) == ("received", True, "")
    assert trial.run(load_id).problem == claims.INTERRUPTED
    trial.no_faults()
    with trial.rows() as session:
        assert claims.abandoned(session, clock()) == []
        if why == "paused":
            moodle_gate.resume(session, scope=SCOPE, now=clock())
    trial.application.clock = lambda: clock() + timedelta(minutes=11)
    with trial.rows() as session:
        later = claims.abandoned(session, trial.application.clock())
    assert [one.id for one in later] == [undo_id]
    plan_load(trial.application, undo_id)
    run = trial.run(undo_id)
    assert (run.status, run.problem) == ("planned", "")
