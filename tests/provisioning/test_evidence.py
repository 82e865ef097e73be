"""How two records of people compare."""

from __future__ import annotations

import unicodedata
from datetime import date
from typing import Any

import pytest

from provisioning.evidence import (
    Comparison,
    Likeness,
    compare,
    explain,
    given_letters,
    letters,
    normalised_name,
)
from provisioning.questions import Speaks
from tests.factories import make_person

SAME_LETTERS = {
    "ё": ("Фёдор", "Федор"),
    "decomposed": ("Николай", unicodedata.normalize("NFD", "Николай")),
    "decomposed ё of Latin e": ("Пётр", "Пe\u0308тр"),
    "a hyphen": ("Анна-Мария", "Анна Мария"),
    "a dash": ("Анна–Мария", "Анна—Мария"),
    "no blank": ("Анна Мария", "АннаМария"),
    "a straight apostrophe": ("Д'Арк", "Дарк"),
    "a curly apostrophe": ("Д’Арк", "Д'Арк"),
    "a modifier apostrophe": ("Дʼарк", "Д`арк"),
    "Latin letters": ("Марк", "Mapк"),
    "capitals": ("ИВАНОВ", "Иванов"),
    "blanks": ("  Иванов ", "Иванов"),
    "a no-break blank": ("Кара\u00a0Мурза", "Кара-Мурза"),
}


@pytest.mark.parametrize(("one", "other"), SAME_LETTERS.values(), ids=SAME_LETTERS)
def test_names_are_compared_by_their_letters(one: str, other: str) -> None:
    assert letters(one) == letters(other)
    assert of(family_name=(one, other)).family is Likeness.EQUAL


@pytest.mark.parametrize(
    ("one", "other"), [("Наталья", "Наталия"), ("Софья", "София"), ("Юлия", "ЮЛЬЯ")]
)
def test_two_spellings_of_a_given_name_are_one(one: str, other: str) -> None:
    assert given_letters(one) == given_letters(other)
    assert of(given_name=(one, other)).given is Likeness.EQUAL


def of(**fields: tuple[Any, Any]) -> Comparison:
    """How two pupils compare who differ in these fields."""
    one, other = (
        make_person(**{name: pair[each] for name, pair in fields.items()}) for each in (0, 1)
    )
    return compare(one, other)


LETTERS = {
    "another letter": ("Иванов", "Иваноф", Likeness.NEAR),
    "one missing": ("Иванов", "Ивано", Likeness.NEAR),
    "one too much": ("Иванов", "Иваннов", Likeness.NEAR),
    "two swapped": ("Иванов", "Ивнаов", Likeness.NEAR),
    "the ending of a woman": ("Иванов", "Иванова", Likeness.NEAR),
    "two letters": ("Иванов", "Ивонаф", Likeness.OTHER),
    "a short name": ("Ян", "Яна", Likeness.OTHER),
    "another name": ("Иванов", "Петров", Likeness.OTHER),
    "unsaid": ("Иванов", "", Likeness.UNSAID),
    "neither": ("", "", Likeness.NEITHER),
}


@pytest.mark.parametrize(("one", "other", "likeness"), LETTERS.values(), ids=LETTERS)
def test_a_letter_makes_a_near_miss(one: str, other: str, likeness: Likeness) -> None:
    assert of(family_name=(one, other)).family is likeness
    assert of(family_name=(other, one)).family is likeness


DATES = {
    "equal": (date(2012, 3, 4), Likeness.EQUAL),
    "day and month": (date(2012, 4, 3), Likeness.SWAPPED),
    "a digit of the day": (date(2012, 3, 7), Likeness.ONE_DIGIT),
    "a digit of the month": (date(2012, 8, 4), Likeness.ONE_DIGIT),
    "a digit of the year": (date(2015, 3, 4), Likeness.ONE_DIGIT),
    "two digits": (date(2013, 3, 5), Likeness.OTHER),
    "the day before": (date(2012, 2, 29), Likeness.OTHER),
}


@pytest.mark.parametrize(("other", "likeness"), DATES.values(), ids=DATES)
def test_a_digit_or_a_swap_makes_a_near_date(other: date, likeness: Likeness) -> None:
    assert of(birth_date=(date(2012, 3, 4), other)).birth is likeness


def test_names_typed_in_each_other_s_place_are_seen() -> None:
    found = of(family_name=("Пётр", "Иванов"), given_name=("Иванов", "Петр"))
    assert found.names_turned
    assert found.is_near
    codes = {
        one.code: one.speaks
        for one in explain(
            make_person(family_name="Пётр", given_name="Иванов"),
            make_person(family_name="Иванов", given_name="Пётр"),
        )
    }
    assert codes["names.turned"] is Speaks.FOR
    assert "family_name.other" not in codes


def test_a_name_for_look_ups_keeps_its_words() -> None:
    assert normalised_name("Кара-Мурза", "Жан’на", "") == "кара мурза жанна"
    assert normalised_name("Иванов", "", "Петрович") == "иванов петрович"
