"""Deletes what counts no more: codes, tokens, sign-ins, failures, old log lines of the ЕСИА
stand-in. Login events stay."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import delete
from sqlalchemy.orm import Session

from auth.esia.recorder import forget_old
from auth.models import Base, SignInFailure


def forget_expired(db: Session, now: datetime, *, failure_window: timedelta) -> None:
    """Delete the rows of every table whose ``expires_at`` has passed. To be run daily or oftener.

    ``failure_window``: the longest window of the throttles that count in this database.
    """
    for table in Base.metadata.sorted_tables:
        if "expires_at" in table.columns:
            db.execute(delete(table).where(table.c.expires_at <= now))
    forget_old(db, now)
    db.execute(delete(SignInFailure).where(SignInFailure.at <= now - failure_window))
