"""Wishes of the authorization request: prompt, max_age, hints, and asking for consent."""

from __future__ import annotations

import pytest

from tests.auth.conftest import FIRST_PASSWORD, OWN_PASSWORD, START, Person, Portal
from tests.auth.people import TEACHER, make_account
from tests.relying_party import Browser, RelyingParty


@pytest.fixture
def canteen(portal: Portal) -> RelyingParty:
    """An application that asks for consent."""
    return portal.client("canteen")


def test_prompt_none_gives_a_code_of_the_same_sign_in(
    portal: Portal, diary: RelyingParty, pupil: Person
) -> None:
    first = pupil.claims(diary)
    portal.clock.forward(1)
    second = pupil.claims(diary, prompt="none")
    assert (first["sub"], first["auth_time"]) == (second["sub"], second["auth_time"])


def test_prompt_none_never_shows_a_page(
    portal: Portal, pupil: Person, moodle: RelyingParty, canteen: RelyingParty
) -> None:
    pupil.code(moodle)
    portal.clock.forward(61)
    assert pupil.visit(moodle, prompt="none", max_age="60").error == "login_required"
    assert pupil.visit(canteen, prompt="none").error == "consent_required"
    assert pupil.visit(portal.journal(), prompt="none").error == "access_denied"
    portal.people.add(make_account(suspended=True))
    assert pupil.visit(moodle, prompt="none").error == "access_denied"
    assert [event.reason for event in portal.events()] == ["", "", "role", "suspended"]


def test_prompt_none_with_the_first_password_asks_for_interaction(
    moodle: RelyingParty, browser: Browser
) -> None:
    browser.sign_in(moodle.start().url, "1234p5678", FIRST_PASSWORD)
    start = moodle.start(prompt="none")
    page = browser.open(start.url)
    assert (page.error, page.parameters["state"]) == ("interaction_required", start.state)


@pytest.mark.parametrize(
    ("wish", "asked"),
    [
        ({"max_age": "60"}, True),
        ({"max_age": "61"}, False),
        ({"max_age": "0"}, True),
        ({"prompt": "login"}, True),
    ],
)
def test_who_signed_in_too_long_ago_or_is_to_sign_in_again_is_asked_once(
    portal: Portal, diary: RelyingParty, pupil: Person, wish: dict[str, str], asked: bool
) -> None:
    first = pupil.claims(diary)
    portal.clock.forward(61)
    page = pupil.visit(diary, **wish)
    assert page.asks_who == asked
    if asked:
        page = pupil.submit(page, username="1234p5678", password=OWN_PASSWORD)
    _, claims = diary.read_id_token(diary.redeem(page.code).json()["id_token"])
    assert claims["auth_time"] == int(START.timestamp()) + (61 if asked else 0)
    assert claims["sub"] == first["sub"]


def test_a_wish_without_a_value_is_no_wish(diary: RelyingParty, pupil: Person) -> None:
    """RFC 6749 section 3.1."""
    empty = {"max_age": "", "prompt": "", "login_hint": "", "id_token_hint": "", "acr_values": ""}
    pupil.code(diary)
    assert pupil.code(diary, **empty)


def test_login_hint_fills_in_the_login_and_nothing_else(
    moodle: RelyingParty, browser: Browser
) -> None:
    assert 'value="1234p5678"' in browser.visit(moodle, login_hint=" 1234Р5678").text
    assert "<b>" not in browser.visit(moodle, login_hint='"><b>').text
    assert 'value=""' in browser.visit(moodle, login_hint="a" * 101).text


def test_acr_is_told_when_it_was_asked_for(diary: RelyingParty, pupil: Person) -> None:
    claims = pupil.claims(diary, acr_values="urn:other urn:schoolbridge:acr:password")
    assert claims["acr"] == "urn:schoolbridge:acr:password"
    assert "acr" not in pupil.claims(diary)


def test_each_client_gets_the_algorithm_it_registered(
    moodle: RelyingParty, diary: RelyingParty, pupil: Person
) -> None:
    for client, algorithm in ((moodle, "RS256"), (diary, "ES256")):
        header, _ = client.read_id_token(pupil.tokens(client)["id_token"])
        assert header["alg"] == algorithm


def test_an_id_token_hint_of_somebody_else_asks_who_it_is(
    diary: RelyingParty, pupil: Person, teacher: Person
) -> None:
    mine = pupil.tokens(diary)["id_token"]
    assert pupil.visit(diary, prompt="none", id_token_hint=mine).code
    theirs = teacher.tokens(diary)["id_token"]
    assert diary.read_id_token(theirs)[1]["sub"] == TEACHER
    page = pupil.visit(diary, prompt="none", id_token_hint=theirs)
    assert page.error == "login_required"
    assert pupil.visit(diary, id_token_hint=mine[:-4] + "AAAA").error == "invalid_request"


def test_consent_is_asked_once_for_what_the_application_asks(
    canteen: RelyingParty, pupil: Person
) -> None:
    page = pupil(canteen.start().url)
    assert "«canteen» просит сообщить о вас (1234p5678)" in page.text
    assert "логин, фамилию, имя и отчество" in page.text
    assert "школу, класс и роль" not in page.text

    assert pupil.submit(page, decision="allow").code
    assert pupil.visit(canteen).code
    more = pupil.visit(canteen, scope="openid profile school")
    assert "школу, класс и роль" in more.text


def test_who_does_not_agree_goes_back_without_a_code(
    portal: Portal, canteen: RelyingParty, pupil: Person
) -> None:
    start = canteen.start()
    told = pupil.submit(pupil(start.url), decision="deny").parameters
    assert told.pop("error_description")
    assert told == {"error": "access_denied", "state": start.state, "iss": portal.issuer}
    assert pupil.visit(canteen).is_ours
    assert [event.client_id for event in portal.events()] == [""]  # the sign-in itself


def test_a_consent_from_another_site_does_not_count(canteen: RelyingParty, pupil: Person) -> None:
    page = pupil(canteen.start().url)
    assert pupil.submit(page, decision="allow", form_token="0" * 64).is_ours
    assert pupil.visit(canteen).is_ours


def test_prompt_consent_asks_again_for_any_client_and_once(
    moodle: RelyingParty, pupil: Person
) -> None:
    page = pupil(moodle.start(prompt="login consent").url)
    assert "Передать ваши данные?" in page.text
    assert pupil.submit(page, decision="allow").code
    assert pupil.visit(moodle, prompt="consent").is_ours


def test_a_client_for_school_computers_asks_each_time(portal: Portal, pupil: Person) -> None:
    classroom = portal.client("classroom")
    assert pupil.code(classroom)
    assert pupil.visit(classroom).asks_who
    assert pupil.visit(classroom, prompt="none").error == "login_required"
    assert pupil.code(classroom)


def test_a_sign_in_on_a_school_computer_is_short_everywhere(
    portal: Portal, moodle: RelyingParty, pupil: Person
) -> None:
    pupil.code(portal.client("classroom"))
    portal.clock.forward(599)
    assert pupil.visit(moodle).code
    portal.clock.forward(1)
    assert pupil.visit(moodle).asks_who
