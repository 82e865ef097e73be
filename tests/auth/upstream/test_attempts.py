"""What is remembered while a person is away: for one return, in one browser, for a while."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from auth.expiry import forget_expired
from auth.upstream.attempts import Purpose, UpstreamAttempt, begin, claim
from tests.auth.conftest import START, at_once

MINUTE = timedelta(minutes=1)


@dataclass
class Context:
    """As much of the provider's as attempts need."""

    session_factory: sessionmaker[Session]
    now: datetime = START
    upstream_age: timedelta = MINUTE

    def clock(self) -> datetime:
        return self.now


@pytest.fixture
def context(session_factory: sessionmaker[Session]) -> Any:
    return Context(session_factory)


@pytest.fixture
def state(context: Any) -> str:
    return start(context)


BEGUN = {"purpose": Purpose.SIGN_IN, "upstream": "esia", "browser": "a cookie"}


def start(context: Any) -> str:
    return begin(context, **BEGUN, onward="client_id=moodle")


def take(context: Any, state: str, **changes: Any) -> str | None:
    return claim(context, state=state, **BEGUN | changes)


def test_an_attempt_is_of_one_browser_provider_and_purpose_and_ends(
    context: Any, state: str
) -> None:
    assert take(context, state, browser="another") is None
    assert take(context, state, browser="") is None
    assert take(context, state, upstream="gateway") is None
    assert take(context, state, purpose=Purpose.SIGN_OUT) is None
    assert take(context, "another") is None
    context.now = START + MINUTE
    assert take(context, state) is None
    context.now = START
    assert take(context, state) is not None


def test_of_two_returns_at_once_one_counts(context: Any) -> None:
    for _ in range(20):
        state = start(context)
        taken = at_once(*[lambda state=state: take(context, state)] * 2)
        assert sorted(taken, key=str) == [None, "client_id=moodle"]


def test_neither_state_nor_cookie_is_stored(context: Any, state: str) -> None:
    with context.session_factory() as db:
        row = db.scalars(select(UpstreamAttempt)).one()
    stored = {name: str(value) for name, value in vars(row).items()}
    assert state not in stored.values()
    assert "a cookie" not in stored.values()


def test_attempts_that_never_came_back_are_forgotten(context: Any, state: str) -> None:
    context.now = START + 2 * MINUTE
    start(context)
    with context.session_factory.begin() as db:
        assert len(db.scalars(select(UpstreamAttempt)).all()) == 1
        forget_expired(db, START + 4 * MINUTE, failure_window=MINUTE)
        assert db.scalars(select(UpstreamAttempt)).all() == []
