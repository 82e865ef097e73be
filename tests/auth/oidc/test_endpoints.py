"""Sign-ins through the whole code flow, over real HTTP, and what the endpoints refuse."""

from __future__ import annotations

from dataclasses import replace

import pytest
import requests

from tests.auth.conftest import FIRST_PASSWORD, START, OpenBrowser, Person, Portal, StartPortal
from tests.auth.people import PUPIL, TEACHER, make_account
from tests.relying_party import Browser, RelyingParty

BACK = "https://moodle.example/admin/oauth2callback.php"


def test_moodle_signs_a_pupil_in_and_learns_who_it_is(
    portal: Portal, moodle: RelyingParty, pupil: Person
) -> None:
    start = moodle.start()
    back = pupil(start.url)
    tokens = moodle.redeem(back.code).json()

    assert back.parameters == {"code": back.code, "state": start.state, "iss": portal.issuer}
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
    portal: Portal, teacher: Person
) -> None:
    journal = portal.journal(scope="openid")
    start = journal.start()
    tokens = journal.redeem(teacher(start.url).code, start).json()
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


def test_a_public_client_signs_in_with_pkce_alone(portal: Portal, pupil: Person) -> None:
    assert pupil.tokens(portal.phone(use_pkce=True))["access_token"]


def test_the_scope_school_tells_school_class_and_roles(portal: Portal, pupil: Person) -> None:
    moodle = portal.moodle(scope="openid school")
    assert moodle.userinfo(pupil.tokens(moodle)["access_token"]).json() == {
        "sub": PUPIL,
        "school": "Школа № 1",
        "school_code": "1001",
        "district": "Учебный",
        "class": "5А",
        "roles": ["student"],
    }


def test_a_signed_in_person_is_not_asked_again_and_each_visit_is_an_event(
    portal: Portal, moodle: RelyingParty, pupil: Person
) -> None:
    pupil.code(moodle)
    assert pupil.visit(moodle).code
    assert portal.told() == [
        (PUPIL, "", "password", "allowed", ""),
        (PUPIL, "moodle", "session", "allowed", ""),
        (PUPIL, "moodle", "session", "allowed", ""),
    ]
    assert {(e.school_code, e.role, e.class_title, e.at) for e in portal.events()} == {
        ("1001", "student", "5А", START)
    }


def test_the_session_ends_after_its_time(
    portal: Portal, moodle: RelyingParty, pupil: Person
) -> None:
    pupil.code(moodle)
    portal.clock.forward(4 * 60 * 60)
    assert pupil.visit(moodle).is_ours


def test_a_suspended_person_gets_a_page_and_an_event_but_no_code(
    portal: Portal, moodle: RelyingParty, browser: Browser
) -> None:
    portal.people.add(make_account(suspended=True))
    page = browser.sign_in(moodle.start().url, "1234p5678", FIRST_PASSWORD)
    assert page.status == 403
    assert "отключена" in page.text
    assert portal.told() == [(PUPIL, "moodle", "password", "refused", "suspended")]


def test_a_person_suspended_after_signing_in_is_refused_at_the_next_visit(
    portal: Portal, moodle: RelyingParty, pupil: Person
) -> None:
    token = pupil.tokens(moodle)["access_token"]
    portal.people.add(make_account(suspended=True))
    assert pupil.visit(moodle).status == 403
    assert moodle.userinfo(token).status_code == 401
    assert portal.told()[-1] == (PUPIL, "moodle", "session", "refused", "suspended")


def test_an_application_for_teachers_refuses_a_pupil(portal: Portal, browser: Browser) -> None:
    page = browser.sign_in(portal.journal().start().url, "1234p5678", FIRST_PASSWORD)
    assert page.status == 403
    assert portal.events()[-1].reason == "role"


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": "nobody"},
        {"client_id": None},
        {"client_id": "nobody", "response_type": "токен"},
        {"redirect_uri": "https://evil.example/", "response_type": "token"},
        {"redirect_uri": None, "request": "a.b.c"},
        *(
            {"redirect_uri": redirect_uri}
            for redirect_uri in (
                None,
                "https://evil.example/",
                "https://journal.example/callback",
                'https://пример.example/"\\',
                f"{BACK}?more=1",
                f"{BACK}#a",
                f"{BACK}/",
                f"{BACK}/../evil",
                f"{BACK}%00",
                BACK.replace("https:", "HTTPS:"),
                BACK.replace("https:", "http:"),
                BACK.replace("https:", ""),
                BACK.replace("/admin", "/Admin"),
                BACK.replace("example", "example:443"),
                BACK.replace("example", "example.evil.example"),
                BACK.replace("example", "example@evil.example"),
            )
        ),
    ],
)
def test_a_wrong_client_or_address_is_a_page_and_never_a_redirect(
    moodle: RelyingParty, browser: Browser, changes: dict[str, str | None]
) -> None:
    page = browser.visit(moodle, **changes)
    assert page.status == 400
    assert "Неверная ссылка" in page.text
    assert 'href="http' not in page.text


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": "id_token"}, "unsupported_response_type"),
        ({"response_type": "id_token token"}, "unsupported_response_type"),
        ({"response_type": "code token"}, "unsupported_response_type"),
        ({"response_type": 'ток"ен'}, "unsupported_response_type"),
        ({"response_type": None}, "invalid_request"),
        ({"scope": None}, "invalid_scope"),
        ({"scope": "profile"}, "invalid_scope"),
        ({"nonce": "n" * 256}, "invalid_request"),
        ({"nonce": "a\0b"}, "invalid_request"),
        ({"request": "a.b.c"}, "request_not_supported"),
        ({"request": "eyJhbGciOiJub25lIn0.e30."}, "request_not_supported"),
        ({"request_uri": "https://moodle.example/r"}, "request_uri_not_supported"),
        ({"response_mode": "form_post"}, "invalid_request"),
        ({"response_mode": "fragment"}, "invalid_request"),
        ({"response_mode": "web_message"}, "invalid_request"),
        ({"prompt": "none"}, "login_required"),
        ({"prompt": "none login"}, "invalid_request"),
        ({"max_age": "-1"}, "invalid_request"),
        ({"max_age": "soon"}, "invalid_request"),
        ({"max_age": "1" * 30}, "invalid_request"),
        ({"code_challenge": "c" * 43}, "invalid_request"),
        ({"code_challenge": "c" * 43, "code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge": "short", "code_challenge_method": "S256"}, "invalid_request"),
        ({"code_challenge_method": "S256"}, "invalid_request"),
    ],
)
def test_other_errors_go_back_to_the_client_with_its_state(
    portal: Portal,
    moodle: RelyingParty,
    browser: Browser,
    changes: dict[str, str | None],
    error: str,
) -> None:
    start = moodle.start(**changes)
    page = browser.open(start.url)
    assert page.url.startswith(f"{BACK}?")
    back = {name: page.parameters[name] for name in ("error", "state", "iss")}
    assert back == {"error": error, "state": start.state, "iss": portal.issuer}
    assert not {"code", "access_token", "id_token"} & page.parameters.keys()


