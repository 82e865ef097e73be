"""Throttle: a pause after many wrong passwords, counted in the database."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import ceil
from typing import Protocol

from sqlalchemy import Select, select
from sqlalchemy.orm import Session, sessionmaker

from auth.models import SignInFailure


@dataclass(frozen=True, kw_only=True, slots=True)
class ThrottleKey:
    """Failures that are counted together, and how many may be inside the window."""

    text: str
    limit: int


def minutes_left(until: datetime, now: datetime) -> int:
    """Return whole minutes to wait, rounded up so that nobody comes too early."""
    return max(1, ceil((until - now) / timedelta(minutes=1)))


class Throttle(Protocol):
    @property
    def window(self) -> timedelta:
        """The time for which a failure counts."""

    def paused_until(self, *keys: ThrottleKey, now: datetime) -> datetime | None:
        """Return when one more try may be made; None where no key has reached its limit."""

    def failed(self, *keys: ThrottleKey, now: datetime) -> None:
        """Count one failure under each key."""


@dataclass(frozen=True, kw_only=True)
class DatabaseThrottle:
    """Counts rows of ``SignInFailure``. Keys are stored as keyed hashes: people type passwords
    into the wrong field."""

    session_factory: sessionmaker[Session]
    window: timedelta
    secret: bytes = field(repr=False)

    def paused_until(self, *keys: ThrottleKey, now: datetime) -> datetime | None:
        with self.session_factory() as db:
            found = [db.scalar(self._last_to_go(key, now)) for key in keys]
        return max((at + self.window for at in found if at), default=None)

    def _last_to_go(self, key: ThrottleKey, now: datetime) -> Select[datetime]:
        """Select the failure with which the key falls below its limit again."""
        return (
            select(SignInFailure.at)
            .where(SignInFailure.key_hash == self._hash(key), SignInFailure.at > now - self.window)
            .order_by(SignInFailure.at.desc())
            .offset(key.limit - 1)
            .limit(1)
        )

    def failed(self, *keys: ThrottleKey, now: datetime) -> None:
        with self.session_factory.begin() as db:
            db.add_all(SignInFailure(key_hash=self._hash(key), at=now) for key in keys)

    def _hash(self, key: ThrottleKey) -> str:
        return hmac.new(self.secret, key.text.encode(), hashlib.sha256).hexdigest()
