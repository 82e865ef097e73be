"""While writing is paused, or in a quiet period, nothing reaches Moodle; afterwards all goes on."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from provisioning.moodle import MoodlePaused
from service import moodle_gate
from service.access import Forbidden, Scope
from service.audit import AuditAction
from service.loads import claims, operations
from service.loads.applying import apply_load
from service.models import AuditEntry, LoadStatus, OperatorRole
from tests.service.installation import SCOPE
from tests.service.trial import A, Trial, on_both_databases, pupils, refusal, teacher

ROWS = [*pupils("a", 8), teacher("a-t")]
NOTE = "Идут экзамены"


def pause(trial: Trial, minutes: int | None = None) -> None:
    now = trial.application.clock()
    until = now + timedelta(minutes=minutes) if minutes else None
    with trial.rows() as session:
        moodle_gate.pause(session, scope=SCOPE, now=now, reason=NOTE, until=until)


def resume(trial: Trial) -> None:
    with trial.rows() as session:
        moodle_gate.resume(session, scope=SCOPE, now=trial.application.clock())


def due(trial: Trial) -> list[int]:
    """The loads that a worker would go on with now."""
    with trial.rows() as session:
        return [load.id for load in claims.abandoned(session, trial.application.clock())]


def later(trial: Trial, minutes: int) -> None:
    clock = trial.application.clock
    trial.application.clock = lambda: clock() + timedelta(minutes=minutes)


@on_both_databases
def test_a_pause_holds_a_load_before_its_first_call_until_it_is_ended(trial: Trial) -> None:
    load_id = trial.approved(trial.write(A, ROWS))
    pause(trial)
    run = trial.apply(load_id)
    assert (run.status, run.problem) == (LoadStatus.APPROVED, "writing_closed.switch: ")
    assert (run.claimed_by, run.beginnings) == ("", 0)
    assert trial.writes() == {}
    assert due(trial) == []
    resume(trial)
    assert due(trial) == [load_id]
    apply_load(trial.application, load_id)
    done = trial.run(load_id)
    assert (done.status, done.problem, done.waits_until) == (LoadStatus.APPLIED, "", None)
    assert len(trial.moodle()["users"]) == len(ROWS)


@on_both_databases
def test_a_load_under_way_stops_at_the_next_batch_and_goes_on_by_itself(trial: Trial) -> None:
    trial.configure("moodle", batch_size=2)
    load_id = trial.approved(trial.write(A, ROWS))
    told = []

    def pause_in_the_middle() -> bool:
        if not told and len(trial.moodle()["users"]) >= 4:
            told.append(trial.writes())
            pause(trial, minutes=90)
        return False

    run = trial.apply(load_id, should_stop=pause_in_the_middle)
    assert told
    assert run.status == LoadStatus.STOPPED
    assert run.problem.startswith("writing_closed.switch: 06.10.2026 1")
    assert trial.writes() == {}
    assert {change.result for change in trial.changes(load_id)} == {"done", ""}
    assert due(trial) == []
    later(trial, 91)
    assert due(trial) == [load_id]
    apply_load(trial.application, load_id)
    assert trial.run(load_id).status == LoadStatus.APPLIED
    assert len(trial.moodle()["users"]) == len(ROWS)


@on_both_databases
def test_a_quiet_period_holds_a_load_until_its_end(trial: Trial) -> None:
    trial.configure("quiet", hours=("mon-fri 08:00-15:00",))
    load_id = trial.approved(trial.write(A, ROWS))
    run = trial.apply(load_id)
    assert run.problem == "writing_closed.quiet: 06.10.2026 15:00"
    assert trial.writes() == {}
    later(trial, 180)
    assert due(trial) == [load_id]
    apply_load(trial.application, load_id)
    assert trial.run(load_id).status == LoadStatus.APPLIED


def test_no_writer_gets_through_the_gate_whatever_it_is(trial: Trial) -> None:
    pause(trial)
    with trial.application.moodle() as moodle:
        assert moodle.site_info()["release"]
        with pytest.raises(MoodlePaused):
            moodle.create_cohorts([{"name": "x", "idnumber": "x"}])
        with pytest.raises(MoodlePaused):
            moodle.update_users([{"id": 2}])
    assert trial.writes() == {}


def test_a_wish_to_stop_ends_the_waiting_too(trial: Trial) -> None:
    load_id = trial.approved(trial.write(A, ROWS))
    pause(trial)
    trial.apply(load_id)
    trial.ask(operations.request_stop, load_id)
    resume(trial)
    assert due(trial) == []


def test_only_the_city_pauses_with_a_reason_and_a_moment_to_come(trial: Trial) -> None:
    now = trial.application.clock()
    school = Scope(actor="anna", role=OperatorRole.SCHOOL, items=frozenset([A]))
    with trial.rows() as session:
        with pytest.raises(Forbidden):
            moodle_gate.pause(session, scope=school, now=now, reason=NOTE)
        with pytest.raises(Forbidden):
            moodle_gate.resume(session, scope=school, now=now)
        ask = {"scope": SCOPE, "now": now}
        assert refusal(moodle_gate.pause, session, **ask, reason=" ") == "pause.reason"
        assert refusal(moodle_gate.pause, session, **ask, reason=NOTE, until=now) == "pause.over"
        assert refusal(moodle_gate.resume, session, **ask) == "pause.none"
    assert trial.application.writing_closed() is None


def test_pauses_are_written_down_without_their_reason(trial: Trial) -> None:
    pause(trial)
    pause(trial, minutes=5)  # another end: the first is over
    resume(trial)
    actions = [AuditAction.WRITING_PAUSE, AuditAction.WRITING_RESUME]
    entries = trial.stored(select(AuditEntry).where(AuditEntry.action.in_(actions)))
    assert [entry.action for entry in entries] == [actions[0], actions[0], actions[1]]
    assert NOTE not in str([entry.details for entry in entries])
    with trial.rows() as session:
        assert [one.ended_by for one in moodle_gate.pauses(session)] == [SCOPE.actor] * 2
    assert trial.application.writing_closed() is None
