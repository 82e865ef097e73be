"""Sessions of the console: a row tells who is signed in, and until when.

The browser holds a token, of which only the hash is stored. A session ends with the sign-out, some
time after its last click, a day's work after it began at the latest, and with whatever changes
what its operator may do (``service.operators``).
"""

from __future__ import annotations

import secrets
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, func, select, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from auth.models import digest
from service import db
from service.models import Operator, OperatorSession


@dataclass(frozen=True, kw_only=True, slots=True)
class Lifetime:
    """How long a session lasts."""

    idle: timedelta
    """The time after the last click."""
    whole: timedelta
    """The time after its beginning, however much it is used."""

    @property
    def step(self) -> timedelta:
        """Return the time after which a click is written down again; not each single one is."""
        return self.idle / 20


def begin(session: Session, operator: Operator, lifetime: Lifetime, now: datetime) -> str:
    """Sign the operator in; return the token for the browser."""
    token = secrets.token_urlsafe(32)
    session.add(
        OperatorSession(
            token_hash=digest(token),
            operator_id=operator.id,
            created_at=now,
            last_seen_at=now,
            ends_at=now + lifetime.whole,
        )
    )
    return token


def operator_of(
    factory: db.SessionFactory, token: str, lifetime: Lifetime, now: datetime
) -> Operator | None:
    """Return the operator, if the session has not ended and the operator's account is open."""
    with factory() as session:
        found = session.execute(
            select(OperatorSession, Operator)
            .join(Operator, Operator.id == OperatorSession.operator_id)
            .where(
                OperatorSession.token_hash == digest(token),
                ~_ended(lifetime, now),
                Operator.active.is_(True),
            )
        ).one_or_none()
    if found is None:
        return None
    row, operator = found
    if row.last_seen_at + lifetime.step <= now:
        # A database that is busy for a minute costs the session its step, not the page.
        with suppress(OperationalError), db.transaction(factory) as session:
            session.execute(
                update(OperatorSession)
                .where(OperatorSession.token_hash == row.token_hash)
                .values(last_seen_at=now)
            )
    return operator


def end(session: Session, token: str) -> None:
    """Sign out; a copy of the token is then worth nothing."""
    session.execute(delete(OperatorSession).where(OperatorSession.token_hash == digest(token)))


def end_all(session: Session, operator: Operator) -> None:
    """End every session of the operator: the next click asks for the password."""
    session.execute(delete(OperatorSession).where(OperatorSession.operator_id == operator.id))


def count_live(session: Session, lifetime: Lifetime, now: datetime) -> dict[int, int]:
    """Return the number of sessions that have not ended by operator's number."""
    counted = (
        select(OperatorSession.operator_id, func.count())
        .where(~_ended(lifetime, now))
        .group_by(OperatorSession.operator_id)
    )
    return dict(session.execute(counted).all())


def forget_ended(session: Session, lifetime: Lifetime, now: datetime) -> None:
    """Delete the rows of sessions that have ended."""
    session.execute(delete(OperatorSession).where(_ended(lifetime, now)))


def _ended(lifetime: Lifetime, now: datetime) -> ColumnElement[bool]:
    idle = OperatorSession.last_seen_at <= now - lifetime.idle
    return (OperatorSession.ends_at <= now) | idle
