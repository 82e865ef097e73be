"""A parent sees what the settings allow of the child, and is never let in as the child."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from auth.models import AuthorizationCode, SignIn
from auth.outside import OutsideChild
from tests.auth.conftest import ON_SQLITE
from tests.auth.linking.conftest import IN, NOT_FOUND, OTHER_SNILS, PARENT, SNILS, Door
from tests.auth.people import PUPIL, TEACHER

pytestmark = ON_SQLITE

CHILDREN = "Ваши дети"


@pytest.fixture(autouse=True)
def _pupil_with_snils(door: Door) -> None:
    door.record(snils=SNILS)


def nobody_is_signed_in(door: Door) -> bool:
    return not [*door.portal.rows(SignIn), *door.portal.rows(AuthorizationCode)]


def test_a_parent_chooses_a_child_and_sees_what_is_allowed(door: Door) -> None:
    page = door.come(**PARENT)
    assert page.heading == CHILDREN
    assert "1234p5678" not in page.text
    shown = door.submit(page, child="1")
    for text in ("Школа № 1", "5А", "1234p5678"):
        assert text in shown.text
    for text in ("Последний вход", "05.03.2014", SNILS):
        assert text not in shown.text
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
    door: Door, another_door: Door, allowed: tuple[str, ...], told: set[str]
) -> None:
    another_door.come(door.portal.moodle().start().url)
    door.configure(parents_see=allowed)
    shown = door.submit(door.come(**PARENT), child="1").text
    everything = ("Школа № 1", "5А", "1234p5678", "1 сентября 2026")
    assert {text for text in everything if text in shown} == told


def test_no_code_is_ever_given_to_a_parent(door: Door) -> None:
    moodle = door.portal.moodle()
    shown = door.submit(door.come(moodle.start().url, **PARENT), child="1")
    for address in ("choose", "confirm", "school", ""):
        url = shown.url.replace("/linking/children?", f"/linking/{address}?")
        door.browser.session.post(url, data={"person": PUPIL, "child": "1"}, timeout=60)
        assert "code" not in door.browser.open(url).parameters
    assert door.browser.visit(moodle).asks_who
    assert door.browser.visit(moodle, prompt="none").error == "login_required"
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
    door: Door, mistake: dict[str, Any]
) -> None:
    door.record(**mistake)
    assert door.come(**PARENT).heading in {CHILDREN, NOT_FOUND}
    assert door.links() == {}
    assert nobody_is_signed_in(door)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ({}, {"children": (OutsideChild(snils="", given_name="Ученик"),)}),
        ({}, {"children": (OutsideChild(snils="11223344594", given_name="Ученик"),)}),
        ({}, {"children": (OutsideChild(snils=OTHER_SNILS, given_name="Ученик"),)}),
        ({}, {"children": (OutsideChild(snils=SNILS, given_name="Близнец"),)}),
        ({}, {"confirmed": False, "child": True}),
        ({"suspended": True}, {}),
        ({"roles": ("teacher",)}, {}),
    ],
)
def test_a_confirmed_parent_and_a_pupil_are_joined_by_a_valid_snils_and_no_other_name(
    door: Door, ours: dict[str, Any], theirs: dict[str, Any]
) -> None:
    door.record(**ours)
    assert door.come(**PARENT | theirs).heading == NOT_FOUND


def test_two_cards_with_one_snils_are_nobodys_child(door: Door) -> None:
    people = door.portal.people
    people.add(replace(people.accounts[PUPIL], person_id="p-2", username="1234p0002"))
    assert door.come(**PARENT).heading == NOT_FOUND


def test_a_teacher_who_is_a_parent_chooses_each_time_or_keeps_the_choice(door: Door) -> None:
    door.link(TEACHER, **PARENT)
    choice = door.come(**PARENT)
    assert "Посмотреть данные моего ребёнка" in choice.text
    assert "5А" in door.submit(door.see(choice, "children"), child="1").text
    assert nobody_is_signed_in(door)
    assert door.submit(choice, form_to="choose", person=TEACHER).heading == IN
    assert door.come(**PARENT).heading == IN


def test_a_child_of_no_number_is_no_child(door: Door) -> None:
    page = door.come(**PARENT)
    for number in ("0", "2", "-1", "x"):
        assert "5А" not in door.submit(page, child=number).text
