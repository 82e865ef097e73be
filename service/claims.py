"""Claims: which process is at work on a run. Taken by one conditional update, renewed per batch.

A claim whose process is gone is free at once on the same machine, and after ``LEASE`` elsewhere.
"""

from __future__ import annotations

import socket
from datetime import datetime, timedelta
from typing import Any, cast

import psutil
from sqlalchemy import CursorResult, Update, or_, select, update
from sqlalchemy.orm import Session

from service.models import RunStatus, SyncRun

LEASE = timedelta(minutes=5)
"""Longer than the longest call to Moodle with its retries: a claim is renewed between batches."""


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


def take(session: Session, run: SyncRun, now: datetime) -> bool:
    """Take the claim unless a live process has it. Zero rows changed: another was faster."""
    if is_live(run.claimed_by, run.claimed_at, now) and run.claimed_by != own_name():
        return False
    taken = _changes_one(
        session,
        update(SyncRun)
        .where(
            SyncRun.id == run.id,
            SyncRun.claimed_by == run.claimed_by,
            or_(SyncRun.claimed_at == run.claimed_at, SyncRun.claimed_at.is_(None)),
        )
        .values(claimed_by=own_name(), claimed_at=now),
    )
    session.refresh(run)
    return taken


def abandoned(session: Session, now: datetime) -> list[SyncRun]:
    """Runs that wait for planning or are half applied while no living process is at them."""
    begun = session.scalars(
        select(SyncRun)
        .where(SyncRun.status.in_([RunStatus.RECEIVED, RunStatus.APPLYING]))
        .order_by(SyncRun.id)
    )
    return [run for run in begun if not is_live(run.claimed_by, run.claimed_at, now)]


def renew(session: Session, run_id: int, now: datetime) -> None:
    """Renew our claim. Raises ``ClaimLost``: roll back and leave the run alone."""
    ours = update(SyncRun).where(SyncRun.id == run_id, SyncRun.claimed_by == own_name())
    if not _changes_one(session, ours.values(claimed_at=now)):
        raise ClaimLost


def _changes_one(session: Session, statement: Update) -> bool:
    done = session.execute(statement.execution_options(synchronize_session=False))
    return cast(CursorResult[Any], done).rowcount == 1


def release(run: SyncRun) -> None:
    run.claimed_by, run.claimed_at = "", None
