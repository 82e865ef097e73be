"""A likely person shows by the school login and password that the account is theirs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.auth.conftest import FIRST_PASSWORD, ON_SQLITE, OWN_PASSWORD
from tests.auth.linking.conftest import IN, NOT_FOUND, SNILS, SUBJECT, Door
from tests.auth.people import PUPIL, TEACHER, make_account

pytestmark = ON_SQLITE

QUESTION = "Это ваша учётная запись?"


def test_name_and_birth_date_alone_let_nobody_in(door: Door) -> None:
    page = door.come()
    assert page.heading == QUESTION
    assert "1234p5678" not in page.text
    assert door.links() == {}
    assert door.portal.events() == []


@pytest.mark.parametrize("password", [OWN_PASSWORD, FIRST_PASSWORD])
def test_the_right_login_and_password_link_and_let_in(door: Door, password: str) -> None:
    if password == OWN_PASSWORD:
        door.portal.give_password(PUPIL)
    url = door.portal.moodle().start().url
    assert door.confirm(door.come(url), username="1234Р5678", password=password).code
    assert door.links() == {PUPIL: SUBJECT}
    assert door.history() == [("linked", "name_and_login", "")]
    assert door.come(url).code


def test_a_wrong_password_is_told_as_at_the_sign_in_page(door: Door) -> None:
    page = door.come()
    told = {
        door.submit(page, username=login, password="wrong").text.partition("role=")[2][:200]
        for login in ("1234p5678", "0000p0000")
    }
    assert len(told) == 1
    assert door.links() == {}
    assert door.refusals() == [
        (PUPIL, "password", "wrong_password"),
        (None, "password", "unknown_username"),
    ]


def test_the_throttle_is_that_of_the_sign_in_page(door: Door) -> None:
    page = door.come()
    login = door.browser.open(f"{door.portal.issuer}/auth/login")
    for _ in range(5):
        for form in (page, login):
            door.confirm(form, password="wrong")
    assert door.confirm(page).status == 429
    assert door.links() == {}


def test_somebody_elses_login_is_no_proof(door: Door) -> None:
    refused = door.submit(door.come(), username="8765p4321", password="31121980")
    assert "другим именем" in refused.text
    assert door.links() == {}
    assert door.refusals() == [(None, "esia", "not_linked")]


def test_a_form_of_another_site_links_nobody(door: Door) -> None:
    door.confirm(door.come(), form_token="forged")
    assert door.links() == {}


def test_two_namesakes_born_on_one_day_are_a_question_for_the_school(door: Door) -> None:
    door.portal.people.add(make_account(person_id="p-2", username="1234p0002"))
    page = door.come()
    assert page.heading == NOT_FOUND
    assert door.see(page, "confirm").heading == NOT_FOUND


def test_a_childs_account_is_confirmed_like_a_name(door: Door) -> None:
    door.record(snils=SNILS)
    page = door.come(confirmed=False, child=True)
    assert page.heading == QUESTION
    door.confirm(page)
    assert door.links() == {PUPIL: SUBJECT}


@pytest.mark.parametrize(
    ("confirm", "types", "asks"),
    [("login", True, False), ("school", False, True), ("either", True, True)],
)
def test_who_confirms_is_a_setting(door: Door, confirm: str, types: bool, asks: bool) -> None:
    door.configure(confirm=confirm)
    page = door.come()
    assert ('name="password"' in page.text) is types
    assert ("/auth/linking/school?" in page.text) is asks
    assert (door.see(page, "school").heading != QUESTION) is asks


@pytest.mark.parametrize("confirm", ["login", "school"])
def test_where_the_school_confirms_or_moodle_keeps_passwords_a_posted_one_counts_for_nothing(
    door: Door, confirm: str
) -> None:
    page = door.come()
    door.configure(confirm=confirm)
    settings = door.portal.provider.context.settings
    door.portal.change(settings=replace(settings, password_sign_in=confirm == "school"))
    again = door.browser.open(page.url)
    assert 'name="password"' not in again.text
    assert "/auth/linking/school?" in again.text
    door.confirm(page)
    assert door.links() == {}


def test_a_second_account_of_the_same_human_is_added_by_its_login(door: Door) -> None:
    """An adult learner: a teacher who is a pupil too, under two logins."""
    born = make_account().birth_date
    door.record(TEACHER, family_name="Проверочный", middle_name="Образцович", birth_date=born)
    door.link(TEACHER)
    choice = door.come()
    assert choice.heading == "Под какой учётной записью войти?"
    assert door.confirm(door.see(choice, "confirm")).heading == IN
    assert door.links() == {TEACHER: SUBJECT, PUPIL: SUBJECT}


def test_who_has_the_login_by_now_is_told_no_more(door: Door) -> None:
    """Somebody else's identity took the account while the page was open."""
    page = door.come()
    door.link(subject="1")
    assert door.confirm(page).heading == NOT_FOUND
    assert door.links() == {PUPIL: "1"}
