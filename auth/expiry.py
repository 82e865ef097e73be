"""Deletes what has ended: codes, tokens, sign-ins, failures, log lines of the ЕСИА stand-in, and
login events when they are old enough."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from auth.esia.workbench.recorder import forget_old
from auth.models import LoginEvent, SignInFailure
from auth.tables import metadata


def forget_expired(db: Session, now: datetime, *, failure_window: timedelta) -> None:
    """Delete the rows of every table whose ``expires_at`` has passed. To be run daily or oftener.

    ``failure_window``: the longest window of the throttles that count in this database.
    """
    for table in metadata.sorted_tables:
        if "expires_at" in table.columns:
            db.execute(delete(table).where(table.c.expires_at <= now))
    forget_old(db, now)
    db.execute(delete(SignInFailure).where(SignInFailure.at <= now - failure_window))


def forget_login_events(db: Session, before: datetime, *, at_most: int) -> bool:
    """Delete login events from before a moment, the oldest first; tell whether there were any.

    A piece at a time, so that nobody who signs in meanwhile waits for long: to be called in a
    transaction each until there are none.
    """
    oldest = (
        select(LoginEvent.id).where(LoginEvent.at < before).order_by(LoginEvent.at).limit(at_most)
    )
    gone = delete(LoginEvent).where(LoginEvent.id.in_(oldest)).returning(LoginEvent.id)
    deleted = db.scalars(gone.execution_options(synchronize_session=False))
    return len(deleted.all()) > 0
