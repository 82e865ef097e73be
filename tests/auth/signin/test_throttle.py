"""Failures are counted inside a window, under keys that name nobody."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from auth.models import SignInFailure
from auth.signin.throttle import DatabaseThrottle, ThrottleKey
from tests.auth.conftest import START

KEY = ThrottleKey(text="account 1234p5678 192.0.2.1", limit=2)
OTHER = ThrottleKey(text="account 8765p4321 192.0.2.1", limit=2)


@pytest.fixture
def throttle(session_factory: sessionmaker[Session]) -> DatabaseThrottle:
    return DatabaseThrottle(
        session_factory=session_factory, window=timedelta(minutes=15), secret=b"secret"
    )


def test_the_limit_closes_one_key_until_the_window_has_passed(throttle: DatabaseThrottle) -> None:
    throttle.failed(KEY, now=START)
    assert throttle.paused_until(KEY, now=START) is None
    throttle.failed(KEY, now=START + timedelta(minutes=5))
    assert throttle.paused_until(KEY, now=START + timedelta(minutes=14))
    assert throttle.paused_until(OTHER, now=START + timedelta(minutes=14)) is None
    assert throttle.paused_until(KEY, now=START + timedelta(minutes=15)) is None


def test_what_was_typed_is_not_stored(
    throttle: DatabaseThrottle, session_factory: sessionmaker[Session]
) -> None:
    throttle.failed(KEY, now=START)
    with session_factory() as db:
        stored = db.scalars(select(SignInFailure.key_hash)).one()
    assert "1234p5678" not in stored
    assert len(stored) == 64
