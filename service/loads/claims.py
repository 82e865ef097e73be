"""Claims: which process is at work on a run, and which runs should go on with nobody at work.

A claim is taken by one conditional update, and renewed with each batch and every few seconds.
A claim whose process is gone is free at once on the same machine, and after ``LEASE`` elsewhere.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from threading import Event, Thread
from typing import Any, cast

import psutil
from sqlalchemy import CursorResult, Update, or_, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from service.db import SessionFactory, transaction
from service.models import AuditEntry, RunStatus, SyncRun

LEASE = timedelta(seconds=40)
"""A process on another machine that said nothing for so long is taken for dead."""

RENEW_SECONDS = 10.0

INTERRUPTED = "interrupted"
"""``SyncRun.problem`` of a run whose process ended before it did."""

FEW_BEGINNINGS = 5
PAUSE = timedelta(minutes=10)
"""Between further beginnings of a run that ends every process that works on it."""


class ClaimLost(Exception):
    """Another process works on the run now, so this one must not go on."""


def own_name() -> str:
    """This process, in a form that tells a reused pid apart: ``host/pid/start time``."""
    process = psutil.Process()
    return f"{socket.gethostname()}/{process.pid}/{process.create_time():.2f}"


def is_live(claimed_by: str, claimed_at: datetime | None, now: datetime) -> bool:
    """Whether the process that holds the claim can still be at work."""
    if not claimed_by or claimed_at is None:
        return False
    host, pid, started = claimed_by.rsplit("/", 2)
    if host != socket.gethostname():
        return now - claimed_at < LEASE
    try:
        process = psutil.Process(int(pid))
        same = f"{process.create_time():.2f}" == started
        return same and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def take(session: Session, run: SyncRun, now: datetime, states: Collection[RunStatus]) -> bool:
    """Take the claim unless a live process has it, or the run has left these states meanwhile.

    Zero rows changed: another was faster.
    """
    if is_live(run.claimed_by, run.claimed_at, now) and run.claimed_by != own_name():
        return False
    taken = _changes_one(
        session,
        update(SyncRun)
        .where(
            SyncRun.id == run.id,
            SyncRun.status.in_(states),
            SyncRun.claimed_by == run.claimed_by,
            or_(SyncRun.claimed_at == run.claimed_at, SyncRun.claimed_at.is_(None)),
        )
        .values(claimed_by=own_name(), claimed_at=now, beginnings=SyncRun.beginnings + 1),
    )
    session.refresh(run)
    return taken


def abandoned(session: Session, now: datetime) -> list[SyncRun]:
    """Runs that should go on by themselves while no living process is at them.

    Those that wait for planning or are half applied, and those that a person wants applied. One
    whose process ended says so from here on.
    """
    is_due = or_(
        SyncRun.status.in_([RunStatus.RECEIVED, RunStatus.APPLYING]),
        SyncRun.status.in_([RunStatus.APPROVED, RunStatus.STOPPED]) & (SyncRun.go_on_at <= now),
    )
    found = session.scalars(select(SyncRun).where(is_due).order_by(SyncRun.id)).all()
    left = [run for run in found if not is_live(run.claimed_by, run.claimed_at, now)]
    for run in left:
        if run.claimed_by and not run.problem:
            _say_interrupted(session, run, now)
    return [run for run in left if _may_begin(run, now)]


def _say_interrupted(session: Session, run: SyncRun, now: datetime) -> None:
    ours = SyncRun.id == run.id, SyncRun.claimed_by == run.claimed_by, SyncRun.problem == ""
    if _changes_one(session, update(SyncRun).where(*ours).values(problem=INTERRUPTED)):
        session.add(
            AuditEntry(at=now, actor="worker", action="run.interrupted", run_id=run.id, details={})
        )


def _may_begin(run: SyncRun, now: datetime) -> bool:
    begun = run.claimed_at
    return run.beginnings < FEW_BEGINNINGS or begun is None or now - begun >= PAUSE


def renew(session: Session, run_id: int, now: datetime) -> None:
    """Renew our claim: the run got on. Raises ``ClaimLost``: roll back and leave the run alone."""
    ours = update(SyncRun).where(SyncRun.id == run_id, SyncRun.claimed_by == own_name())
    if not _changes_one(session, ours.values(claimed_at=now, beginnings=0)):
        raise ClaimLost


@contextmanager
def kept_fresh(
    sessions: SessionFactory, run_id: int, clock: Callable[[], datetime]
) -> Iterator[None]:
    """Meanwhile renew our claim, if we have it, every few seconds: a batch may take minutes."""
    name, over = own_name(), Event()
    ours = update(SyncRun).where(SyncRun.id == run_id, SyncRun.claimed_by == name)

    def keep() -> None:
        while not over.wait(RENEW_SECONDS):
            # What is at work finds out by itself when the database is gone or busy.
            with suppress(SQLAlchemyError), transaction(sessions) as session:
                session.execute(ours.values(claimed_at=clock()))

    Thread(target=keep, daemon=True, name="claim").start()
    try:
        yield
    finally:
        over.set()


def _changes_one(session: Session, statement: Update) -> bool:
    done = session.execute(statement.execution_options(synchronize_session=False))
    return cast(CursorResult[Any], done).rowcount == 1


def release(run: SyncRun) -> None:
    run.claimed_by, run.claimed_at = "", None


def stop_here(run: SyncRun) -> None:
    """A person's wish is done: whatever is left waits for a person.

    The wish stays written down: a job that waits in the queue must not begin.
    """
    if run.status == RunStatus.APPLYING:
        run.status = RunStatus.STOPPED
    run.go_on_at = None
    release(run)
