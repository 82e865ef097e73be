"""Throttle: a pause after many wrong passwords, counted in the database."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker

from auth.models import SignInFailure


@dataclass(frozen=True, kw_only=True, slots=True)
class ThrottleKey:
    """What is counted together, and how many failures it may have inside the window."""

    text: str
    limit: int


class Throttle(Protocol):
    def allowed(self, *keys: ThrottleKey, now: datetime) -> bool:
        """Whether one more try may be made: none of the keys has reached its limit."""

    def failed(self, *keys: ThrottleKey, now: datetime) -> None:
        """Count one failure under each key."""


class DatabaseThrottle:
    """Counts rows of ``SignInFailure``. Keys are stored as keyed hashes: people type passwords
    into the wrong field."""

    def __init__(
        self, session_factory: sessionmaker[Session], *, window: timedelta, secret: bytes
    ) -> None:
        self._session_factory = session_factory
        self._window = window
        self._secret = secret

    def allowed(self, *keys: ThrottleKey, now: datetime) -> bool:
        hashes = {self._hash(key): key.limit for key in keys}
        counts = (
            select(SignInFailure.key_hash, func.count())
            .where(SignInFailure.key_hash.in_(hashes), SignInFailure.at > now - self._window)
            .group_by(SignInFailure.key_hash)
        )
        with self._session_factory() as db:
            counted = dict(db.execute(counts).all())
        return all(counted.get(name, 0) < limit for name, limit in hashes.items())

    def failed(self, *keys: ThrottleKey, now: datetime) -> None:
        with self._session_factory.begin() as db:
            db.add_all(SignInFailure(key_hash=self._hash(key), at=now) for key in keys)

    def _hash(self, key: ThrottleKey) -> str:
        return hmac.new(self._secret, key.text.encode(), hashlib.sha256).hexdigest()
