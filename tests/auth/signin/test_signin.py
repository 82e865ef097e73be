"""Checking what was typed: the login as people type it, time, and what counts as a failure."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy.orm import Session, sessionmaker

from auth.settings import AuthSettings
from auth.signin.check import Checked, check, normalise_username, pause_key
from auth.signin.passwords import set_first_own_password
from auth.signin.policy import Reason
from auth.signin.throttle import DatabaseThrottle, ThrottleKey
from tests.auth.conftest import START
from tests.auth.people import PUPIL, People, make_account


class CountingThrottle:
    def __init__(self) -> None:
        self.failures: list[ThrottleKey] = []
        self.window = timedelta(minutes=15)

    def paused_until(self, *keys: ThrottleKey, now: datetime) -> datetime | None:
        full = any(self.failures.count(key) >= key.limit for key in keys)
        return now + self.window if full else None

    def failed(self, *keys: ThrottleKey, now: datetime) -> None:
        self.failures += keys


@pytest.fixture
def throttle() -> CountingThrottle:
    return CountingThrottle()


@pytest.fixture
def type_in(session_factory: sessionmaker[Session], throttle: CountingThrottle):  # type: ignore[no-untyped-def]
    people = People()
    people.add(make_account())

    def type_in(
        username: str, password: str, address: str = "192.0.2.1", device: str = ""
    ) -> Checked:
        return check(
            username,
            password,
            address=address,
            directory=people,
            session_factory=session_factory,
            throttle=throttle,
            settings=AuthSettings(
                failures_per_account=2, failures_per_account_anywhere=3, failures_per_address=5
            ),
            now=START,
            device=device,
        )

    return type_in


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("1234p5678", "1234p5678"),
        ("1234P5678", "1234p5678"),
        ("1234р5678", "1234p5678"),
        ("1234Р5678", "1234p5678"),
        ("  1234p5678\t\n", "1234p5678"),
        ("\u00a01234p5678\u2003", "1234p5678"),
        ("Ivanov.P", "ivanov.p"),
        ("", ""),
        ("a\0b", ""),
        ("1" * 101, ""),
    ],
)
def test_the_login_is_taken_as_people_type_it(typed: str, meant: str) -> None:
    assert normalise_username(typed) == meant


def test_the_first_password_counts_until_there_is_an_own_one(
    type_in, session_factory: sessionmaker[Session]
) -> None:
    first = type_in(" 1234Р5678 ", " 05032014 ")
    assert (first.account.person_id, first.refused, first.with_first_password) == (
        PUPIL,
        None,
        True,
    )
    set_first_own_password(session_factory, PUPIL, "зимний жираф", START)
    assert type_in("1234p5678", "05032014").refused is Reason.WRONG_PASSWORD
    own = type_in("1234p5678", "зимний жираф")
    assert (own.refused, own.with_first_password) == (None, False)


def test_failures_of_one_login_and_of_one_address_are_counted_apart(
    type_in, throttle: CountingThrottle
) -> None:
    for _ in range(2):
        assert type_in("1234р5678", "wrong").refused is Reason.WRONG_PASSWORD
    assert type_in("1234P5678", "05032014").refused is Reason.TOO_MANY_FAILURES
    assert type_in("1234p5678", "05032014", address="192.0.2.2").refused is None
    for number in range(3):
        assert type_in(f"nobody{number}", "x").refused is Reason.UNKNOWN_USERNAME
    assert type_in("another", "x").refused is Reason.TOO_MANY_FAILURES
    counted = [key for key in throttle.failures if not key.text.startswith("refused ")]
    assert len(counted) == 15 + 1  # one pause was noted


def test_many_addresses_at_once_are_stopped_before_one_login(type_in) -> None:
    for number in range(3):
        assert type_in("1234p5678", "wrong", address=f"192.0.2.{number}").refused
    paused = type_in("1234p5678", "05032014", address="192.0.2.9")
    assert paused.refused is Reason.TOO_MANY_FAILURES
    assert type_in("1234p5678", "05032014", address="192.0.2.9", device="known").refused is None


def test_failures_in_a_known_browser_count_for_it_alone(
    type_in, throttle: CountingThrottle
) -> None:
    type_in("1234p5678", "wrong", device="known")
    assert [key.text for key in throttle.failures] == ["device known 0"]
    type_in("1234p5678", "wrong", device="known")
    assert type_in("1234p5678", "05032014", device="known").refused is Reason.TOO_MANY_FAILURES
    assert type_in("1234p5678", "05032014").refused is None


def test_the_number_of_tries_does_not_tell_who_exists(type_in) -> None:
    for _ in range(2):
        type_in("1234p5678", "x")
        type_in("nobody", "x")
    reasons = {type_in("1234p5678", "x").refused, type_in("nobody", "x").refused}
    assert reasons == {Reason.TOO_MANY_FAILURES}


def test_a_pause_is_noted_until_the_moment_at_which_it_ends(
    session_factory: sessionmaker[Session],
) -> None:
    people, window = People(), timedelta(minutes=15)
    people.add(make_account())
    throttle = DatabaseThrottle(session_factory=session_factory, window=window, secret=b"secret")
    for now in (START, START + timedelta(minutes=3)):
        check(
            "1234p5678",
            "wrong",
            address="192.0.2.1",
            directory=people,
            session_factory=session_factory,
            throttle=throttle,
            settings=AuthSettings(failures_per_account=2),
            now=now,
        )
    assert throttle.paused_until(pause_key("1234p5678", 0), now=now) == START + window


@pytest.mark.parametrize("username", ["1234p5678", "nobody", ""])
def test_every_try_costs_exactly_one_slow_hash(
    type_in, username: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import argon2

    calls: list[str] = []
    verify = argon2.PasswordHasher.verify

    def count(self: argon2.PasswordHasher, stored: str, typed: str) -> bool:
        calls.append(stored)
        return verify(self, stored, typed)

    monkeypatch.setattr(argon2.PasswordHasher, "verify", count)
    type_in(username, "x")
    assert len(calls) == 1
