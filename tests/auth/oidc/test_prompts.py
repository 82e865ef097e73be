"""Wishes of the authorization request: prompt, max_age, hints, and asking for consent."""

from __future__ import annotations

import pytest

from tests.auth.conftest import OWN_PASSWORD, START, Portal, Visit
from tests.auth.people import TEACHER, make_account
from tests.relying_party import Browser, Page


def is_login(page: Page) -> bool:
    return 'autocomplete="current-password"' in page.text


def test_prompt_none_gives_a_code_to_a_signed_in_person(portal: Portal, pupil: Visit) -> None:
    moodle = portal.moodle()
    pupil(moodle.start().url)
    assert "code" in pupil(moodle.start(prompt="none").url).parameters


def test_prompt_none_never_shows_a_page(portal: Portal, browser: Browser, pupil: Visit) -> None:
    moodle = portal.moodle()
    canteen = portal.client("canteen")
    pupil(moodle.start().url)
    portal.clock.forward(61)

    def error(url: str) -> str:
        return browser.open(url).parameters["error"]

    assert error(moodle.start(prompt="none", max_age="60").url) == "login_required"
    assert error(canteen.start(prompt="none").url) == "consent_required"
    assert error(portal.journal().start(prompt="none").url) == "access_denied"
    portal.people.add(make_account(suspended=True))
    assert error(moodle.start(prompt="none").url) == "access_denied"
    assert [event.reason for event in portal.events()] == ["", "", "role", "suspended"]


def test_prompt_none_with_the_first_password_asks_for_interaction(
    portal: Portal, browser: Browser
) -> None:
    moodle = portal.moodle()
    browser.sign_in(moodle.start().url, "1234p5678", "05032014")
    start = moodle.start(prompt="none")
    page = browser.open(start.url)
    assert page.parameters["error"] == "interaction_required"
    assert page.parameters["state"] == start.state


@pytest.mark.parametrize(("max_age", "asked"), [("60", True), ("61", False), ("0", True)])
def test_max_age_asks_who_signed_in_too_long_ago_once(
    portal: Portal, browser: Browser, pupil: Visit, max_age: str, asked: bool
) -> None:
    diary = portal.client("diary")
    pupil(diary.start().url)
    portal.clock.forward(61)

    page = browser.open(diary.start(max_age=max_age).url)
    assert is_login(page) == asked
    if asked:
        page = browser.submit(page, username="1234p5678", password=OWN_PASSWORD)
    _, claims = diary.read_id_token(diary.redeem(page.parameters["code"]).json()["id_token"])
    assert claims["auth_time"] == int(START.timestamp()) + (61 if asked else 0)


@pytest.mark.parametrize("max_age", ["-1", "soon", "1" * 30])
def test_a_max_age_that_is_no_age_is_refused(
    portal: Portal, browser: Browser, max_age: str
) -> None:
    page = browser.open(portal.moodle().start(max_age=max_age).url)
    assert page.parameters["error"] == "invalid_request"


def test_a_wish_without_a_value_is_no_wish(portal: Portal, pupil: Visit) -> None:
    """RFC 6749 section 3.1."""
    empty = {"max_age": "", "prompt": "", "login_hint": "", "id_token_hint": "", "acr_values": ""}
    diary = portal.client("diary")
    pupil(diary.start().url)
    assert "code" in pupil(diary.start(**empty).url).parameters


def test_login_hint_fills_in_the_login_and_nothing_else(portal: Portal, browser: Browser) -> None:
    moodle = portal.moodle()
    assert 'value="1234p5678"' in browser.open(moodle.start(login_hint=" 1234Р5678").url).text
    broken = browser.open(moodle.start(login_hint='"><b>').url)
    assert "<b>" not in broken.text
    assert 'value=""' in browser.open(moodle.start(login_hint="a" * 101).url).text


def test_acr_is_told_when_it_was_asked_for(portal: Portal, pupil: Visit) -> None:
    diary = portal.client("diary")
    page = pupil(diary.start(acr_values="urn:other urn:schoolbridge:acr:password").url)
    _, claims = diary.read_id_token(diary.redeem(page.parameters["code"]).json()["id_token"])
    assert claims["acr"] == "urn:schoolbridge:acr:password"
    plain = diary.redeem(pupil(diary.start().url).parameters["code"]).json()
    assert "acr" not in diary.read_id_token(plain["id_token"])[1]


