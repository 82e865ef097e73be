"""Login candidates and placeholder addresses."""

from __future__ import annotations

import re
import uuid
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioning.logins import candidates, placeholder_email
from tests.soak import soak

PERSON_ID = "6f1c4f5e-0a53-4f0b-9d1c-0d7f5a3f2b11"


def portal(person_id: str, count: int = 1, name: str = "А") -> list[str]:
    row = candidates(person_id, family_name=name, given_name=name, scheme="portal")
    return list(islice(row, count))


def transliterated(family: str, given: str, middle: str = "", count: int = 1) -> list[str]:
    names = {"family_name": family, "given_name": given, "middle_name": middle}
    return list(islice(candidates(PERSON_ID, **names, scheme="transliterated"), count))


def test_a_portal_login_is_digits_around_a_latin_p_and_each_further_one_is_another() -> None:
    logins = portal(PERSON_ID, 200)
    assert all(re.fullmatch(r"[0-9]{4}p[0-9]{4}", login) for login in logins)
    assert len(set(logins)) == 200


def test_a_portal_login_depends_on_nothing_but_the_person_id() -> None:
    assert portal(PERSON_ID, name="В") == portal(PERSON_ID)


def test_neighbouring_person_ids_have_portal_logins_far_apart() -> None:
    first, second = portal(PERSON_ID)[0], portal(f"{PERSON_ID[:-1]}2")[0]
    assert sum(a != b for a, b in zip(first, second, strict=True)) >= 4


def test_ten_thousand_people_have_next_to_no_equal_first_candidates() -> None:
    logins = {portal(str(uuid.UUID(int=number)))[0] for number in range(10_000)}
    assert len(logins) > 9_990


def test_a_transliterated_login_is_numbered_from_the_second_on() -> None:
    logins = transliterated("Иванов", "Иван", "Иванович", count=3)
    assert logins == ["ivanov.ii", "ivanov.ii2", "ivanov.ii3"]


@pytest.mark.parametrize(
    ("family", "given_name", "middle", "login"),
    [
        ("Ёлкина", "Анна", "", "elkina.a"),
        ("Щеглов", "Юлий", "Яковлевич", "shcheglov.ii"),
        ("Подъячев", "Жан", "", "podieiachev.z"),
        ("Иванова-Петрова", "Мария", "", "ivanova-petrova.m"),
        ("де ла Крус", "Хосе", "", "de-la-krus.k"),
        ("О’Нил", "Д'Артаньян", "", "onil.d"),
        ("Müller", "José", "", "muller.j"),
        ("Łukasz", "Ødegård", "", "lukasz.o"),
        ("Їжакевич", "Іван", "", "izhakevich.i"),
        ("Ҷалилов", "Ӯктам", "", "jalilov.u"),
        ("Петров", "李", "", "petrov"),
        ("李", "Мария", "", "mariia"),
        ("  Смирнов ", " - ", "", "smirnov"),
        ("Ъ", "Ь", "", "ie"),
    ],
)
def test_a_name_is_spelled_as_in_a_passport(
    family: str, given_name: str, middle: str, login: str
) -> None:
    assert transliterated(family, given_name, middle) == [login]


def test_a_very_long_name_leaves_room_for_initials_and_a_number() -> None:
    assert transliterated("Щ" * 100, "Пётр", "Ильич", count=2)[1] == f"{'shch' * 20}.pi2"


def test_a_name_without_any_latin_spelling_gets_portal_digits() -> None:
    assert transliterated("李", "小龍", count=2) == portal(PERSON_ID, 2)


@soak
@given(st.text(max_size=150), st.text(max_size=150), st.text(max_size=150))
def test_whatever_the_name_moodle_accepts_the_login(family: str, name: str, middle: str) -> None:
    logins = transliterated(family, name, middle, count=12)
    assert all(re.fullmatch(r"[a-z0-9.-]{1,100}", login) for login in logins)
    assert len(set(logins)) == 12


def test_the_placeholder_address_is_lower_case() -> None:
    assert placeholder_email("4821p0573", "School.Invalid") == "4821p0573@school.invalid"
