"""Signing out: asked for by a person or by an application, and who is told of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
import requests
from joserfc import jws
from sqlalchemy import select

from auth.expiry import forget_expired
from auth.models import LogoutNotice
from auth.oidc.backchannel import EVENT, RETRY_AFTER, send_notices
from tests.auth.conftest import OWN_PASSWORD, START, Portal, Visit
from tests.auth.people import PUPIL
from tests.relying_party import Browser, RelyingParty

BYE = "https://diary.example/bye"


def logout_url(portal: Portal, **parameters: str) -> str:
    address = portal.moodle().metadata["end_session_endpoint"]
    return f"{address}?{urlencode(parameters)}"


def is_signed_in(portal: Portal, browser: Browser) -> bool:
    return "code" in browser.open(portal.moodle().start(prompt="none").url).parameters


def test_an_application_signs_its_person_out_and_gets_them_back_with_its_state(
    portal: Portal, browser: Browser, tokens: dict[str, Any]
) -> None:
    assert is_signed_in(portal, browser)
    portal.clock.forward(3600)  # hints may have expired
    page = browser.open(
        logout_url(
            portal, id_token_hint=tokens["id_token"], post_logout_redirect_uri=BYE, state="a b&c"
        )
    )
    assert page.url.startswith(f"{BYE}?")
    assert page.parameters == {"state": "a b&c"}
    assert not is_signed_in(portal, browser)


def test_without_a_hint_the_person_is_asked_first(
    portal: Portal, browser: Browser, tokens: dict[str, Any]
) -> None:
    page = browser.open(logout_url(portal, client_id="diary", post_logout_redirect_uri=BYE))
    assert "Выйти?" in page.text
    assert browser.submit(page, form_token="0" * 64).is_ours
    assert is_signed_in(portal, browser)
    assert browser.submit(page).url == BYE
    assert not is_signed_in(portal, browser)
    assert browser.open(page.url).url == BYE


def test_a_hint_of_an_earlier_sign_in_only_asks(
    portal: Portal, browser: Browser, pupil: Visit, tokens: dict[str, Any]
) -> None:
    browser.open(logout_url(portal, id_token_hint=tokens["id_token"]))
    pupil(portal.moodle().start().url)
    page = browser.open(logout_url(portal, id_token_hint=tokens["id_token"]))
    assert "Выйти?" in page.text
    assert is_signed_in(portal, browser)


def test_a_request_to_sign_out_may_be_posted_by_another_site(
    portal: Portal, browser: Browser, tokens: dict[str, Any]
) -> None:
    answer = requests.post(
        portal.moodle().metadata["end_session_endpoint"],
        data={"id_token_hint": tokens["id_token"], "post_logout_redirect_uri": BYE},
        allow_redirects=False,
        timeout=60,
    )
    assert answer.status_code == 303
    assert browser.open(portal.issuer + answer.headers["Location"]).url == BYE


@pytest.mark.parametrize(
    "changes",
    [
        {"post_logout_redirect_uri": "https://evil.example/"},
        {"post_logout_redirect_uri": BYE + "?more=1"},
        {"post_logout_redirect_uri": "https://diary.example/callback"},
        {"client_id": "moodle"},
        {"client_id": "nobody", "id_token_hint": ""},
        {"id_token_hint": ""},
        {"id_token_hint": "a.b.c"},
        {"id_token_hint": "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0."},
    ],
)
def test_a_wrong_request_to_sign_out_is_a_page_and_signs_nobody_out(
    portal: Portal, browser: Browser, tokens: dict[str, Any], changes: dict[str, str]
) -> None:
    parameters = {"id_token_hint": tokens["id_token"], "post_logout_redirect_uri": BYE} | changes
    page = browser.open(logout_url(portal, **parameters))
    assert page.status == 400
    assert "Неверная ссылка" in page.text
    assert is_signed_in(portal, browser)


def test_signing_out_ends_what_applications_got_except_for_offline_access(
    portal: Portal, browser: Browser, diary: RelyingParty, tokens: dict[str, Any]
) -> None:
    moodle = portal.moodle()
    code = browser.open(moodle.start().url).parameters["code"]
    token = moodle.redeem(code).json()["access_token"]

    browser.submit(browser.open(logout_url(portal)))
    assert moodle.userinfo(token).status_code == 401
    assert diary.refresh(tokens["refresh_token"]).status_code == 200


def test_who_types_the_password_again_stays_in_the_same_session(
    portal: Portal, browser: Browser, pupil: Visit, diary: RelyingParty, tokens: dict[str, Any]
) -> None:
    page = pupil(diary.start(prompt="login").url)
    again = diary.redeem(page.parameters["code"]).json()["id_token"]
    first = diary.read_id_token(tokens["id_token"])[1]
    assert diary.read_id_token(again)[1]["sid"] == first["sid"]
    browser.open(logout_url(portal, id_token_hint=tokens["id_token"]))
    assert not is_signed_in(portal, browser)


def test_somebody_else_in_the_same_browser_ends_the_session_before(
    portal: Portal, browser: Browser, diary: RelyingParty, tokens: dict[str, Any]
) -> None:
    moodle = portal.moodle()
    code = browser.open(moodle.start().url).parameters["code"]
    pupils = moodle.redeem(code).json()["access_token"]

    page = browser.sign_in(moodle.start(prompt="login").url, "8765p4321", "31121980")
    assert moodle.userinfo(pupils).status_code == 401
    assert portal.notices_waited == 1
    page = browser.submit(page, password=OWN_PASSWORD, repeated=OWN_PASSWORD)
    teachers = diary.redeem(browser.open(diary.start().url).parameters["code"]).json()["id_token"]
    first = diary.read_id_token(tokens["id_token"])[1]
    assert diary.read_id_token(teachers)[1]["sid"] != first["sid"]


class Application:
    """Takes notices, or not."""

    def __init__(self) -> None:
        self.takes = True
        self.heard: list[tuple[str, str]] = []

    def post(self, address: str, form: Mapping[str, str]) -> bool:
        self.heard.append((address, form["logout_token"]))
        return self.takes


@pytest.fixture
def application() -> Application:
    return Application()


def send(portal: Portal, application: Application) -> int:
    provider = portal.provider
    return send_notices(
        portal.session_factory,
        provider.context.settings,
        provider.context.keys,
        portal.clock(),
        application.post,
    )


def test_an_application_is_told_by_a_signed_notice_and_once(
    portal: Portal,
    browser: Browser,
    diary: RelyingParty,
    tokens: dict[str, Any],
    application: Application,
) -> None:
    is_signed_in(portal, browser)  # Moodle has no address for notices
    browser.submit(browser.open(logout_url(portal)))
    assert send(portal, application) == 1
    portal.clock.forward(86_000)
    assert send(portal, application) == 0

    ((address, token),) = application.heard
    header, claims = diary.read_id_token(token)
    now = int(START.timestamp())
    assert address == "https://diary.example/signed-out"
    assert (header["typ"], header["alg"]) == ("logout+jwt", "ES256")
    assert claims.pop("jti")
    assert claims == {
        "iss": portal.issuer,
        "aud": "diary",
        "iat": now,
        "exp": now + 120,
        "sub": PUPIL,
        "sid": diary.read_id_token(tokens["id_token"])[1]["sid"],
        "events": {EVENT: {}},
    }


def test_a_notice_that_was_not_taken_comes_again_with_a_new_signature_until_given_up(
    portal: Portal, browser: Browser, tokens: dict[str, Any], application: Application
) -> None:
    browser.submit(browser.open(logout_url(portal)))
    application.takes = False
    assert send(portal, application) == 0
    assert (send(portal, application), len(application.heard)) == (0, 1)
    portal.clock.forward(RETRY_AFTER.total_seconds())
    send(portal, application)
    first, second = (jws.extract_compact(t.encode()).payload for _, t in application.heard)
    assert first != second

    portal.clock.forward(24 * 60 * 60)
    with portal.session_factory.begin() as db:
        forget_expired(db, portal.clock(), failure_window=timedelta(days=1))
    with portal.session_factory() as db:
        assert db.scalars(select(LogoutNotice)).all() == []


def test_a_logout_notice_is_not_taken_for_an_id_token(
    portal: Portal, browser: Browser, pupil: Visit, tokens: dict[str, Any], application: Application
) -> None:
    browser.submit(browser.open(logout_url(portal)))
    send(portal, application)
    pupil(portal.moodle().start().url)
    page = browser.open(logout_url(portal, id_token_hint=application.heard[0][1]))
    assert page.status == 400


def test_signing_out_tells_that_notices_wait_only_when_some_do(
    portal: Portal, browser: Browser, tokens: dict[str, Any]
) -> None:
    assert portal.notices_waited == 0
    browser.submit(browser.open(logout_url(portal)))
    assert portal.notices_waited == 1
    browser.open(logout_url(portal))
    assert portal.notices_waited == 1
