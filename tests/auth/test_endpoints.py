"""A sign-in through the whole code flow, over real HTTP."""

from __future__ import annotations

from tests.auth.conftest import Portal
from tests.auth.people import PUPIL
from tests.relying_party import Browser

FIRST = "05032014"
OWN = "зимний жираф"


def sign_in_first_time(browser: Browser, url: str) -> str:
    page = browser.sign_in(url, "1234p5678", FIRST)
    page = browser.submit(page, password=OWN, repeated=OWN)
    assert not page.is_ours, page.text
    return page.parameters["code"]


def test_moodle_signs_a_pupil_in_and_learns_who_it_is(portal: Portal, browser: Browser) -> None:
    moodle = portal.moodle()
    start = moodle.start()

    code = sign_in_first_time(browser, start.url)
    tokens = moodle.redeem(code).json()

    assert moodle.userinfo(tokens["access_token"]).json() == {
        "sub": PUPIL,
        "preferred_username": "1234p5678",
        "name": "Проверочный Ученик Образцович",
        "given_name": "Ученик",
        "family_name": "Проверочный",
        "middle_name": "Образцович",
        "email": "1234p5678@school.invalid",
        "email_verified": False,
    }
