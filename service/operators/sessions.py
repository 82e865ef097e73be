"""Signing in to the console, and its sessions: a row tells who is signed in, and until when.

The browser holds a token, of which only the hash is stored. A session ends with the sign-out, some
time after its last click, a day's work after it began at the latest, and with whatever changes
what its operator may do (``service.operators``).

A name that nobody has may be anything, a password too: of a failed sign-in only a keyed hash of it
is kept.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import secrets
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError
from sqlalchemy import ColumnElement, delete, func, select, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from auth.models import digest
from service import audit, db
from service.audit import AuditAction
from service.models import Operator, OperatorSession

log = logging.getLogger(__name__)


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


def sign_in(
    session: Session,
    username: str,
    password: str,
    *,
    lifetime: Lifetime,
    secret: bytes,
    now: datetime,
) -> str | None:
    """Return the token of the new session, or None; which of the two was wrong is not told.

    Both ends are in the audit. ``secret`` is the key of the hash of an unknown name.
    """
    operator = authenticate(session, username, password)
    if operator is None:
        _note_failure(session, username, secret, now)
        return None
    audit.record(
        session, AuditAction.OPERATOR_SIGN_IN, at=now, actor=operator.username, operator=operator.id
    )
    token = secrets.token_urlsafe(32)
    session.add(
        OperatorSession(
            token_hash=digest(token), operator_id=operator.id, created_at=now, last_seen_at=now,
            ends_at=now + lifetime.whole,
        )
    )  # fmt: skip
    return token


@cache
def _unknown_operator_hash() -> str:
    """Made when first needed: hashing takes 64 MB, and most processes let nobody sign in."""
    return PasswordHasher().hash(hashlib.sha256(b"nobody").hexdigest())


def authenticate(session: Session, username: str, password: str) -> Operator | None:
    """Return the operator, or None, in the same time whether or not the name exists."""
    operator = session.scalar(select(Operator).where(Operator.username == username))
    stored = operator.password_hash if operator else _unknown_operator_hash()
    try:
        PasswordHasher().verify(stored, password)
    except (VerifyMismatchError, InvalidHashError):
        return None
    return operator if operator and operator.active else None


def _note_failure(session: Session, username: str, secret: bytes, now: datetime) -> None:
    known = session.scalar(select(Operator.id).where(Operator.username == username))
    typed = hmac.new(secret, username.encode(), hashlib.sha256).hexdigest()[:16]
    who: dict[str, Any] = {"typed": typed} if known is None else {"operator": known}
    audit.record(session, AuditAction.OPERATOR_REFUSE_SIGN_IN, at=now, actor=audit.NOBODY, **who)
    log.warning("an operator's sign-in failed", extra=who)


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
