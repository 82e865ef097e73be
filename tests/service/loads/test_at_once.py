"""Processes at work at once.

A run is taken by one of them, is free when that is gone, and is never stolen. Where two workers
plan two schools, one human is one identity, and no login is given twice.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta

import psutil
import pytest
from sqlalchemy import select, text, update

from provisioning.formats.cleaning import school_years_of
from service.loads import claims, operations, planning
from service.models import Identity, Load, LoadStatus, SourceKey
from service.queue import JobQueue
from service.sample.rows import Row
from tests.service.installation import environment, receive_paths, running_redis
from tests.service.trial import NOW, A, B, Trial, on_both_databases, pupil, pupils, teacher
from tests.waiting import WAIT_SECONDS, until

ROWS = [*pupils("a", 4), teacher("a-t")]
THIEF = "other.example/7/1.00"
"""Another process, on another machine."""


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    """Another living process."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        yield child
        child.kill()


@pytest.fixture
def name(child: subprocess.Popen[bytes]) -> str:
    """How it is called in a claim."""
    started = psutil.Process(child.pid).create_time()
    return f"{socket.gethostname()}/{child.pid}/{started:.2f}"


def claim(trial: Trial, load_id: int, name: str, **fields: LoadStatus) -> None:
    with trial.rows() as session:
        session.execute(
            update(Load)
            .where(Load.id == load_id)
            .values(claimed_by=name, claimed_at=trial.application.clock(), **fields)
        )


def approved(trial: Trial) -> int:
    return trial.approved(trial.write(A, ROWS))


def abandoned(trial: Trial) -> list[int]:
    with trial.rows() as session:
        return [run.id for run in claims.abandoned(session, trial.application.clock())]


@on_both_databases
def test_a_run_that_a_living_process_holds_is_left_alone(trial: Trial, name: str) -> None:
    load_id = approved(trial)
    claim(trial, load_id, name)
    trial.apply(load_id)
    assert (trial.run(load_id).claimed_by, trial.moodle()["users"]) == (name, [])
    assert abandoned(trial) == []


@on_both_databases
def test_the_claim_of_a_dead_process_is_free_at_once(
    trial: Trial, name: str, child: subprocess.Popen[bytes]
) -> None:
    load_id = approved(trial)
    claim(trial, load_id, name)
    child.kill()
    # It stays a zombie until its parent asks how it ended, and is dead all the same.
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert trial.apply(load_id).status == LoadStatus.APPLIED


def test_a_later_process_with_the_same_number_does_not_hold_it(trial: Trial, name: str) -> None:
    load_id = approved(trial)
    host, pid, started = name.rsplit("/", 2)
    claim(trial, load_id, f"{host}/{pid}/{float(started) - 60:.2f}")
    assert trial.apply(load_id).status == LoadStatus.APPLIED


def test_the_claim_of_another_machine_is_free_after_the_lease_only() -> None:
    assert claims.is_live(THIEF, NOW, NOW + claims.LEASE - timedelta(seconds=1))
    assert not claims.is_live(THIEF, NOW, NOW + claims.LEASE)
    assert not claims.is_live("", None, NOW)


