"""Attempts: remembered while a person is away at an outside provider, for one return."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from sqlalchemy import String, Text, delete
from sqlalchemy.orm import Mapped, mapped_column

from auth.models import Base, digest

if TYPE_CHECKING:
    from auth.oidc.context import Context

SIGN_OUT_AGE = timedelta(minutes=10)


class Purpose(StrEnum):
    SIGN_IN = "sign_in"
    SIGN_OUT = "sign_out"


class UpstreamAttempt(Base):
    """Somebody is on the way there and back; the row goes with the first return."""

    __tablename__ = "auth_upstream_attempts"

    state_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    purpose: Mapped[str] = mapped_column(String(10))
    """A ``Purpose``."""
    upstream: Mapped[str] = mapped_column(String(31))
    """Its key in the settings."""
    browser_hash: Mapped[str] = mapped_column(String(64))
    """The digest of the cookie it is bound to; empty when it may return in any browser."""
    onward: Mapped[str] = mapped_column(Text)
    """The query of the application's request to go on with, or the address after a sign-out."""
    expires_at: Mapped[datetime] = mapped_column(index=True)


def begin(
    context: Context, purpose: Purpose, upstream: str, onward: str, *, browser: str = ""
) -> str:
    """Remember an attempt and return its state. ``browser`` is the cookie that it is bound to, or
    empty."""
    state, now = str(uuid.uuid4()), context.clock()
    age = context.upstream_age if purpose is Purpose.SIGN_IN else SIGN_OUT_AGE
    bound = _bound(purpose, upstream, state, browser)
    with context.session_factory.begin() as db:
        db.execute(delete(UpstreamAttempt).where(UpstreamAttempt.expires_at <= now))
        db.add(UpstreamAttempt(**bound, onward=onward, expires_at=now + age))
    return state


def claim(
    context: Context, purpose: Purpose, upstream: str, state: str, *, browser: str = ""
) -> str | None:
    """Return ``onward`` of the attempt, once: of two returns one gets it.

    None for an attempt that never began, is used or too old, or belongs to another browser; the
    last one stays as it is.
    """
    claimed = (
        delete(UpstreamAttempt)
        .filter_by(**_bound(purpose, upstream, state, browser))
        .where(UpstreamAttempt.expires_at > context.clock())
        .returning(UpstreamAttempt.onward)
    )
    with context.session_factory.begin() as db:
        return db.scalars(claimed).one_or_none()


def _bound(purpose: Purpose, upstream: str, state: str, browser: str) -> dict[str, str]:
    """Return the columns that a return has to fit."""
    return {
        "state_hash": digest(state),
        "purpose": purpose.value,
        "upstream": upstream,
        "browser_hash": digest(browser) if browser else "",
    }
