"""What Moodle would refuse is named before it is sent, with its field."""

from __future__ import annotations

from typing import Any

import pytest

from provisioning.apply import refusals
from provisioning.changes import Kind
from tests.provisioning.apply_city import new_category, new_cohort, new_course, new_user


def user_refusals(**overrides: Any) -> list[tuple[str, str]]:
    return refusals(Kind.USER, {**new_user("p-1").after, **overrides})


def test_usual_objects_are_not_refused() -> None:
    assert user_refusals() == []
    assert refusals(Kind.CATEGORY, new_category("city").after) == []
    assert refusals(Kind.COHORT, new_cohort("class").after) == []
    assert refusals(Kind.COURSE, new_course("course", "city").after) == []
    assert refusals(Kind.MEMBER, {"cohort": "class", "person_id": "p-1"}) == []


@pytest.mark.parametrize(
    "username", ["4821p0573", "ivan.petrov-1_a", "ivan@example.org", "a" * 100]
)
def test_user_names_that_moodle_took(username: str) -> None:
    assert user_refusals(username=username) == []


@pytest.mark.parametrize("username", ["Upper", "иван", "two words", "ivan+1", "a/b", "a\n"])
def test_user_names_that_moodle_refused(username: str) -> None:
    assert ("username", "bad_username") in user_refusals(username=username)


@pytest.mark.parametrize(
    "email", ["a@school.invalid", "a+b@school.invalid", "a@xn--80a1acny.xn--p1ai", "a.b@c.d.ru"]
)
def test_addresses_that_moodle_took(email: str) -> None:
    assert user_refusals(email=email) == []


@pytest.mark.parametrize(
    "email",
    ["nobody", "a@localhost", "a@школа.рф", "a..b@c.ru", ".a@c.ru", "a@-c.ru", "a b@c.ru", "@c.ru"],
)
def test_addresses_that_moodle_refused(email: str) -> None:
    assert user_refusals(email=email) == [("email", "bad_email")]


@pytest.mark.parametrize(
    ("field", "longest"),
    [("firstname", 100), ("lastname", 100), ("institution", 255), ("department", 255)],
)
def test_lengths_are_counted_in_characters(field: str, longest: int) -> None:
    assert user_refusals(**{field: "Ж" * longest}) == []
    assert user_refusals(**{field: "Ж" * (longest + 1)}) == [(field, "too_long")]


@pytest.mark.parametrize(
    ("kind", "field", "longest"),
    [
        (Kind.CATEGORY, "name", 255),
        (Kind.CATEGORY, "idnumber", 100),
        (Kind.COHORT, "name", 254),
        (Kind.COHORT, "idnumber", 100),
        (Kind.COURSE, "fullname", 254),
        (Kind.COURSE, "shortname", 255),
        (Kind.COURSE, "idnumber", 100),
    ],
)
def test_each_kind_has_its_own_lengths(kind: Kind, field: str, longest: int) -> None:
    usual = {
        Kind.CATEGORY: new_category("city").after,
        Kind.COHORT: new_cohort("class").after,
        Kind.COURSE: new_course("course", "city").after,
    }[kind]
    assert refusals(kind, {**usual, field: "Ж" * longest}) == []
    assert refusals(kind, {**usual, field: "Ж" * (longest + 1)}) == [(field, "too_long")]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("", "empty"),
        ("  ", "empty"),
        (" Пример", "surrounding_blanks"),
        ("Пример\u00a0", "surrounding_blanks"),
        ("При\x00мер", "control_character"),
        ("При\tмер", "control_character"),
        ("<b>Пример</b>", "tag"),
        ("Пример<", "tag"),
    ],
)
def test_names_that_moodle_refuses_or_stores_wrongly(value: str, reason: str) -> None:
    assert user_refusals(lastname=value) == [("lastname", reason)]


@pytest.mark.parametrize("value", ["-", "Д'Артаньян", "Пример-Образцов", "Ёж 😀", "5 > 3"])
def test_unusual_names_that_moodle_takes(value: str) -> None:
    assert user_refusals(lastname=value) == []


def test_an_empty_department_is_usual() -> None:
    assert user_refusals(department="", institution="") == []


@pytest.mark.parametrize("auth", ["webservice", "nologin", ""])
def test_only_the_two_ways_to_sign_in_are_given(auth: str) -> None:
    assert user_refusals(auth=auth) == [("auth", "unknown_auth")]


def test_everything_wrong_is_named_at_once() -> None:
    assert user_refusals(username="", lastname="", email="nobody") == [
        ("username", "empty"),
        ("lastname", "empty"),
        ("email", "bad_email"),
    ]
