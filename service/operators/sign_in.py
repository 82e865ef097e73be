"""Signing an operator in: the password, the new session, and what is written down of either end.

A name that nobody has may be anything, a password too: only a keyed hash of it is kept.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
from datetime import datetime
from functools import cache
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError
from sqlalchemy import select
from sqlalchemy.orm import Session

from service import audit
from service.audit import AuditAction
from service.models import Operator
from service.operators import sessions as operator_sessions
from service.operators.sessions import Lifetime

log = logging.getLogger(__name__)


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
    return operator_sessions.begin(session, operator, lifetime, now)


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
