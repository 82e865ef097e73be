"""Attempts: what is remembered while a person is away at an outside provider, for one return."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import delete
from sqlalchemy.orm import Session, sessionmaker

from auth.models import digest
from auth.upstream.models import UpstreamAttempt


class Purpose(StrEnum):
    SIGN_IN = "sign_in"
    SIGN_OUT = "sign_out"


def begin(
    session_factory: sessionmaker[Session],
    *,
    purpose: Purpose,
    upstream: str,
    browser: str,
    onward: str,
    now: datetime,
    age: timedelta,
) -> str:
    """Remember an attempt; its state. ``browser`` is the cookie that it is bound to, or empty."""
    state = str(uuid.uuid4())
    with session_factory.begin() as db:
        db.execute(delete(UpstreamAttempt).where(UpstreamAttempt.expires_at <= now))
        db.add(
            UpstreamAttempt(
                state_hash=digest(state),
                purpose=purpose.value,
                upstream=upstream,
                browser_hash=digest(browser) if browser else "",
                onward=onward,
                expires_at=now + age,
            )
        )
    return state


def claim(
    session_factory: sessionmaker[Session],
    state: str,
    *,
    purpose: Purpose,
    upstream: str,
    browser: str,
    now: datetime,
) -> str | None:
    """``onward`` of the attempt, once: of two returns one gets it.

    None: never begun, used, too old, or of another browser, whose attempt stays as it is.
    """
    claimed = (
        delete(UpstreamAttempt)
        .where(
            UpstreamAttempt.state_hash == digest(state),
            UpstreamAttempt.purpose == purpose.value,
            UpstreamAttempt.upstream == upstream,
            UpstreamAttempt.browser_hash == (digest(browser) if browser else ""),
            UpstreamAttempt.expires_at > now,
        )
        .returning(UpstreamAttempt.onward)
    )
    with session_factory.begin() as db:
        return db.scalars(claimed).one_or_none()