@on_both_databases
def test_of_two_processes_that_take_a_free_run_at_once_one_gets_it(
    trial: Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    load_id = approved(trial)
    names = ["one.example/1/1.00", "two.example/2/2.00"]
    with trial.application.sessions() as first, trial.application.sessions() as second:
        seen = [(session, session.get_one(Load, load_id)) for session in (first, second)]
        first.commit()
        second.commit()
        taken = []
        for name, (session, load) in zip(names, seen, strict=True):
            monkeypatch.setattr(claims, "own_name", lambda name=name: name)
            taken.append(claims.take(session, load, NOW, {LoadStatus.APPROVED}))
            session.commit()
    assert taken == [True, False]
    assert trial.run(load_id).claimed_by == names[0]


@on_both_databases
@pytest.mark.parametrize("told_to_stop", [False, True])
def test_who_loses_the_claim_records_nothing_more_and_does_not_end_the_run(
    trial: Trial, told_to_stop: bool
) -> None:
    load_id = approved(trial)
    calls = iter(range(1000))

    def lose_it_before_the_second_batch() -> bool:
        if next(calls) != 1:
            return False
        claim(trial, load_id, THIEF)
        return told_to_stop

    run = trial.apply(load_id, should_stop=lose_it_before_the_second_batch)
    assert (run.claimed_by, run.status) == (THIEF, LoadStatus.APPLYING)
    tried = [change.key for change in trial.changes(load_id, "category") if change.result]
    assert len(tried) == 1
    assert trial.decisions(load_id) == {A: "approved"}


def test_who_loses_the_claim_while_planning_stores_nothing(
    trial: Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_plan = planning.make_plan

    def lose_it(*given: object) -> object:
        monkeypatch.setattr(claims, "own_name", lambda: THIEF)
        return make_plan(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(planning, "make_plan", lose_it)
    load_id = trial.load(trial.write(A, ROWS))
    assert trial.run(load_id).status == LoadStatus.RECEIVED
    assert trial.plans(load_id) == {}


def test_asking_for_a_run_again_does_not_disturb_the_one_at_work(trial: Trial, name: str) -> None:
    load_id = approved(trial)
    claim(trial, load_id, name, status=LoadStatus.APPLYING)
    trial.ask(operations.ready_to_apply, load_id)
    assert trial.run(load_id).status == LoadStatus.APPLYING


# Two workers

on_postgresql = pytest.mark.parametrize("trial", ["postgresql"], indirect=True)


def receive(trial: Trial, code: str, rows: list[Row]) -> int:
    """Upload a school's file and queue it, as ``import`` does; the workers read the real clock."""
    now = datetime.now(UTC)
    file = trial.write(code, rows, school_year=school_years_of(now.date())[0], exported_at=now)
    load_id = receive_paths(trial.application, file)
    JobQueue(trial.application.settings).plan_load(load_id)
    return load_id


@contextmanager
def two_workers(trial: Trial, **variables: str) -> Iterator[None]:
    settings = trial.application.settings
    with running_redis(settings), ExitStack() as stack:
        log = stack.enter_context((settings.home / "worker.log").open("ab"))
        workers = [
            subprocess.Popen(
                [sys.executable, "-m", "service.worker", "loads"],
                env=environment(settings) | variables,
                stdout=log,
                stderr=log,
            )
            for _ in range(2)
        ]
        try:
            yield
        finally:
            for worker in workers:
                worker.terminate()
            try:
                for worker in workers:
                    worker.wait(WAIT_SECONDS)
            finally:  # one that does not end fails this test, and none that comes after
                for worker in workers:
                    worker.kill()
                    worker.wait()


def planned(trial: Trial, *run_ids: int) -> None:
    """Wait until the runs are planned."""
    for load_id in run_ids:
        until(lambda load_id=load_id: trial.run(load_id).status != LoadStatus.RECEIVED)
        run = trial.run(load_id)
        assert (run.status, run.problem) == (LoadStatus.PLANNED, "")


def waiting(trial: Trial) -> int:
    """How many connections wait for a lock of this database."""
    query = (
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    with trial.application.engine.connect() as connection:
        return int(connection.execute(text(query)).scalar_one())


def same_people(prefix: str) -> list[Row]:
    """Twenty children and a teacher; each is the same human in any school."""
    rows = [pupil(f"{prefix}-{each}", who=f"human-{each}") for each in range(20)]
    return [*rows, teacher(f"{prefix}-t", who="both")]


def identities(trial: Trial) -> list[Identity]:
    return trial.stored(select(Identity))


@on_postgresql
def test_a_human_whom_two_loads_meet_at_the_same_moment_is_one_identity(trial: Trial) -> None:
    with two_workers(trial), trial.application.engine.connect() as gate:
        # Both have looked for the people, or wait to do so, before either may add any.
        gate.execute(text("LOCK TABLE identities IN EXCLUSIVE MODE"))
        first, second = receive(trial, A, same_people("a")), receive(trial, B, same_people("b"))
        until(lambda: waiting(trial) == 2)
        gate.rollback()
        planned(trial, first, second)
    assert len(identities(trial)) == 21
    assert trial.person_id(A, "a-t") == trial.person_id(B, "b-t")


@on_both_databases
def test_two_workers_give_each_human_one_identity_and_each_identity_its_login(trial: Trial) -> None:
    """Namesakes of other birth dates and numbers want the same login."""
    spelled = {"family_name": "Примеров", "given_name": "Пример", "middle_name": ""}
    rows_a = [pupil(f"a-{n}", **spelled) for n in range(10)] + same_people("same-a")
    rows_b = [pupil(f"b-{n}", **spelled) for n in range(10)] + same_people("same-b")
    with two_workers(trial, SCHOOLBRIDGE_LOGINS_SCHEME="transliterated"):
        planned(trial, receive(trial, A, rows_a), receive(trial, B, rows_b))
    found = identities(trial)
    assert len(found) == 41
    namesakes = {one.username for one in found if one.family_name == "Примеров"}
    assert namesakes == {"primerov.p", *(f"primerov.p{n}" for n in range(2, 21))}
    assert len(trial.stored(select(SourceKey))) == 62


@on_postgresql
def test_a_login_taken_by_a_program_without_the_lock_is_not_given_again(trial: Trial) -> None:
    """As an older version beside a newer one would do it."""
    with two_workers(trial, SCHOOLBRIDGE_LOGINS_SCHEME="transliterated"):
        with trial.application.engine.connect() as other:
            other.execute(
                Identity.__table__.insert().values(
                    person_id="00000000-0000-0000-0000-000000000001", username="primerov.p",
                    family_name="Примеров", given_name="Пётр", middle_name="",
                    name_key="примеров петр", snils="", school_code=B, password_generation=0,
                    reserved_at=trial.application.clock(),
                )
            )  # fmt: skip
            one = pupil("a-1", family_name="Примеров", given_name="Пример", middle_name="")
            load_id = receive(trial, A, [one, *pupils("a-other", 3)])
            until(lambda: waiting(trial) == 1)
            other.commit()
        planned(trial, load_id)
    assert trial.identity(A, "a-1").username == "primerov.p2"


def test_the_same_file_twice_at_once_makes_nobody_twice(trial: Trial) -> None:
    rows = [*pupils("a", 30), teacher("a-t")]
    with two_workers(trial):
        planned(trial, receive(trial, A, rows), receive(trial, A, rows))
    assert len(identities(trial)) == 31
