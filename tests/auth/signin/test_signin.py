"""Checking what was typed: the login as people type it, time, and what counts as a failure."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from unittest.mock import Mock

import argon2
import pytest
from sqlalchemy.orm import Session, sessionmaker

from auth.models import SignInFailure
from auth.settings import AuthSettings
from auth.signin.check import Checked, check, normalise_username, pause_key
from auth.signin.passwords import set_first_own_password
from auth.signin.policy import Reason
from auth.signin.throttle import DatabaseThrottle
from tests.auth.conftest import START
from tests.auth.people import PUPIL, People, make_account

WINDOW = timedelta(minutes=15)
Type = Callable[..., Checked]


@pytest.fixture
def throttle(session_factory: sessionmaker[Session]) -> DatabaseThrottle:
    return DatabaseThrottle(session_factory=session_factory, window=WINDOW, secret=b"secret")


@pytest.fixture
def type_in(session_factory: sessionmaker[Session], throttle: DatabaseThrottle) -> Type:
    def type_in(username: str, password: str, **changes: Any) -> Checked:
        usual = {"address": "192.0.2.1", "device": "", "now": START}
        return check(
            username,
            password,
            directory=People.of(make_account()),
            session_factory=session_factory,
            throttle=throttle,
            settings=AuthSettings(
                failures_per_account=2, failures_per_account_anywhere=3, failures_per_address=5
            ),
            **usual | changes,
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
    type_in: Type, session_factory: sessionmaker[Session]
) -> None:
    first = type_in(" 1234Р5678 ", " 05032014 ")
    assert first == Checked(account=make_account(), with_first_password=True)
    set_first_own_password(session_factory, PUPIL, "зимний жираф", START)
    assert type_in("1234p5678", "05032014").refused is Reason.WRONG_PASSWORD
    assert type_in("1234p5678", "зимний жираф") == Checked(account=make_account())


def test_failures_of_one_login_and_of_one_address_are_counted_apart(
    type_in: Type, session_factory: sessionmaker[Session]
) -> None:
    for _ in range(2):
        assert type_in("1234р5678", "wrong").refused is Reason.WRONG_PASSWORD
    assert type_in("1234P5678", "05032014").refused is Reason.TOO_MANY_FAILURES
    assert type_in("1234p5678", "05032014", address="192.0.2.2").refused is None
    for number in range(3):
        assert type_in(f"nobody{number}", "x").refused is Reason.UNKNOWN_USERNAME
    assert type_in("another", "x").refused is Reason.TOO_MANY_FAILURES
    with session_factory() as db:
        counted = db.query(SignInFailure).count()
    assert counted == 15 + 1 + 2  # one pause and two refusals were noted


def test_failures_in_known_browsers_do_not_count_for_their_address(type_in: Type) -> None:
    """A school has one address: a class that types wrongly does not lock the others out."""
    for device in "abc" * 2:
        assert type_in("1234p5678", "wrong", device=device).refused is Reason.WRONG_PASSWORD
    for number in range(5):
        assert type_in(f"nobody{number}", "x").refused is Reason.UNKNOWN_USERNAME
    assert type_in("another", "x").refused is Reason.TOO_MANY_FAILURES
    assert type_in("1234p5678", "05032014", device="known").refused is None


def test_many_addresses_at_once_are_stopped_before_one_login(type_in: Type) -> None:
    for number in range(3):
        assert type_in("1234p5678", "wrong", address=f"192.0.2.{number}").refused
    paused = type_in("1234p5678", "05032014", address="192.0.2.9")
    assert paused.refused is Reason.TOO_MANY_FAILURES
    assert type_in("1234p5678", "05032014", address="192.0.2.9", device="known").refused is None


def test_a_pause_is_noted_until_the_moment_at_which_it_ends(
    type_in: Type, throttle: DatabaseThrottle
) -> None:
    for now in (START, START + timedelta(minutes=3)):
        type_in("1234p5678", "wrong", now=now)
    assert throttle.paused_until(pause_key("1234p5678", 0), now=now) == START + WINDOW


@pytest.mark.parametrize("username", ["1234p5678", "nobody", ""])
def test_every_try_costs_exactly_one_slow_hash(
    type_in: Type, username: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    verify = Mock(side_effect=argon2.PasswordHasher().verify)
    monkeypatch.setattr(argon2.PasswordHasher, "verify", verify)
    type_in(username, "x")
    assert verify.call_count == 1
