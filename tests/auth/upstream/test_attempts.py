"""What is remembered while a person is away: for one return, in one browser, for a while."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from auth.expiry import forget_expired
from auth.upstream.attempts import Purpose, UpstreamAttempt, begin, claim
from tests.auth.conftest import START

MINUTE = timedelta(minutes=1)


@pytest.fixture
def state(session_factory: sessionmaker[Session]) -> str:
    return start(session_factory)


def start(session_factory: sessionmaker[Session], now: datetime = START) -> str:
    return begin(
        session_factory,
        purpose=Purpose.SIGN_IN,
        upstream="esia",
        browser="a cookie",
        onward="client_id=moodle",
        now=now,
        age=MINUTE,
    )


def take(
    session_factory: sessionmaker[Session],
    state: str,
    *,
    purpose: Purpose = Purpose.SIGN_IN,
    upstream: str = "esia",
    browser: str = "a cookie",
    now: datetime = START,
) -> str | None:
    return claim(
        session_factory, state, purpose=purpose, upstream=upstream, browser=browser, now=now
    )


def test_an_attempt_is_taken_once(session_factory: sessionmaker[Session], state: str) -> None:
    assert take(session_factory, state) == "client_id=moodle"
    assert take(session_factory, state) is None


def test_an_attempt_is_of_one_browser_provider_and_purpose_and_ends(
    session_factory: sessionmaker[Session], state: str
) -> None:
    assert take(session_factory, state, browser="another") is None
    assert take(session_factory, state, browser="") is None
    assert take(session_factory, state, upstream="gateway") is None
    assert take(session_factory, state, purpose=Purpose.SIGN_OUT) is None
    assert take(session_factory, state, now=START + MINUTE) is None
    assert take(session_factory, "another") is None
    assert take(session_factory, state) is not None


def test_of_two_returns_at_once_one_counts(session_factory: sessionmaker[Session]) -> None:
    with ThreadPoolExecutor(2) as pool:
        for _ in range(20):
            state = start(session_factory)
            taken = list(pool.map(lambda _, s=state: take(session_factory, s), range(2)))
            assert sorted(taken, key=str) == [None, "client_id=moodle"]


def test_neither_state_nor_cookie_is_stored(
    session_factory: sessionmaker[Session], state: str
) -> None:
    with session_factory() as db:
        row = db.scalars(select(UpstreamAttempt)).one()
    stored = {name: str(value) for name, value in vars(row).items()}
    assert state not in stored.values()
    assert "a cookie" not in stored.values()


def test_attempts_that_never_came_back_are_forgotten(
    session_factory: sessionmaker[Session], state: str
) -> None:
    start(session_factory, START + 2 * MINUTE)
    with session_factory.begin() as db:
        assert len(db.scalars(select(UpstreamAttempt)).all()) == 1
        forget_expired(db, START + 4 * MINUTE, failure_window=MINUTE)
        assert db.scalars(select(UpstreamAttempt)).all() == []
