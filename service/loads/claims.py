"""Claims: which process is at work on a load, and which loads should go on with nobody at work.

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

from service import audit
from service.audit import AuditAction
from service.db import SessionFactory, transaction
from service.models import Load, LoadStatus

LEASE = timedelta(seconds=40)
"""A process on another machine that said nothing for so long is taken for dead."""

RENEW_SECONDS = 10.0

INTERRUPTED = "interrupted"
"""``Load.problem`` of a load whose process ended before it did."""

FEW_BEGINNINGS = 5
PAUSE = timedelta(minutes=10)
"""Between further beginnings of a load that ends every process that works on it."""


class ClaimLost(Exception):
    """Another process works on the load now, so this one must not go on."""


def own_name() -> str:
    """Return the name of this process, which tells a reused pid apart: ``host/pid/start time``."""
    process = psutil.Process()
    return f"{socket.gethostname()}/{process.pid}/{process.create_time():.2f}"


def is_live(
    claimed_by: str, claimed_at: datetime | None, now: datetime, lease: timedelta = LEASE
) -> bool:
    """Tell whether the process that holds the claim can still be at work."""
    if not claimed_by or claimed_at is None:
        return False
    host, pid, started = claimed_by.rsplit("/", 2)
    if host != socket.gethostname():
        return now - claimed_at < lease
    try:
        process = psutil.Process(int(pid))
        same = f"{process.create_time():.2f}" == started
        return same and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def take(session: Session, load: Load, now: datetime, states: Collection[LoadStatus]) -> bool:
    """Take the claim unless a live process has it, or the load has left these states meanwhile.

    Zero rows changed: another was faster.
    """
    if is_live(load.claimed_by, load.claimed_at, now) and load.claimed_by != own_name():
        return False
    taken = _changes_one(
        session,
        update(Load)
        .where(
            Load.id == load.id,
            Load.status.in_(states),
            Load.claimed_by == load.claimed_by,
            or_(Load.claimed_at == load.claimed_at, Load.claimed_at.is_(None)),
        )
        .values(claimed_by=own_name(), claimed_at=now, beginnings=Load.beginnings + 1),
    )
    session.refresh(load)
    return taken


def abandoned(session: Session, now: datetime) -> list[Load]:
    """Return the loads that should go on by themselves while no living process is at them.

    Those that wait for planning or are half applied, and those that a person wants applied. One
    whose process ended says so from here on.
    """
    is_due = or_(
        Load.status == LoadStatus.APPLYING,
        # One that is to be planned may have a moment before which it is not tried again.
        (Load.status == LoadStatus.RECEIVED) & (Load.go_on_at.is_(None) | (Load.go_on_at <= now)),
        Load.status.in_([LoadStatus.APPROVED, LoadStatus.STOPPED]) & (Load.go_on_at <= now),
    )
    found = session.scalars(select(Load).where(is_due).order_by(Load.id)).all()
    left = [load for load in found if not is_live(load.claimed_by, load.claimed_at, now)]
    for load in left:
        if load.claimed_by and not load.problem:
            _say_interrupted(session, load, now)
    return [
        load
        for load in left
        if load.beginnings < FEW_BEGINNINGS or not load.claimed_at or now - load.claimed_at >= PAUSE
    ]


def _say_interrupted(session: Session, load: Load, now: datetime) -> None:
    ours = Load.id == load.id, Load.claimed_by == load.claimed_by, Load.problem == ""
    if _changes_one(session, update(Load).where(*ours).values(problem=INTERRUPTED)):
        audit.record(
            session, AuditAction.LOAD_INTERRUPT, at=now, actor=audit.WORKER, load_id=load.id
        )


def renew(session: Session, load_id: int, now: datetime) -> None:
    """Renew our claim: the load got on. Raises ``ClaimLost``: roll back and let the load be."""
    ours = update(Load).where(Load.id == load_id, Load.claimed_by == own_name())
    if not _changes_one(session, ours.values(claimed_at=now, beginnings=0)):
        raise ClaimLost


@contextmanager
def kept_fresh(
    sessions: SessionFactory, load_id: int, clock: Callable[[], datetime]
) -> Iterator[None]:
    """Renew our claim, if we have it, every few seconds: a batch may take minutes."""
    name, over = own_name(), Event()
    ours = update(Load).where(Load.id == load_id, Load.claimed_by == name)

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


def release(load: Load) -> None:
    load.claimed_by, load.claimed_at = "", None


def stop_here(load: Load) -> None:
    """Stop the load as a person wished; what is left waits for a person.

    The wish stays written down: a job that waits in the queue must not begin. When a process died
    at work on it, that stays written down too: its last call may have come through.
    """
    if load.claimed_by and load.claimed_by != own_name():
        load.problem = INTERRUPTED
    if load.status == LoadStatus.APPLYING:
        load.status = LoadStatus.STOPPED
    load.go_on_at = None
    release(load)
