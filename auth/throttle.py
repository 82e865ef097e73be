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
    def allowed(self, key: ThrottleKey, now: datetime) -> bool:
        """Whether one more try may be made."""

    def failed(self, key: ThrottleKey, now: datetime) -> None:
        """Count one failure."""


class DatabaseThrottle:
    """Counts rows of ``SignInFailure``. Keys are stored as keyed hashes: people type passwords
    into the wrong field."""

    def __init__(
        self, session_factory: sessionmaker[Session], *, window: timedelta, secret: bytes
    ) -> None:
        self._session_factory = session_factory
        self._window = window
        self._secret = secret

    def allowed(self, key: ThrottleKey, now: datetime) -> bool:
        counted = (
            select(func.count())
            .select_from(SignInFailure)
            .where(SignInFailure.key_hash == self._hash(key), SignInFailure.at > now - self._window)
        )
        with self._session_factory() as db:
            return db.scalars(counted).one() < key.limit

    def failed(self, key: ThrottleKey, now: datetime) -> None:
        with self._session_factory.begin() as db:
            db.add(SignInFailure(key_hash=self._hash(key), at=now))

    def _hash(self, key: ThrottleKey) -> str:
        return hmac.new(self._secret, key.text.encode(), hashlib.sha256).hexdigest()
