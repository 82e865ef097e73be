"""A parent sees what the settings allow of the child, and is never let in as the child."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from sqlalchemy import select

from auth.models import AuthorizationCode, SignIn
from auth.outside import OutsideChild, OutsideIdentity
from tests.auth.linking.conftest import OTHER_SNILS, SNILS, Door, heading, make_identity
from tests.auth.people import PUPIL, TEACHER
from tests.relying_party import Browser

pytestmark = pytest.mark.parametrize("session_factory", ["sqlite"], indirect=True)

CHILDREN = "Ваши дети"
NOT_FOUND = "Мы не нашли вашу учётную запись"


def make_parent(**changes: Any) -> OutsideIdentity:
    """Of the pupil, whose card has the child's own СНИЛС."""
    values: dict[str, Any] = {
        "subject": "1000000001",
        "given_name": "Родитель",
        "birth_date": date(1985, 7, 1),
        "snils": OTHER_SNILS,
        "children": (OutsideChild(snils=SNILS, given_name="Ученик"),),
    }
    return make_identity(**values | changes)


@pytest.fixture(autouse=True)
def _pupil_with_snils(door: Door) -> None:
    door.pupil(PUPIL, snils=SNILS)


def nobody_is_signed_in(door: Door) -> bool:
    with door.portal.session_factory() as db:
        return not [*db.scalars(select(SignIn)), *db.scalars(select(AuthorizationCode))]


def test_a_parent_chooses_a_child_and_sees_what_is_allowed(door: Door, browser: Browser) -> None:
    page = browser.open(door.address(make_parent()))
    assert heading(page) == CHILDREN
    assert "1234p5678" not in page.text
    shown = browser.submit(page, child="1")
    for text in ("Школа № 1", "5А", "1234p5678"):
        assert text in shown.text
    assert "Последний вход" not in shown.text
    assert "05.03.2014" not in shown.text
    assert SNILS not in shown.text
    assert "arrival" in shown.parameters
    assert door.links() == {}


@pytest.mark.parametrize(
    ("allowed", "told"),
    [
        ((), set()),
        (("class",), {"5А"}),
        (("login", "last_sign_in"), {"1234p5678", "1 сентября 2026"}),
    ],
)
def test_what_parents_see_is_a_setting(
    door: Door, browser: Browser, another_browser: Browser, allowed: tuple[str, ...],
    told: set[str],
) -> None:  # fmt: skip
    another_browser.open(door.address(make_identity(), door.portal.moodle().start().url))
    door.configure(parents_see=allowed)
    shown = browser.submit(browser.open(door.address(make_parent())), child="1").text
    assert {text for text in ("Школа № 1", "5А", "1234p5678", "1 сентября 2026") if text in shown
            } == told  # fmt: skip


def test_no_code_is_ever_given_to_a_parent(door: Door, browser: Browser) -> None:
    moodle = door.portal.moodle()
    page = browser.open(door.address(make_parent(), moodle.start().url))
    shown = browser.submit(page, child="1")
    for address in ("choose", "confirm", "school", ""):
        url = shown.url.replace("/linking/children?", f"/linking/{address}?")
        browser.session.post(url, data={"person": PUPIL, "child": "1"}, timeout=60)
        assert "code" not in browser.open(url).parameters
    assert browser.open(moodle.start().url).asks_who
    silent = browser.open(moodle.start(prompt="none").url)
    assert silent.parameters["error"] == "login_required"
    assert nobody_is_signed_in(door)
    assert door.refusals()[0] == (None, "esia", "not_linked")


@pytest.mark.parametrize(
    "mistake",
    [
        {"snils": OTHER_SNILS},  # the card holds the parent's СНИЛС instead of the child's
        {"snils": OTHER_SNILS, "given_name": "Родитель"},  # and they have the same name
        {"given_name": "Родитель"},
    ],
)
def test_a_parents_data_in_the_childs_card_open_nothing(
    door: Door, browser: Browser, mistake: dict[str, Any]
) -> None:
    door.pupil(PUPIL, **mistake)
    page = browser.open(door.address(make_parent()))
    assert heading(page) in {CHILDREN, NOT_FOUND}
    assert door.links() == {}
    assert nobody_is_signed_in(door)


@pytest.mark.parametrize(
    "changes",
    [
        {"children": (OutsideChild(snils="", given_name="Ученик"),)},
        {"children": (OutsideChild(snils="11223344594", given_name="Ученик"),)},
        {"children": (OutsideChild(snils=OTHER_SNILS, given_name="Ученик"),)},
        {"children": (OutsideChild(snils=SNILS, given_name="Близнец"),)},
        {"confirmed": False, "child": True},
    ],
)
def test_children_are_joined_by_a_valid_snils_and_no_other_name_of_a_confirmed_parent(
    door: Door, browser: Browser, changes: dict[str, Any]
) -> None:
    page = browser.open(door.address(make_parent(**changes)))
    assert heading(page) == NOT_FOUND


@pytest.mark.parametrize("changes", [{"suspended": True}, {"roles": ("teacher",)}])
def test_only_pupils_on_the_roll_are_shown(
    door: Door, browser: Browser, changes: dict[str, Any]
) -> None:
    door.pupil(PUPIL, **changes)
    assert heading(browser.open(door.address(make_parent()))) == NOT_FOUND


def test_two_cards_with_one_snils_are_nobodys_child(door: Door, browser: Browser) -> None:
    people = door.portal.people
    people.add(replace(people.accounts[PUPIL], person_id="p-2", username="1234p0002"))
    assert heading(browser.open(door.address(make_parent()))) == NOT_FOUND


def test_a_teacher_who_is_a_parent_chooses_each_time_or_keeps_the_choice(
    door: Door, browser: Browser
) -> None:
    door.link(TEACHER, make_parent())
    choice = browser.open(door.address(make_parent()))
    assert "Посмотреть данные моего ребёнка" in choice.text
    child = browser.open(choice.url.replace("/linking/?", "/linking/children?"))
    assert "5А" in browser.submit(child, child="1").text
    assert nobody_is_signed_in(door)
    assert heading(browser.submit(choice, form_to="choose", person=TEACHER)) == "Вы вошли"
    assert heading(browser.open(door.address(make_parent()))) == "Вы вошли"


def test_a_child_of_no_number_is_no_child(door: Door, browser: Browser) -> None:
    page = browser.open(door.address(make_parent()))
    for number in ("0", "2", "-1", "x"):
        assert "5А" not in browser.submit(page, child=number).text
