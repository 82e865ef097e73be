"""The page on which people are entered by hand: what it lists, plans and refuses, and to whom."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from service.console import by_hand as page
from service.models import Load, LoadCause, OperatorRole, SchoolMembership
from tests.service.console_factories import Browser, ConsoleUnderTest, make_console, shows
from tests.service.factories import (
    SCHOOL,
    add_known_person,
    add_operator,
    add_person,
    add_school,
)

OTHER = "78-0500"
ADDRESS = "/console/by-hand"
TYPED = {
    "family_name": "Новичков", "given_name": "Новичок", "birth_date": "2012-05-01",
    "until": "2026-10-20", "class_id": "c-8a", "role": "student",
}  # fmt: skip


@pytest.fixture
def console(tmp_path: Path) -> ConsoleUnderTest:
    console = make_console(tmp_path)
    with console.rows() as rows:
        add_school(rows)
        add_school(rows, OTHER)
        add_operator(rows)
        add_operator(rows, "anna", OperatorRole.SCHOOL, [SCHOOL])
        add_known_person(rows, "a", SCHOOL)
        add_known_person(rows, "b", OTHER, class_id="c-9", class_title="9Б")
    return console


def enter(browser: Browser, **fields: Any) -> Any:
    return browser.post(ADDRESS, **TYPED | fields)


def test_a_school_enters_a_pupil_of_a_class_that_it_chooses(console: ConsoleUnderTest) -> None:
    anna = console.client("anna")
    form = anna.get(ADDRESS).text
    assert '<option value="c-8a">8А</option>' in form
    assert "9Б" not in form
    answer = enter(anna)
    (load,) = console.all(Load)
    assert (answer.status_code, load.cause) == (302, LoadCause.BY_HAND)
    assert answer.location.endswith(f"/console/loads/{load.id}")


def test_the_city_chooses_among_the_classes_of_the_school_that_it_names(city: Browser) -> None:
    assert "8А</option>" not in city.get(ADDRESS).text
    assert "8А</option>" in city.get(ADDRESS, school=SCHOOL).text
    assert enter(city, school=SCHOOL).status_code == 302


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"class_id": "c-9"}, "такого класса"),
        ({"birth_date": ""}, "дата рождения"),
        ({"until": ""}, "последний день"),
    ],
    ids=["class of another school", "no birth date", "no last day"],
)
def test_what_is_wrong_is_said_and_what_was_typed_stays(
    console: ConsoleUnderTest, fields: dict[str, str], said: str
) -> None:
    answer = enter(console.client("anna"), **fields)
    assert answer.status_code in (400, 409, 422)
    assert said in answer.text.lower()
    shows(answer.text, "Новичков")
    assert console.all(Load) == []


def test_a_school_outside_is_no_school(console: ConsoleUnderTest) -> None:
    anna = console.client("anna")
    shows(enter(anna, school=OTHER), "Новичков", status=404)
    assert "9Б" not in anna.get(ADDRESS, school=OTHER).text
    assert console.all(Load) == []


def test_the_list_is_paged_and_shows_the_own_school_only(
    console: ConsoleUnderTest, city: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page, "ON_A_PAGE", 2)
    with console.rows() as rows:
        for number, school in enumerate((SCHOOL, SCHOOL, SCHOOL, OTHER), start=1):
            person_id = f"by-hand-{number}"
            add_person(rows, person_id, school)
            place = rows.get_one(SchoolMembership, (school, person_id))
            place.until = date(2026, 10, 10 + number)
    first, second = (city.get(ADDRESS, page=number).text for number in (1, 2))
    assert [f"by-hand-{number}" in first for number in (1, 2, 3, 4)] == [True, True, False, False]
    assert [f"by-hand-{number}" in second for number in (1, 2, 3, 4)] == [False, False, True, True]
    own = console.client("anna").get(ADDRESS, page=2).text
    assert [f"by-hand-{number}" in own for number in (1, 2, 3, 4)] == [False, False, True, False]
