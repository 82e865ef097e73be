"""Sign-ins through the whole code flow, over real HTTP, and what the endpoints refuse."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
import requests

from auth.expiry import forget_expired
from auth.models import LoginEvent
from tests.auth.conftest import START, Portal
from tests.auth.people import PUPIL, TEACHER, make_account
from tests.relying_party import Browser

FIRST = "05032014"
OWN = "зимний жираф"


def sign_in(browser: Browser, url: str) -> dict[str, str]:
    """Sign the pupil in for the first time, with an own password; what came back to the client."""
    page = browser.sign_in(url, "1234p5678", FIRST)
    page = browser.submit(page, password=OWN, repeated=OWN)
    assert not page.is_ours, page.text
    return page.parameters


def told(event: LoginEvent) -> tuple[str | None, str, str, str, str]:
    return (event.person_id, event.client_id, event.method, event.result, event.reason)


def test_moodle_signs_a_pupil_in_and_learns_who_it_is(portal: Portal, browser: Browser) -> None:
    moodle = portal.moodle()
    start = moodle.start()

    back = sign_in(browser, start.url)
    tokens = moodle.redeem(back["code"]).json()

    assert back["state"] == start.state
    assert back["iss"] == portal.issuer
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


def test_a_client_with_nonce_pkce_and_basic_gets_a_signed_id_token(
    portal: Portal, browser: Browser
) -> None:
    journal = portal.journal(scope="openid")
    start = journal.start()
    page = browser.sign_in(start.url, "8765p4321", "31121980")
    page = browser.submit(page, password=OWN, repeated=OWN)

    tokens = journal.redeem(page.parameters["code"], start).json()
    header, claims = journal.read_id_token(tokens["id_token"])

    now = int(START.timestamp())
    rsa_key = portal.provider.context.keys.signing("RS256", START)
    assert header == {"typ": "JWT", "alg": "RS256", "kid": rsa_key.kid}
    assert claims.pop("at_hash")
    assert claims == {
        "iss": portal.issuer,
        "aud": "journal",
        "sub": TEACHER,
        "iat": now,
        "exp": now + 600,
        "auth_time": now,
        "nonce": start.nonce,
    }
    assert journal.userinfo(tokens["access_token"]).json() == {"sub": TEACHER}


def test_a_public_client_signs_in_with_pkce_alone(portal: Portal, browser: Browser) -> None:
    phone = portal.moodle(
        client_id="phone",
        redirect_uri="https://phone.example/back",
        authenticate_by="none",
        use_pkce=True,
    )
    start = phone.start()
    back = sign_in(browser, start.url)
    assert phone.redeem(back["code"], start).status_code == 200


def test_the_scope_school_tells_school_class_and_roles(portal: Portal, browser: Browser) -> None:
    moodle = portal.moodle(scope="openid school")
    back = sign_in(browser, moodle.start().url)
    token = moodle.redeem(back["code"]).json()["access_token"]
    assert moodle.userinfo(token).json() == {
        "sub": PUPIL,
        "school": "Школа № 1",
        "school_code": "1001",
        "district": "Учебный",
        "class": "5А",
        "roles": ["student"],
    }


def test_a_signed_in_person_is_not_asked_again_and_each_visit_is_an_event(
    portal: Portal, browser: Browser
) -> None:
    moodle = portal.moodle()
    sign_in(browser, moodle.start().url)
    again = browser.open(moodle.start().url)

    assert "code" in again.parameters
    events = portal.events()
    assert [told(event) for event in events] == [
        (PUPIL, "", "password", "allowed", ""),
        (PUPIL, "moodle", "session", "allowed", ""),
        (PUPIL, "moodle", "session", "allowed", ""),
    ]
    assert {(e.school_code, e.role, e.class_title, e.at) for e in events} == {
        ("1001", "student", "5А", START)
    }


def test_the_session_ends_after_its_time(portal: Portal, browser: Browser) -> None:
    moodle = portal.moodle()
    sign_in(browser, moodle.start().url)
    portal.clock.forward(4 * 60 * 60)
    assert browser.open(moodle.start().url).is_ours


def test_prompt_none_answers_login_required_without_a_page(
    portal: Portal, browser: Browser
) -> None:
    start = portal.moodle().start(prompt="none")
    page = browser.open(start.url)
    assert (page.parameters["error"], page.parameters["state"]) == ("login_required", start.state)
    assert page.parameters["iss"] == portal.issuer


def test_prompt_login_asks_a_signed_in_person_exactly_once(
    portal: Portal, browser: Browser
) -> None:
    moodle = portal.moodle()
    sign_in(browser, moodle.start().url)
    page = browser.sign_in(moodle.start(prompt="login").url, "1234p5678", OWN)
    assert "code" in page.parameters


def test_a_suspended_person_gets_a_page_and_an_event_but_no_code(
    portal: Portal, browser: Browser
) -> None:
    portal.people.add(make_account(suspended=True))
    page = browser.sign_in(portal.moodle().start().url, "1234p5678", FIRST)

    assert page.status == 403
    assert "отключена" in page.text
    assert [told(e) for e in portal.events()] == [
        (PUPIL, "moodle", "password", "refused", "suspended")
    ]


def test_a_person_suspended_after_signing_in_is_refused_at_the_next_visit(
    portal: Portal, browser: Browser
) -> None:
    moodle = portal.moodle()
    back = sign_in(browser, moodle.start().url)
    token = moodle.redeem(back["code"]).json()["access_token"]
    portal.people.add(make_account(suspended=True))

    assert browser.open(moodle.start().url).status == 403
    assert moodle.userinfo(token).status_code == 401
    assert told(portal.events()[-1]) == (PUPIL, "moodle", "session", "refused", "suspended")


def test_an_application_for_teachers_refuses_a_pupil(portal: Portal, browser: Browser) -> None:
    page = browser.sign_in(portal.journal().start().url, "1234p5678", FIRST)
    assert page.status == 403
    assert portal.events()[-1].reason == "role"


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": "nobody"},
        {"client_id": None},
        {"redirect_uri": None},
        {"redirect_uri": "https://evil.example/"},
        {"redirect_uri": "https://moodle.example/admin/oauth2callback.php?more=1"},
        {"redirect_uri": "https://moodle.example/admin/oauth2callback.php/"},
        {"redirect_uri": "HTTPS://moodle.example/admin/oauth2callback.php"},
        {"redirect_uri": 'https://пример.example/"\\'},
        {"redirect_uri": "https://evil.example/", "response_type": "token"},
        {"client_id": "nobody", "response_type": "токен"},
    ],
)
def test_a_wrong_client_or_address_is_a_page_and_never_a_redirect(
    portal: Portal, browser: Browser, changes: dict[str, str | None]
) -> None:
    page = browser.open(portal.moodle().start(**changes).url)
    assert page.status == 400
    assert "Неверная ссылка" in page.text
    assert 'href="http' not in page.text


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": 'ток"ен'}, "unsupported_response_type"),
        ({"response_type": None}, "invalid_request"),
        ({"scope": None}, "invalid_scope"),
        ({"scope": "profile"}, "invalid_scope"),
        ({"nonce": "n" * 256}, "invalid_request"),
        ({"nonce": "a\0b"}, "invalid_request"),
        ({"request": "a.b.c"}, "request_not_supported"),
        ({"request_uri": "https://moodle.example/r"}, "request_uri_not_supported"),
        ({"response_mode": "form_post"}, "invalid_request"),
        ({"prompt": "none login"}, "invalid_request"),
        ({"code_challenge": "c" * 43}, "invalid_request"),
        ({"code_challenge": "c" * 43, "code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge": "short", "code_challenge_method": "S256"}, "invalid_request"),
        ({"code_challenge_method": "S256"}, "invalid_request"),
    ],
)
def test_other_errors_go_back_to_the_client_with_its_state(
    portal: Portal, browser: Browser, changes: dict[str, str | None], error: str
) -> None:
    start = portal.moodle().start(**changes)
    page = browser.open(start.url)
    assert page.url.startswith("https://moodle.example/admin/oauth2callback.php?")
    assert page.parameters["error"] == error
    assert page.parameters["state"] == start.state
    assert page.parameters["iss"] == portal.issuer


def test_a_request_without_state_is_answered_without_state(
    portal: Portal, browser: Browser
) -> None:
    back = sign_in(browser, portal.moodle().start(state=None).url)
    assert set(back) == {"code", "iss"}


def test_a_parameter_given_twice_is_refused(portal: Portal, browser: Browser) -> None:
    page = browser.open(portal.moodle().start().url + "&client_id=journal")
    assert page.status == 400


@pytest.mark.parametrize("changes", [{}, {"code_challenge": None}, {"code_challenge_method": None}])
def test_clients_that_need_pkce_cannot_leave_it_out(
    portal: Portal, browser: Browser, changes: dict[str, None]
) -> None:
    journal = portal.journal(use_pkce=bool(changes))
    page = browser.open(journal.start(**changes).url)
    assert page.parameters["error"] == "invalid_request"


def test_an_authorization_request_may_be_posted(portal: Portal, browser: Browser) -> None:
    start = portal.moodle().start()
    address, _, query = start.url.partition("?")
    answer = requests.post(
        address,
        data=query,
        headers={"Content-Type": "application/x-www-form-urlencoded"},
        timeout=60,
    )
    assert answer.url.startswith(f"{portal.issuer}/auth/login?")
    assert "Moodle" in answer.text


@pytest.mark.parametrize("header", [None, "Bearer", "Bearer wrong", "Basic eDp5", "Bearer \u00fc"])
def test_userinfo_without_a_good_token_is_401(portal: Portal, header: str | None) -> None:
    headers = {"Authorization": header.encode()} if header else {}
    answer = requests.get(f"{portal.issuer}/auth/userinfo", headers=headers, timeout=60)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].lower().startswith("bearer")


def test_an_access_token_ends_after_its_time(portal: Portal, browser: Browser) -> None:
    moodle = portal.moodle()
    back = sign_in(browser, moodle.start().url)
    token = moodle.redeem(back["code"]).json()["access_token"]
    portal.clock.forward(599)
    assert moodle.userinfo(token).status_code == 200
    portal.clock.forward(1)
    assert moodle.userinfo(token).status_code == 401


def test_discovery_names_endpoints_below_the_issuer(portal: Portal) -> None:
    metadata = portal.moodle().metadata
    assert metadata["issuer"] == portal.issuer
    for name in ("authorization", "token", "userinfo"):
        assert metadata[f"{name}_endpoint"].startswith(f"{portal.issuer}/auth/")
    assert metadata["response_types_supported"] == ["code"]
    assert metadata["code_challenge_methods_supported"] == ["S256"]
    assert metadata["authorization_response_iss_parameter_supported"] is True


def test_the_published_keys_are_public_halves_only(portal: Portal) -> None:
    published = requests.get(portal.moodle().metadata["jwks_uri"], timeout=60).json()["keys"]
    assert {key["kty"]: set(key) - {"kty", "use", "alg", "kid"} for key in published} == {
        "RSA": {"n", "e"},
        "EC": {"crv", "x", "y"},
    }


def test_two_applications_in_one_process_keep_apart(
    start_portal: Callable[..., Portal], portal: Portal, browser: Browser
) -> None:
    other = start_portal(
        clients=(replace(portal.provider.context.clients["moodle"], name="Другой"),)
    )
    page = browser.open(portal.moodle().start().url)
    assert "«Moodle»" in page.text
    elsewhere = Browser(other.issuer)
    assert "«Другой»" in elsewhere.open(other.moodle().start().url).text
    elsewhere.close()
    answer = requests.get(f"{other.issuer}/auth/authorize?client_id=journal", timeout=60)
    assert answer.status_code == 400


def forget(portal: Portal) -> None:
    with portal.provider.context.session_factory.begin() as db:
        forget_expired(db, portal.clock(), failure_window=timedelta(days=1))


def test_what_expired_is_forgotten_and_events_stay(portal: Portal, browser: Browser) -> None:
    moodle = portal.moodle()
    back = sign_in(browser, moodle.start().url)
    token = moodle.redeem(back["code"]).json()["access_token"]
    forget(portal)
    assert moodle.userinfo(token).status_code == 200

    portal.clock.forward(24 * 60 * 60)
    forget(portal)
    portal.clock.now = START
    assert moodle.userinfo(token).status_code == 401
    assert browser.open(moodle.start().url).is_ours
    assert len(portal.events()) == 2
