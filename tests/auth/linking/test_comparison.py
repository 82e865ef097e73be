"""An outside identity beside a record of ours: tables of what agrees and what does not."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from auth.linking.comparison import (
    Agreement,
    compare,
    is_another_human,
    likeness,
    masked_snils,
    valid_snils,
)
from tests.auth.linking.conftest import OTHER_SNILS, SNILS, make_identity
from tests.auth.people import make_account

SAME, DIFFERENT, UNKNOWN = Agreement.SAME, Agreement.DIFFERENT, Agreement.UNKNOWN


@pytest.mark.parametrize(
    ("field", "ours", "agreement"),
    [
        ("name", {}, SAME),
        ("name", {"family_name": "ПРОВЕРОЧНЫЙ"}, SAME),
        ("name", {"middle_name": ""}, SAME),
        ("name", {"middle_name": "Иной"}, DIFFERENT),
        ("name", {"given_name": "Другой"}, DIFFERENT),
        ("name", {"family_name": "Новая"}, DIFFERENT),
        ("name", {"given_name": ""}, UNKNOWN),
        ("birth_date", {"birth_date": date(2014, 3, 5)}, SAME),
        ("birth_date", {"birth_date": date(2014, 5, 3)}, DIFFERENT),
        ("birth_date", {"birth_date": None}, UNKNOWN),
        ("snils", {"snils": SNILS}, SAME),
        ("snils", {"snils": OTHER_SNILS}, DIFFERENT),
        ("snils", {"snils": ""}, UNKNOWN),
        ("snils", {"snils": "11223344596"}, UNKNOWN),  # a mistyped one is none at all
    ],
)
def test_names_birth_dates_and_snils_are_compared_as_people_read_them(
    field: str, ours: dict[str, Any], agreement: Agreement
) -> None:
    assert getattr(compare(make_identity(), make_account(**ours)), field) == agreement


def test_yo_hyphens_and_blanks_make_no_difference() -> None:
    here = make_identity(family_name="Фёдорова-Зуева", given_name="Алёна", middle_name="")
    there = make_account(family_name="ФЕДОРОВА  ЗУЕВА", given_name="алена", middle_name="")
    assert compare(here, there).name == SAME


@pytest.mark.parametrize(
    ("snils", "valid"),
    [
        (SNILS, True),
        (OTHER_SNILS, True),
        ("11223344594", False),
        ("1122334459", False),
        ("112-233-445 95", False),
        ("١١٢٢٣٣٤٤٥٩٥", False),
        ("00000000000", False),
        ("92000000300", True),  # the weighted sum is 100
        ("00100199877", True),  # given out before there were check digits
        ("", False),
    ],
)
def test_check_digits_of_snils(snils: str, valid: bool) -> None:
    assert valid_snils(snils) == (snils if valid else "")


def test_a_masked_snils_keeps_two_digits() -> None:
    assert masked_snils(SNILS) == "•••-•••-••• 95"
    assert masked_snils("") == ""


@pytest.mark.parametrize(
    ("ours", "another"),
    [
        ({}, False),
        ({"birth_date": date(2014, 5, 3)}, False),
        ({"family_name": "Новая"}, False),
        ({"birth_date": None, "given_name": "Другой"}, False),
        ({"birth_date": date(2014, 5, 3), "given_name": "Другой"}, True),
        ({"birth_date": date(1984, 3, 5)}, True),  # parent and child of one name
        ({"birth_date": date(2002, 12, 31)}, True),
        ({"birth_date": date(2003, 1, 1)}, False),
    ],
)
def test_who_can_be_no_typing_error(ours: dict[str, Any], another: bool) -> None:
    assert is_another_human(make_identity(), make_account(**ours)) is another


def test_near_names_are_more_alike_than_far_ones() -> None:
    one = make_identity()
    typo = likeness(one, make_account(family_name="Провирочный"))
    patronymic = likeness(one, make_account(middle_name=""))
    stranger = likeness(one, make_account(family_name="Зуев", given_name="Ян", middle_name=""))
    assert typo > patronymic > stranger
    assert likeness(one, make_account()) == 1
    assert stranger < 0.6 < patronymic
