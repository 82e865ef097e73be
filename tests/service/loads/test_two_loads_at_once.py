"""Two workers plan two schools at once: one human is one identity, and no login is given twice."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime

import pytest
from sqlalchemy import func, select, text

from provisioning.formats.cleaning import school_years_of
from service.db import transaction
from service.loads import operations
from service.models import Identity, LoadStatus, SourceKey
from service.queue import JobQueue
from service.sample.rows import Row
from tests.service.installation import SCOPE, environment, running_redis
from tests.service.trial import A, B, Trial, on_both_databases, pupil, pupils, teacher
from tests.waiting import WAIT_SECONDS, until

ON_POSTGRESQL = pytest.mark.parametrize("trial", ["postgresql"], indirect=True)


def receive(trial: Trial, code: str, rows: list[Row]) -> int:
    """Upload a school's file and queue it, as ``import`` does; the workers read the real clock."""
    now = datetime.now(UTC)
    file = trial.write(code, rows, school_year=school_years_of(now.date())[0], exported_at=now)
    with transaction(trial.application.sessions) as session:
        run = operations.receive(
            session,
            home=trial.application.settings.home,
            paths=[(file.name, file)],
            scope=SCOPE,
            expected_school="",
            now=trial.application.clock(),
        )
    JobQueue(trial.application.settings).plan_load(run.id)
    return run.id


@contextmanager
def two_workers(trial: Trial, **variables: str) -> Iterator[None]:
    settings = trial.application.settings
    with running_redis(settings), ExitStack() as stack:
        stack.enter_context(log := (settings.home / "worker.log").open("ab"))
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
            for worker in workers:
                worker.wait(WAIT_SECONDS)


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
    with trial.application.sessions() as session:
        return list(session.scalars(select(Identity)))


@ON_POSTGRESQL
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
def test_two_workers_give_every_human_one_identity_and_every_identity_its_login(
    trial: Trial,
) -> None:
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
    with trial.application.sessions() as session:
        assert session.scalar(select(func.count()).select_from(SourceKey)) == 62


@ON_POSTGRESQL
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
    """The same file twice at once, as two people who press the same button."""
    rows = [*pupils("a", 30), teacher("a-t")]
    with two_workers(trial):
        planned(trial, receive(trial, A, rows), receive(trial, A, rows))
    assert len(identities(trial)) == 31
