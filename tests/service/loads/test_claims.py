"""Which process is at work on a run: taken once, free when the process is gone, never stolen."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import psutil
import pytest

from service.db import transaction
from service.loads import claims, operations, planning
from service.models import Load, LoadStatus
from tests.service.installation import SCOPE
from tests.service.trial import NOW, A, Trial, on_both_databases, pupils, teacher

ROWS = [*pupils("a", 4), teacher("a-t")]


@contextmanager
def another_process() -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A living process and its name in a claim."""
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    started = psutil.Process(child.pid).create_time()
    try:
        yield f"{socket.gethostname()}/{child.pid}/{started:.2f}", child
    finally:
        child.kill()
        child.communicate()


def claim(trial: Trial, load_id: int, name: str) -> None:
    with transaction(trial.application.sessions) as session:
        run = session.get_one(Load, load_id)
        run.claimed_by, run.claimed_at = name, trial.application.clock()


def approved(trial: Trial) -> int:
    load_id = trial.load(trial.write(A, ROWS))
    trial.approve(load_id)
    return load_id


def abandoned(trial: Trial) -> list[int]:
    with trial.application.sessions() as session:
        return [run.id for run in claims.abandoned(session, trial.application.clock())]


def holder(trial: Trial, load_id: int) -> str:
    return trial.run(load_id).claimed_by


@on_both_databases
def test_a_run_that_a_living_process_holds_is_left_alone(trial: Trial) -> None:
    load_id = approved(trial)
    with another_process() as (name, _child):
        claim(trial, load_id, name)
        trial.apply(load_id)
        assert (holder(trial, load_id), trial.moodle()["users"]) == (name, [])
        assert abandoned(trial) == []


@on_both_databases
def test_the_claim_of_a_dead_process_is_free_at_once(trial: Trial) -> None:
    load_id = approved(trial)
    with another_process() as (name, child):
        claim(trial, load_id, name)
        child.kill()
        # It stays a zombie until its parent asks how it ended, and is dead all the same.
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert trial.apply(load_id).status == LoadStatus.APPLIED


def test_a_later_process_with_the_same_number_does_not_hold_the_claim(trial: Trial) -> None:
    load_id = approved(trial)
    with another_process() as (name, _child):
        host, pid, started = name.rsplit("/", 2)
        claim(trial, load_id, f"{host}/{pid}/{float(started) - 60:.2f}")
        assert trial.apply(load_id).status == LoadStatus.APPLIED


def test_the_claim_of_another_machine_is_free_after_the_lease_only() -> None:
    name = "other.example/7/1.00"
    assert claims.is_live(name, NOW, NOW + claims.LEASE - timedelta(seconds=1))
    assert not claims.is_live(name, NOW, NOW + claims.LEASE)
    assert not claims.is_live("", None, NOW)


@on_both_databases
def test_of_two_processes_that_take_a_free_run_at_once_one_gets_it(
    trial: Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    load_id = approved(trial)
    with trial.application.sessions() as first, trial.application.sessions() as second:
        seen_by_first, seen_by_second = (
            first.get_one(Load, load_id),
            second.get_one(Load, load_id),
        )
        first.commit()
        second.commit()
        monkeypatch.setattr(claims, "own_name", lambda: "one.example/1/1.00")
        assert claims.take(first, seen_by_first, NOW, {LoadStatus.APPROVED})
        first.commit()
        monkeypatch.setattr(claims, "own_name", lambda: "two.example/2/2.00")
        assert not claims.take(second, seen_by_second, NOW, {LoadStatus.APPROVED})
        second.commit()
    assert holder(trial, load_id) == "one.example/1/1.00"


@on_both_databases
def test_who_loses_the_claim_records_nothing_more_and_does_not_end_the_run(trial: Trial) -> None:
    load_id = approved(trial)
    thief = "other.example/7/1.00"
    calls = iter(range(1000))

    def lose_it_before_the_second_batch() -> bool:
        if next(calls) == 1:
            claim(trial, load_id, thief)
        return False

    run = trial.apply(load_id, should_stop=lose_it_before_the_second_batch)
    assert (run.claimed_by, run.status) == (thief, LoadStatus.APPLYING)
    tried = [change.key for change in trial.changes(load_id, "category") if change.result]
    assert len(tried) == 1
    assert {plan.status for plan in trial.plans(load_id).values()} == {"approved"}


def test_who_was_told_to_stop_after_losing_the_claim_leaves_the_run_alone(trial: Trial) -> None:
    load_id = approved(trial)
    thief = "other.example/7/1.00"

    def stop() -> bool:
        claim(trial, load_id, thief)
        return True

    run = trial.apply(load_id, should_stop=stop)
    assert (run.claimed_by, run.status) == (thief, LoadStatus.APPLYING)


def test_who_loses_the_claim_while_planning_stores_nothing(
    trial: Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    thief = "other.example/7/1.00"
    make_plan = planning.make_plan

    def lose_it(*given: object) -> object:
        monkeypatch.setattr(claims, "own_name", lambda: thief)
        return make_plan(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(planning, "make_plan", lose_it)
    load_id = trial.load(trial.write(A, ROWS))
    assert trial.run(load_id).status == LoadStatus.RECEIVED
    assert trial.plans(load_id) == {}


def test_a_run_half_applied_by_a_dead_process_is_found_and_finished(trial: Trial) -> None:
    load_id = approved(trial)
    trial.apply(load_id, should_stop=iter([False, False, True]).__next__)
    with another_process() as (name, _child):
        claim(trial, load_id, name)
        with transaction(trial.application.sessions) as session:
            session.get_one(Load, load_id).status = LoadStatus.APPLYING
    assert abandoned(trial) == [load_id]
    assert trial.apply(load_id).status == LoadStatus.APPLIED
    assert len(trial.moodle()["users"]) == 5


def test_asking_for_a_run_again_does_not_disturb_the_one_at_work(trial: Trial) -> None:
    load_id = approved(trial)
    with another_process() as (name, _child):
        claim(trial, load_id, name)
        with transaction(trial.application.sessions) as session:
            run = session.get_one(Load, load_id)
            run.status = LoadStatus.APPLYING
            operations.ready_to_apply(session, load_id, scope=SCOPE, now=NOW)
        assert trial.run(load_id).status == LoadStatus.APPLYING