def test_a_request_without_state_is_answered_without_state(
    moodle: RelyingParty, pupil: Person
) -> None:
    assert set(pupil(moodle.start(state=None).url).parameters) == {"code", "iss"}


def test_a_parameter_given_twice_is_refused(moodle: RelyingParty, browser: Browser) -> None:
    assert browser.open(moodle.start().url + "&client_id=journal").status == 400


@pytest.mark.parametrize("changes", [{}, {"code_challenge": None}, {"code_challenge_method": None}])
def test_clients_that_need_pkce_cannot_leave_it_out(
    portal: Portal, browser: Browser, changes: dict[str, None]
) -> None:
    for client in (portal.journal, portal.phone):
        page = browser.visit(client(use_pkce=bool(changes)), **changes)
        assert page.error == "invalid_request"


def test_an_authorization_request_may_be_posted(
    portal: Portal, moodle: RelyingParty, pupil: Person
) -> None:
    address, _, query = moodle.start().url.partition("?")
    form = {"data": query, "headers": {"Content-Type": "application/x-www-form-urlencoded"}}
    answer = pupil.session.post(address, **form, timeout=60)
    assert answer.url.startswith(f"{portal.issuer}/auth/login?")
    assert "Moodle" in answer.text
    pupil.code(moodle)
    answer = pupil.session.post(address, **form, timeout=60, allow_redirects=False)
    assert "code=" in answer.headers["Location"]


@pytest.mark.parametrize("header", [None, "Bearer", "Bearer wrong", "Basic eDp5", "Bearer \u00fc"])
def test_userinfo_without_a_good_token_is_401(portal: Portal, header: str | None) -> None:
    headers = {"Authorization": header.encode()} if header else {}
    answer = requests.get(f"{portal.issuer}/auth/userinfo", headers=headers, timeout=60)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].lower().startswith("bearer")


def test_an_access_token_ends_after_its_time(
    portal: Portal, moodle: RelyingParty, pupil: Person
) -> None:
    token = pupil.tokens(moodle)["access_token"]
    portal.clock.forward(599)
    assert moodle.userinfo(token).status_code == 200
    portal.clock.forward(1)
    assert moodle.userinfo(token).status_code == 401


def test_discovery_names_endpoints_below_the_issuer(portal: Portal, moodle: RelyingParty) -> None:
    endpoints = ("authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri")
    for name in endpoints:
        assert moodle.metadata[name].startswith(f"{portal.issuer}/auth/")
    said = {
        "issuer": portal.issuer,
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "code_challenge_methods_supported": ["S256"],
        "id_token_signing_alg_values_supported": ["RS256", "ES256"],
        "authorization_response_iss_parameter_supported": True,
        "request_parameter_supported": False,
    }
    assert {name: moodle.metadata[name] for name in said} == said


def test_the_published_keys_are_public_halves_only(moodle: RelyingParty) -> None:
    published = requests.get(moodle.metadata["jwks_uri"], timeout=60).json()["keys"]
    assert {(key["alg"], key["use"]) for key in published} == {("RS256", "sig"), ("ES256", "sig")}
    assert {key["kty"]: set(key) - {"kty", "use", "alg", "kid"} for key in published} == {
        "RSA": {"n", "e"},
        "EC": {"crv", "x", "y"},
    }


def test_two_applications_in_one_process_keep_apart(
    start_portal: StartPortal, portal: Portal, open_browser: OpenBrowser
) -> None:
    moodle = portal.provider.context.clients["moodle"]
    other = start_portal(clients=(replace(moodle, name="Другой"),))
    for one, name in ((portal, "Moodle"), (other, "Другой")):
        assert f"«{name}»" in open_browser(one.issuer).visit(one.moodle()).text
    answer = requests.get(f"{other.issuer}/auth/authorize?client_id=journal", timeout=60)
    assert answer.status_code == 400


def test_what_expired_is_forgotten_and_events_stay(
    portal: Portal, moodle: RelyingParty, pupil: Person
) -> None:
    token = pupil.tokens(moodle)["access_token"]
    portal.clear_away()
    assert moodle.userinfo(token).status_code == 200

    portal.clock.forward(24 * 60 * 60)
    portal.clear_away()
    portal.clock.now = START
    assert moodle.userinfo(token).status_code == 401
    assert pupil.visit(moodle).is_ours
    assert len(portal.events()) == 2