def test_each_client_gets_the_algorithm_it_registered(portal: Portal, pupil: Visit) -> None:
    def algorithm(client_id: str) -> object:
        client = portal.moodle() if client_id == "moodle" else portal.client(client_id)
        tokens = client.redeem(pupil(client.start().url).parameters["code"]).json()
        return client.read_id_token(tokens["id_token"])[0]["alg"]

    assert (algorithm("moodle"), algorithm("diary")) == ("RS256", "ES256")


def test_an_id_token_hint_of_somebody_else_asks_who_it_is(
    portal: Portal, browser: Browser, pupil: Visit
) -> None:
    diary = portal.client("diary")
    mine = diary.redeem(pupil(diary.start().url).parameters["code"]).json()["id_token"]
    assert "code" in browser.open(diary.start(prompt="none", id_token_hint=mine).url).parameters

    teacher = Browser(portal.issuer)
    page = teacher.sign_in(diary.start().url, "8765p4321", "31121980")
    page = teacher.submit(page, password=OWN_PASSWORD, repeated=OWN_PASSWORD)
    theirs = diary.redeem(page.parameters["code"]).json()["id_token"]
    teacher.close()

    assert diary.read_id_token(theirs)[1]["sub"] == TEACHER
    page = browser.open(diary.start(prompt="none", id_token_hint=theirs).url)
    assert page.parameters["error"] == "login_required"
    page = browser.open(diary.start(id_token_hint=mine[:-4] + "AAAA").url)
    assert page.parameters["error"] == "invalid_request"


def test_consent_is_asked_once_for_what_the_application_asks(
    portal: Portal, browser: Browser, pupil: Visit
) -> None:
    canteen = portal.client("canteen", scope="openid profile")
    page = pupil(canteen.start().url)
    assert "«canteen» просит сообщить о вас (1234p5678)" in page.text
    assert "логин, фамилию, имя и отчество" in page.text
    assert "школу, класс и роль" not in page.text

    assert "code" in browser.submit(page, decision="allow").parameters
    assert "code" in browser.open(canteen.start().url).parameters
    more = browser.open(canteen.start(scope="openid profile school").url)
    assert "школу, класс и роль" in more.text


def test_who_does_not_agree_goes_back_without_a_code(
    portal: Portal, browser: Browser, pupil: Visit
) -> None:
    canteen = portal.client("canteen")
    start = canteen.start()
    page = browser.submit(pupil(start.url), decision="deny")
    assert page.parameters == {
        "error": "access_denied",
        "error_description": page.parameters["error_description"],
        "state": start.state,
        "iss": portal.issuer,
    }
    assert browser.open(canteen.start().url).is_ours
    assert [event.client_id for event in portal.events()] == [""]  # the sign-in itself


def test_a_consent_from_another_site_does_not_count(
    portal: Portal, browser: Browser, pupil: Visit
) -> None:
    page = pupil(portal.client("canteen").start().url)
    assert browser.submit(page, decision="allow", form_token="0" * 64).is_ours
    assert browser.open(portal.client("canteen").start().url).is_ours


def test_prompt_consent_asks_again_for_any_client_and_once(
    portal: Portal, browser: Browser, pupil: Visit
) -> None:
    moodle = portal.moodle()
    page = pupil(moodle.start(prompt="login consent").url)
    assert "Передать ваши данные?" in page.text
    assert "code" in browser.submit(page, decision="allow").parameters
    assert browser.open(moodle.start(prompt="consent").url).is_ours


def test_a_client_for_school_computers_asks_each_time(
    portal: Portal, pupil: Visit, browser: Browser
) -> None:
    classroom = portal.client("classroom")
    assert "code" in pupil(classroom.start().url).parameters
    assert is_login(browser.open(classroom.start().url))
    silent = browser.open(classroom.start(prompt="none").url)
    assert silent.parameters["error"] == "login_required"
    assert "code" in pupil(classroom.start().url).parameters


def test_a_sign_in_on_a_school_computer_is_short_everywhere(
    portal: Portal, pupil: Visit, browser: Browser
) -> None:
    moodle = portal.moodle()
    pupil(portal.client("classroom").start().url)
    portal.clock.forward(599)
    assert "code" in browser.open(moodle.start().url).parameters
    portal.clock.forward(1)
    assert is_login(browser.open(moodle.start().url))
