"""A likely person shows by the school login and password that the account is theirs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from auth.models import Credential
from auth.signin.passwords import hash_password
from tests.auth.conftest import OWN_PASSWORD, START
from tests.auth.linking.conftest import SNILS, Door, heading, make_identity
from tests.auth.people import PUPIL, TEACHER, make_account
from tests.relying_party import Browser

pytestmark = pytest.mark.parametrize("session_factory", ["sqlite"], indirect=True)

QUESTION = "Это ваша учётная запись?"
FIRST = "05032014"


def test_name_and_birth_date_alone_let_nobody_in(door: Door, browser: Browser) -> None:
    page = browser.open(door.address(make_identity()))
    assert heading(page) == QUESTION
    assert "1234p5678" not in page.text
    assert door.links() == {}
    assert door.portal.events() == []


@pytest.mark.parametrize("own", [True, False])
def test_the_right_login_and_password_link_and_let_in(
    door: Door, browser: Browser, own: bool
) -> None:
    if own:
        with door.portal.session_factory.begin() as db:
            hashed = hash_password(OWN_PASSWORD)
            db.add(Credential(person_id=PUPIL, password_hash=hashed, changed_at=START))
    moodle = door.portal.moodle()
    page = browser.open(door.address(make_identity(), moodle.start().url))
    back = browser.submit(page, username="1234Р5678", password=OWN_PASSWORD if own else FIRST)
    assert "code" in back.parameters
    assert door.links() == {PUPIL: "1000299353"}
    assert door.history() == [("linked", "name_and_login", "")]
    again = browser.open(door.address(make_identity(), moodle.start().url))
    assert "code" in again.parameters


def test_a_wrong_password_is_told_as_at_the_sign_in_page(door: Door, browser: Browser) -> None:
    page = browser.open(door.address(make_identity()))
    told = {
        browser.submit(page, username=login, password="wrong").text.partition("role=")[2][:200]
        for login in ("1234p5678", "0000p0000")
    }
    assert len(told) == 1
    assert door.links() == {}
    assert door.refusals() == [
        (PUPIL, "password", "wrong_password"),
        (None, "password", "unknown_username"),
    ]


def test_the_throttle_is_that_of_the_sign_in_page(door: Door, browser: Browser) -> None:
    page = browser.open(door.address(make_identity()))
    login = browser.open(f"{door.portal.issuer}/auth/login")
    for _ in range(5):
        browser.submit(page, username="1234p5678", password="wrong")
        browser.submit(login, username="1234p5678", password="wrong")
    refused = browser.submit(page, username="1234p5678", password=FIRST)
    assert refused.status == 429
    assert door.links() == {}


def test_somebody_elses_login_is_no_proof(door: Door, browser: Browser) -> None:
    page = browser.open(door.address(make_identity()))
    refused = browser.submit(page, username="8765p4321", password="31121980")
    assert "другим именем" in refused.text
    assert door.links() == {}
    assert door.refusals() == [(None, "esia", "not_linked")]


def test_a_form_of_another_site_links_nobody(door: Door, browser: Browser) -> None:
    page = browser.open(door.address(make_identity()))
    browser.submit(page, username="1234p5678", password=FIRST, form_token="forged")
    assert door.links() == {}


def test_two_namesakes_born_on_one_day_are_a_question_for_the_school(
    door: Door, browser: Browser
) -> None:
    door.portal.people.add(make_account(person_id="p-2", username="1234p0002"))
    page = browser.open(door.address(make_identity()))
    assert heading(page) == "Мы не нашли вашу учётную запись"
    confirm = browser.open(page.url.replace("/linking/school?", "/linking/confirm?"))
    assert heading(confirm) == heading(page)


def test_a_childs_account_is_confirmed_like_a_name(door: Door, browser: Browser) -> None:
    door.pupil(PUPIL, snils=SNILS)
    page = browser.open(door.address(make_identity(confirmed=False, child=True)))
    assert heading(page) == QUESTION
    browser.submit(page, username="1234p5678", password=FIRST)
    assert door.links() == {PUPIL: "1000299353"}


@pytest.mark.parametrize(
    ("confirm", "types", "asks"),
    [("login", True, False), ("school", False, True), ("either", True, True)],
)
def test_who_confirms_is_a_setting(
    door: Door, browser: Browser, confirm: str, types: bool, asks: bool
) -> None:
    door.configure(confirm=confirm)
    page = browser.open(door.address(make_identity()))
    assert ('name="password"' in page.text) is types
    assert ("/auth/linking/school?" in page.text) is asks
    school = browser.open(page.url.replace("/linking/confirm?", "/linking/school?"))
    assert (heading(school) != QUESTION) is asks


def test_where_the_school_confirms_a_posted_password_counts_for_nothing(
    door: Door, browser: Browser
) -> None:
    page = browser.open(door.address(make_identity()))
    door.configure(confirm="school")
    browser.submit(page, username="1234p5678", password=FIRST)
    assert door.links() == {}


def test_where_moodle_keeps_passwords_it_is_the_school(door: Door, browser: Browser) -> None:
    door.configure(confirm="login")
    page = browser.open(door.address(make_identity()))
    settings = door.portal.provider.context.settings
    door.portal.change(settings=replace(settings, password_sign_in=False))
    again = browser.open(page.url)
    assert 'name="password"' not in again.text
    assert "/auth/linking/school?" in again.text
    browser.submit(page, username="1234p5678", password=FIRST)
    assert door.links() == {}


def test_a_second_account_of_the_same_human_is_added_by_its_login(
    door: Door, browser: Browser
) -> None:
    """An adult learner: a teacher who is a pupil too, under two logins."""
    identity = make_identity()
    door.pupil(TEACHER, family_name="Проверочный", middle_name="Образцович",
               birth_date=identity.birth_date)  # fmt: skip
    door.link(TEACHER, identity)
    choice = browser.open(door.address(identity))
    assert heading(choice) == "Под какой учётной записью войти?"
    page = browser.open(choice.url.replace("/linking/?", "/linking/confirm?"))
    home = browser.submit(page, username="1234p5678", password=FIRST)
    assert heading(home) == "Вы вошли"
    assert door.links() == {TEACHER: identity.subject, PUPIL: identity.subject}


def test_who_has_the_login_by_now_is_told_no_more(door: Door, browser: Browser) -> None:
    """Somebody else's identity took the account while the page was open."""
    page = browser.open(door.address(make_identity()))
    door.link(PUPIL, make_identity(subject="1"))
    after = browser.submit(page, username="1234p5678", password=FIRST)
    assert heading(after) == "Мы не нашли вашу учётную запись"
    assert door.links() == {PUPIL: "1"}
