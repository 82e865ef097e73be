"""First passwords and Moodle's policy."""

from __future__ import annotations

from datetime import date

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


@pytest.mark.parametrize(
    ("birth_date", "password"),
    [
        (date(2015, 9, 1), "01092015"),
        (date(2012, 2, 29), "29022012"),
        (date(999, 1, 1), "01010999"),
    ],
)
def test_the_birth_date_password_has_leading_zeros_and_eight_digits(
    birth_date: date, password: str
) -> None:
    assert birth_date_password(birth_date) == password


def test_a_random_password_can_be_printed_again() -> None:
    assert random_password(SECRET, "p-1", 1) == random_password(SECRET, "p-1", 1)


@pytest.mark.parametrize(
    ("secret", "person_id", "generation"),
    [(b"another", "p-1", 1), (SECRET, "p-2", 1), (SECRET, "p-1", 2)],
)
def test_another_secret_person_or_generation_gives_another_password(
    secret: bytes, person_id: str, generation: int
) -> None:
    assert random_password(secret, person_id, generation) != random_password(SECRET, "p-1", 1)


def test_random_passwords_pass_the_default_policy_and_have_no_look_alikes() -> None:
    passwords = [random_password(SECRET, f"p-{number}", 1) for number in range(3_000)]
    assert {
        refusal for p in passwords for refusal in moodle_policy_refusals(p, PasswordPolicy())
    } == set()
    assert not set("".join(passwords)) & set("01IOloacekmpxyABCEHKMOPTXY")
    assert {len(password) for password in passwords} == {14}
    assert len(set(passwords)) == 3_000


def test_the_settings_choose_the_kind_of_first_password() -> None:
    def first(settings: PasswordSettings) -> str:
        return first_password(
            settings,
            person_id="p-1",
            birth_date=date(2015, 9, 1),
            secret=SECRET,
            generation=1,
        )

    assert first(PasswordSettings(first="birth_date")) == "01092015"
    assert first(PasswordSettings(first="random")) == random_password(SECRET, "p-1", 1)


@pytest.mark.parametrize(
    ("password", "refusals"),
    [
        ("01092015", ("minpasswordlower", "minpasswordupper", "minpasswordnonalphanum")),
        ("Ab01092015", ("minpasswordnonalphanum",)),
        ("Ab-01092015", ()),
        ("Ab-1", ("minpasswordlength",)),
        ("Abcdefg-", ("minpassworddigits",)),
    ],
)
def test_the_default_policy_refuses_as_recorded(password: str, refusals: tuple[str, ...]) -> None:
    assert moodle_policy_refusals(password, PasswordPolicy()) == refusals


def test_a_site_without_letter_rules_accepts_the_birth_date() -> None:
    policy = PasswordPolicy(minpasswordlower=0, minpasswordupper=0, minpasswordnonalphanum=0)
    assert moodle_policy_refusals("01092015", policy) == ()
