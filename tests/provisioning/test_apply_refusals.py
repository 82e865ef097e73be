"""What Moodle would refuse is named before it is sent, with its field."""

from __future__ import annotations

from typing import Any

import pytest

from provisioning.apply import refusals
from provisioning.changes import Kind
from tests.provisioning.apply_city import new_category, new_cohort, new_course, new_user

USUAL = {
    Kind.CATEGORY: new_category("city").after,
    Kind.COHORT: new_cohort("class").after,
    Kind.COURSE: new_course("course", "city").after,
    Kind.USER: new_user("p-1").after,
    Kind.MEMBER: {"cohort": "class", "person_id": "p-1"},
}


def refused(kind: Kind = Kind.USER, **overrides: Any) -> list[tuple[str, str]]:
    return refusals(kind, {**USUAL[kind], **overrides})


TAKEN = {
    "username": ["4821p0573", "ivan.petrov-1_a", "ivan@example.org", "a" * 100],
    "email": ["a@school.invalid", "a+b@school.invalid", "a@xn--80a1acny.xn--p1ai", "a.b@c.d.ru"],
    "lastname": ["-", "Д'Артаньян", "Пример-Образцов", "Ёж 😀", "5 > 3"],
    "department": [""],
    "institution": [""],
}
REFUSED = {
    ("username", "bad_username"): ["Upper", "иван", "two words", "ivan+1", "a/b"],
    ("email", "bad_email"): [
        "nobody", "a@localhost", "a@школа.рф", "a..b@c.ru", ".a@c.ru", "a@-c.ru", "a b@c.ru",
        "@c.ru",
    ],
    ("lastname", "empty"): ["", "  "],
    ("lastname", "surrounding_blanks"): [" Пример", "Пример\u00a0"],
    ("lastname", "control_character"): ["При\x00мер", "При\tмер"],
    ("lastname", "tag"): ["<b>Пример</b>", "Пример<"],
    ("auth", "unknown_auth"): ["webservice", "nologin", ""],
}  # fmt: skip


@pytest.mark.parametrize("kind", USUAL)
def test_usual_objects_are_not_refused(kind: Kind) -> None:
    assert refused(kind) == []


@pytest.mark.parametrize(
    ("field", "value"), [(field, value) for field, values in TAKEN.items() for value in values]
)
def test_values_that_moodle_took(field: str, value: str) -> None:
    assert refused(**{field: value}) == []


@pytest.mark.parametrize(
    ("refusal", "value"), [(refusal, value) for refusal, some in REFUSED.items() for value in some]
)
def test_values_that_moodle_refused_or_stored_wrongly(refusal: tuple[str, str], value: str) -> None:
    assert refused(**{refusal[0]: value}) == [refusal]


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
        (Kind.USER, "firstname", 100),
        (Kind.USER, "lastname", 100),
        (Kind.USER, "institution", 255),
        (Kind.USER, "department", 255),
    ],
)
def test_lengths_are_counted_in_characters(kind: Kind, field: str, longest: int) -> None:
    assert refused(kind, **{field: "Ж" * longest}) == []
    assert refused(kind, **{field: "Ж" * (longest + 1)}) == [(field, "too_long")]


def test_everything_wrong_is_named_at_once() -> None:
    assert refused(username="a\n", lastname="", email="nobody") == [
        ("username", "surrounding_blanks"),
        ("username", "control_character"),
        ("lastname", "empty"),
        ("username", "bad_username"),
        ("email", "bad_email"),
    ]
    assert refused(username="") == [("username", "empty")]
