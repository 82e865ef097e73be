"""The rules for own passwords, their hashes, and the store."""

from __future__ import annotations

import unicodedata

import pytest
from sqlalchemy.orm import Session, sessionmaker

from auth.models import Credential
from auth.signin.passwords import (
    Problem,
    find_problem,
    forget_own_password,
    hash_password,
    own_password_hash,
    set_first_own_password,
    verify_password,
)
from tests.auth.conftest import START
from tests.auth.people import PUPIL, TEACHER, make_account

GOOD = "зимний жираф"


@pytest.mark.parametrize(
    ("password", "problem"),
    [
        (GOOD, None),
        ("кот кот 7", None),
        ("Abcdefg8", None),
        ("7 букв !", None),
        ("семь бу", Problem.TOO_SHORT),
        ("", Problem.TOO_SHORT),
        ("зимний жираф" * 16 + "зимнийжи", None),  # 200 characters
        ("зимний жираф" * 16 + "зимнийжир", Problem.TOO_LONG),
        ("93758264", Problem.ONLY_DIGITS),
        ("٠١٢٣٤٥٦٧", Problem.ONLY_DIGITS),
        ("05032014", Problem.BIRTH_DATE),
        ("05.03.2014", Problem.BIRTH_DATE),
        ("2014-03-05", Problem.BIRTH_DATE),
        ("родился 05.03.2014", None),
        ("1234p5678", Problem.LOGIN),
        ("мой 1234P5678", Problem.LOGIN),
        ("Password1", Problem.COMMON),
        ("ЙЦУКЕН12", Problem.COMMON),
        ("жзижзижзи", Problem.COMMON),
        ("жзийжзийж", None),
    ],
)
def test_an_own_password_keeps_the_rules(password: str, problem: Problem | None) -> None:
    assert find_problem(password, password, make_account(), 8) is problem


def test_both_typings_must_agree() -> None:
    assert find_problem(GOOD, GOOD + " ", make_account(), 8) is Problem.DIFFERENT


def test_a_person_without_a_birth_date_may_choose_a_date_with_letters() -> None:
    account = make_account(birth_date=None)
    assert find_problem("05.03.2014", "05.03.2014", account, 8) is None


def test_a_hash_fits_its_password_only() -> None:
    hashed = hash_password(GOOD)
    assert hashed.startswith("$argon2id$")
    assert verify_password(hashed, GOOD)
    assert not verify_password(hashed, GOOD.upper())
    assert not verify_password(hashed, GOOD + "x" * 1000)
    assert hashed != hash_password(GOOD)


def test_the_same_letters_from_another_keyboard_fit() -> None:
    composed, apart = (unicodedata.normalize(form, "свой ёжик") for form in ("NFC", "NFD"))
    assert composed != apart
    assert verify_password(hash_password(composed), apart)


@pytest.mark.parametrize("stored", [None, "", "broken"])
def test_nobodys_hash_and_a_broken_one_never_fit(stored: str | None) -> None:
    assert not verify_password(stored, "nobody")


def test_an_own_password_is_set_once_and_forgotten_by_a_reset(
    session_factory: sessionmaker[Session],
) -> None:
    assert own_password_hash(session_factory, PUPIL) is None
    assert set_first_own_password(session_factory, PUPIL, GOOD, START)
    assert not set_first_own_password(session_factory, PUPIL, "другой жираф", START)
    assert set_first_own_password(session_factory, TEACHER, GOOD, START)
    stored = own_password_hash(session_factory, PUPIL)
    assert verify_password(stored, GOOD)

    with session_factory.begin() as db:
        forget_own_password(db, PUPIL, {}, START)
    assert own_password_hash(session_factory, PUPIL) is None
    with session_factory() as db:
        assert db.get(Credential, TEACHER).changed_at == START
