"""Somebody comes back from an outside provider: who is let in at once, who is asked or refused."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from auth.linking.models import PendingIdentity
from auth.models import digest
from auth.outside import OutsideIdentity
from tests.auth.conftest import ON_SQLITE, with_settings
from tests.auth.linking.conftest import IN, NOT_FOUND, OTHER_SNILS, SNILS, Door, make_identity
from tests.auth.people import PUPIL, TEACHER, make_account, make_teacher
from tests.relying_party import Page

pytestmark = ON_SQLITE

AGAIN = "Начните заново"


@pytest.fixture
def choice(door: Door) -> Page:
    """The page for the identity of two accounts, where no application asked."""
    for person_id in (PUPIL, TEACHER):
        door.link(person_id)
    page = door.come()
    assert page.heading == "Под какой учётной записью войти?"
    return page


def test_a_linked_identity_is_let_in(door: Door) -> None:
    door.link()
    assert door.come(snils="", confirmed=False).heading == IN


def test_the_application_gets_its_code_and_the_event_says_how(door: Door) -> None:
    door.record(snils=SNILS)
    moodle = door.portal.moodle()
    start = moodle.start()
    back = door.come(start.url)
    assert back.parameters["state"] == start.state
    tokens = moodle.redeem(back.code).json()
    assert moodle.userinfo(tokens["access_token"]).json()["sub"] == PUPIL
    assert door.portal.told() == [
        (PUPIL, "", "esia", "allowed", ""),
        (PUPIL, "moodle", "session", "allowed", ""),
    ]


def test_an_application_may_keep_the_sign_in_short(door: Door) -> None:
    door.record(snils=SNILS)
    door.come(door.portal.client("classroom").start().url)
    door.portal.clock.forward(601)
    assert door.home().url.endswith("/auth/login")


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ({"snils": SNILS}, {"family_name": "Новая"}),
        ({"snils": SNILS}, {"birth_date": date(2014, 3, 6)}),
        ({"snils": OTHER_SNILS}, {}),
    ],
)
def test_a_snils_under_another_name_or_birth_date_or_another_snils_is_a_question(
    door: Door, ours: dict[str, str], theirs: dict[str, Any]
) -> None:
    door.record(**ours)
    assert door.come(**theirs).heading == NOT_FOUND
    assert door.links() == {}
    assert door.refusals() == [(None, "esia", "not_linked")]


def test_an_account_linked_to_another_identity_is_not_linked_again(door: Door) -> None:
    door.record(snils=SNILS)
    door.link(subject="1")
    assert door.come().heading == NOT_FOUND
    assert door.links() == {PUPIL: "1"}


def test_an_equal_email_changes_nothing(door: Door) -> None:
    """An identity has no e-mail at all, and a subject that is one means nothing."""
    assert not [name for name in OutsideIdentity.__dataclass_fields__ if "mail" in name]
    stranger = {"family_name": "Иная", "given_name": "Особа", "snils": ""}
    assert door.come(**stranger, subject=make_account().email).heading == NOT_FOUND
    assert door.links() == {}


def test_a_suspended_person_is_refused_before_any_sign_in(door: Door) -> None:
    door.record(snils=SNILS, suspended=True)
    page = door.come(door.portal.moodle().start().url)
    assert page.status == 403
    assert "отключена" in page.text
    assert door.refusals() == [(PUPIL, "esia", "suspended")]
    assert door.home().url.endswith("/auth/login")


def test_a_person_who_comes_back_finds_the_link(door: Door) -> None:
    door.record(snils=SNILS)
    door.come()
    door.record(suspended=True, snils="")
    assert door.come().status == 403
    door.record(suspended=False, school_code="2001", family_name="Новая")
    assert door.come().heading == IN


def test_an_application_for_teachers_refuses_a_pupil(door: Door) -> None:
    door.record(snils=SNILS)
    page = door.come(door.portal.journal().start().url)
    assert page.status == 403
    assert door.refusals() == [(PUPIL, "esia", "role")]


@with_settings(phase="password_only")
@pytest.mark.parametrize("application", [True, False])
def test_the_phase_may_refuse(door: Door, application: bool) -> None:
    door.record(snils=SNILS)
    page = door.come(door.portal.moodle().start().url if application else "")
    assert page.status == 403
    assert door.refusals() == [(PUPIL, "esia", "method")]


def test_an_unconfirmed_account_is_told_how_to_become_one(door: Door) -> None:
    door.record(snils=SNILS)
    page = door.come(confirmed=False)
    assert page.heading == "Учётная запись Госуслуг не подтверждена"
    assert door.see(page, "school").heading == page.heading
    assert door.links() == {}


def test_the_page_is_for_this_browser_alone_and_not_for_long(
    door: Door, another_door: Door
) -> None:
    page = door.come()
    elsewhere = another_door.browser.open(page.url)
    assert elsewhere.heading == AGAIN
    assert "Проверочный" not in elsewhere.text
    door.portal.clock.forward(minutes=30)
    assert door.browser.open(page.url).heading == AGAIN


def test_nothing_personal_stands_in_an_address_and_only_a_digest_of_the_key_is_kept(
    door: Door,
) -> None:
    page = door.come(door.portal.moodle().start().url)
    assert set(page.parameters) == {"arrival"}
    with door.portal.session_factory() as db:
        assert db.get(PendingIdentity, digest(page.parameters["arrival"]))
        assert not db.get(PendingIdentity, page.parameters["arrival"])
    assert repr(make_identity()) == "OutsideIdentity(provider='esia')"


def test_a_person_with_two_accounts_chooses_and_is_not_asked_again(
    door: Door, another_door: Door, choice: Page
) -> None:
    url = door.portal.journal().start().url
    page = door.come(url)
    assert page.heading == choice.heading
    assert "Ученик, класс 5А" in page.text
    assert door.submit(page, form_to="choose", person=PUPIL).status == 403
    assert door.submit(page, form_to="choose", person=TEACHER).code
    assert door.come(url).code
    assert another_door.come(url).heading == choice.heading
    door.portal.clock.forward(days=30)
    assert door.come(url).heading == choice.heading


def test_the_choice_can_be_changed(door: Door, choice: Page) -> None:
    home = door.submit(choice, form_to="choose", person=PUPIL)
    assert home.heading == IN
    assert door.submit(home, form_to="other").url.endswith("/auth/login")
    assert door.come().heading == choice.heading


def test_nobody_is_chosen_who_is_not_linked(door: Door, choice: Page) -> None:
    door.portal.people.add(make_teacher(person_id="p-3", username="1111p1111"))
    assert door.submit(choice, form_to="choose", person="p-3").heading == choice.heading
    assert door.submit(choice, form_to="choose", person=PUPIL, form_token="").heading != IN


def test_a_choice_that_an_application_refuses_is_asked_again(door: Door, choice: Page) -> None:
    door.submit(choice, form_to="choose", person=PUPIL)
    assert door.come(door.portal.journal().start().url).heading == choice.heading
