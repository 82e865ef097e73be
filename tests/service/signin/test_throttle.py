"""Failures are counted in Redis, and in the database while Redis is away."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from auth.signin.throttle import ThrottleKey
from service.application import Application
from service.redis_link import connect_redis
from service.signin import throttle
from service.signin.provider import make_throttle
from tests.service.installation import installation, running_redis
from tests.waiting import WAIT_SECONDS

START = datetime(2026, 9, 1, 8, 0, tzinfo=UTC)
WINDOW = timedelta(minutes=15)
KEY = ThrottleKey(text="account 1234p5678 192.0.2.1", limit=2)
OTHER = ThrottleKey(text="account 8765p4321 192.0.2.1", limit=2)


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine is not a Redis that hangs."""
    monkeypatch.setattr(throttle, "ANSWER_SECONDS", WAIT_SECONDS)


@pytest.fixture
def application(tmp_path: Path) -> Iterator[Application]:
    with installation(tmp_path) as application:
        yield application


@pytest.fixture(params=["redis", "database"])
def counting(request: pytest.FixtureRequest, application: Application) -> Iterator[Application]:
    """Where failures are counted in Redis, and where that is away."""
    with running_redis(application.settings) if request.param == "redis" else nullcontext():
        yield application


def test_the_limit_closes_one_key_for_all_processes_until_the_window_has_passed(
    counting: Application,
) -> None:
    one, other = (make_throttle(counting, purpose=b"test", window=WINDOW) for _ in range(2))
    one.failed(KEY, now=START)
    assert other.paused_until(KEY, now=START) is None
    other.failed(KEY, now=START + timedelta(minutes=5))
    assert one.paused_until(KEY, now=START + timedelta(minutes=14))
    assert one.paused_until(OTHER, now=START + timedelta(minutes=14)) is None
    assert one.paused_until(KEY, now=START + timedelta(minutes=15)) is None


def test_two_purposes_are_counted_apart(counting: Application) -> None:
    for _ in range(2):
        make_throttle(counting, purpose=b"one", window=WINDOW).failed(KEY, now=START)
    other = make_throttle(counting, purpose=b"two", window=WINDOW)
    assert other.paused_until(KEY, now=START) is None


def test_redis_keeps_neither_what_was_typed_nor_anything_for_long(
    application: Application,
) -> None:
    with running_redis(application.settings), connect_redis(application.settings) as redis:
        make_throttle(application, purpose=b"test", window=WINDOW).failed(KEY, now=START)
        (name,) = redis.keys()
        assert b"1234p5678" not in name
        assert 0 < redis.ttl(name) <= WINDOW.total_seconds()


def test_when_redis_comes_back_it_counts_again(application: Application) -> None:
    throttle = make_throttle(application, purpose=b"test", window=WINDOW)
    throttle.failed(KEY, now=START)
    with running_redis(application.settings):
        throttle.failed(KEY, now=START)
        throttle.failed(KEY, now=START)
        assert throttle.paused_until(KEY, now=START)
