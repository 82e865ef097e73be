"""First passwords and Moodle's policy."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from provisioning.passwords import (
    PasswordPolicy,
    birth_date_password,
    first_password,
    moodle_policy_refusals,
    random_password,
)
from provisioning.settings import PasswordSettings

SECRET = b"a secret of the tests only"


def test_the_birth_date_password_has_leading_zeros_and_eight_digits() -> None:
    days = (date(2015, 9, 1), date(2012, 2, 29), date(999, 1, 1))
    assert [birth_date_password(day) for day in days] == ["01092015", "29022012", "01010999"]


@pytest.mark.parametrize(
    ("secret", "person_id", "generation", "is_the_same"),
    [
        (SECRET, "p-1", 1, True),  # it can be printed again
        (b"another", "p-1", 1, False),
        (SECRET, "p-2", 1, False),
        (SECRET, "p-1", 2, False),
    ],
)
def test_another_secret_person_or_generation_gives_another_password(
    secret: bytes, person_id: str, generation: int, is_the_same: bool
) -> None:
    password = random_password(secret, person_id, generation)
    assert (password == random_password(SECRET, "p-1", 1)) is is_the_same


def test_random_passwords_pass_the_default_policy_and_have_no_look_alikes() -> None:
    passwords = [random_password(SECRET, f"p-{number}", 1) for number in range(3_000)]
    assert not any(moodle_policy_refusals(one, PasswordPolicy()) for one in passwords)
    assert not set("".join(passwords)) & set("01IOloacekmpxyABCEHKMOPTXY")
    assert {len(password) for password in passwords} == {14}
    assert len(set(passwords)) == 3_000


def test_the_settings_choose_the_kind_of_first_password() -> None:
    who: dict[str, Any] = {"person_id": "p-1", "birth_date": date(2015, 9, 1)}
    who |= {"secret": SECRET, "generation": 1}
    assert first_password(PasswordSettings(first="birth_date"), **who) == "01092015"
    random = first_password(PasswordSettings(first="random"), **who)
    assert random == random_password(SECRET, "p-1", 1)


LETTERS_AND_SIGNS = ("minpasswordlower", "minpasswordupper", "minpasswordnonalphanum")


@pytest.mark.parametrize(
    ("password", "refusals"),
    [
        ("01092015", LETTERS_AND_SIGNS),
        ("Ab01092015", ("minpasswordnonalphanum",)),
        ("Ab-01092015", ()),
        ("Ab-1", ("minpasswordlength",)),
        ("Abcdefg-", ("minpassworddigits",)),
    ],
)
def test_the_default_policy_refuses_as_recorded(password: str, refusals: tuple[str, ...]) -> None:
    assert moodle_policy_refusals(password, PasswordPolicy()) == refusals


def test_a_site_without_letter_rules_accepts_the_birth_date() -> None:
    policy = PasswordPolicy(**dict.fromkeys(LETTERS_AND_SIGNS, 0))
    assert moodle_policy_refusals("01092015", policy) == ()
