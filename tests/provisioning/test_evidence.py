"""What speaks against two records being one human."""

from __future__ import annotations

import unicodedata

import pytest

from provisioning.matching import contradict
from tests.factories import make_person


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Артём", "артем"),
        ("Анна-Мария", "Анна Мария"),
        ("Анна–Мария", "АннаМария"),
        ("Марк", "Mapк"),  # Latin M, a, p
        ("НИКОЛАЙ", unicodedata.normalize("NFD", "Николай")),
        ("Даниэль", "Дани'эль"),
        ("Пётр", "Пe\u0308тр"),  # Latin e and dots above
        ("Kate", "KATE"),
        ("Анна", ""),
    ],
)
def test_spellings_of_one_given_name_do_not_contradict(one: str, other: str) -> None:
    assert not contradict(make_person(given_name=one), make_person(given_name=other))


@pytest.mark.parametrize(("one", "other"), [("Пётр", "Анна"), ("Анна", "Анна Мария")])
def test_other_given_names_contradict(one: str, other: str) -> None:
    assert contradict(make_person(given_name=one), make_person(given_name=other))


@pytest.mark.parametrize(
    ("one", "other", "against"),
    [("M", "F", True), ("F", "F", False), ("M", "", False), ("", "", False)],
)
def test_sexes_contradict_where_both_are_said(one: str, other: str, against: bool) -> None:
    assert contradict(make_person(sex=one), make_person(sex=other)) is against


def test_a_new_family_name_contradicts_nothing() -> None:
    assert not contradict(make_person(), make_person(family_name="Замужняя", middle_name="Иная"))
