"""The exchange of a code: once, in time, by its own client, with the right proof."""

from __future__ import annotations

import secrets

import pytest
import requests

from auth.models import AuthorizationCode, Token
from tests.auth.conftest import Person, Portal, at_once, refusal
from tests.relying_party import RelyingParty, Start

Challenged = tuple[RelyingParty, Start, str]


@pytest.fixture
def code(moodle: RelyingParty, pupil: Person) -> str:
    return pupil.code(moodle)


@pytest.fixture
def challenged(portal: Portal, teacher: Person) -> Challenged:
    """A code bound to a challenge, with its client."""
    journal = portal.journal()
    start = journal.start()
    return journal, start, teacher(start.url).code


def test_a_code_ends_after_its_time(portal: Portal, moodle: RelyingParty, code: str) -> None:
    portal.clock.forward(60)
    assert refusal(moodle.redeem(code)) == (400, "invalid_grant")


@pytest.mark.parametrize(
    "redirect_uri", [None, "", "https://journal.example/other", "https://evil.example/"]
)
def test_the_address_must_be_the_one_of_the_request(
    challenged: Challenged, redirect_uri: str | None
) -> None:
    journal, start, code = challenged
    answer = journal.redeem(code, start, redirect_uri=redirect_uri)
    assert refusal(answer) == (400, "invalid_grant")


@pytest.mark.parametrize(
    "changes",
    [
        {"client_secret": "wrong"},
        {"client_secret": None},
        {"client_id": "nobody"},
        {"client_id": None},
        {"client_id": "phone", "client_secret": None},
    ],
)
def test_a_wrong_client_does_not_spend_the_code(
    moodle: RelyingParty, code: str, changes: dict[str, str | None]
) -> None:
    assert moodle.redeem(code, **changes).status_code in {400, 401}
    assert moodle.redeem(code).status_code == 200


def test_another_client_neither_uses_nor_spends_the_code(
    portal: Portal, moodle: RelyingParty, code: str
) -> None:
    assert refusal(portal.journal().redeem(code)) == (400, "invalid_grant")
    assert moodle.redeem(code).status_code == 200


def test_without_its_secret_a_client_is_told_to_authenticate(
    moodle: RelyingParty, code: str
) -> None:
    answer = moodle.redeem(code, client_secret=None)
    assert refusal(answer) == (401, "invalid_client")
    assert answer.headers["WWW-Authenticate"].startswith("Basic")


@pytest.mark.parametrize("header", [b"Basic \xff", b"Basic /////w==", b"Basic eDp5", b"Basic "])
def test_a_broken_basic_header_is_an_ordinary_refusal(
    moodle: RelyingParty, code: str, header: bytes
) -> None:
    answer = requests.post(
        moodle.metadata["token_endpoint"],
        data={"grant_type": "authorization_code", "code": code},
        headers={"Authorization": header},
        timeout=60,
    )
    assert refusal(answer) == (401, "invalid_client")


@pytest.mark.parametrize(
    ("verifier", "error"),
    [
        (None, "invalid_request"),
        ("short", "invalid_request"),
        ("another-verifier-" + "x" * 47, "invalid_grant"),
    ],
)
def test_a_code_with_a_challenge_needs_its_verifier(
    challenged: Challenged, verifier: str | None, error: str
) -> None:
    journal, start, code = challenged
    assert refusal(journal.redeem(code, start, code_verifier=verifier)) == (400, error)


def test_a_wrong_verifier_spends_the_code(challenged: Challenged) -> None:
    journal, start, code = challenged
    journal.redeem(code, start, code_verifier=secrets.token_urlsafe(48))
    assert refusal(journal.redeem(code, start)) == (400, "invalid_grant")


def test_a_verifier_without_a_challenge_is_refused(moodle: RelyingParty, code: str) -> None:
    """RFC 9700 section 2.1.1: no downgrade of PKCE."""
    answer = moodle.redeem(code, code_verifier=secrets.token_urlsafe(48))
    assert refusal(answer) == (400, "invalid_request")


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"grant_type": "password", "username": "a", "password": "b"}, "unsupported_grant_type"),
        ({"grant_type": "client_credentials"}, "unsupported_grant_type"),
        ({"grant_type": "implicit"}, "unsupported_grant_type"),
        ({"grant_type": None}, "unsupported_grant_type"),
        ({"grant_type": "парóль"}, "unsupported_grant_type"),
        ({"code": None}, "invalid_request"),
        ({"code": "код\0"}, "invalid_grant"),
    ],
)
def test_other_wrong_token_requests_say_what_is_wrong(
    moodle: RelyingParty, changes: dict[str, str | None], error: str
) -> None:
    """No token is ever issued without a person, nor for a password (RFC 9700 section 2.4)."""
    assert refusal(moodle.redeem(**{"code": "unknown"} | changes)) == (400, error)


def test_a_token_request_by_get_is_not_allowed(moodle: RelyingParty) -> None:
    answer = requests.get(moodle.metadata["token_endpoint"], timeout=60)
    assert answer.status_code == 405


def test_tokens_say_nothing_end_soon_and_are_kept_by_no_cache_and_like_codes_as_digests_here(
    portal: Portal, moodle: RelyingParty, code: str
) -> None:
    (stored,) = portal.rows(AuthorizationCode)
    assert code not in repr(vars(stored))
    answer = moodle.redeem(code)
    assert answer.headers["Cache-Control"] == "no-store"
    token = answer.json()["access_token"]
    assert "." not in token
    assert answer.json()["expires_in"] <= 600
    (kept,) = portal.rows(Token)
    assert token not in repr(vars(kept))


def test_a_person_suspended_meanwhile_gets_no_token(
    portal: Portal, moodle: RelyingParty, code: str
) -> None:
    portal.people.accounts.clear()
    assert refusal(moodle.redeem(code)) == (400, "invalid_grant")


def test_of_two_exchanges_at_once_exactly_one_wins(moodle: RelyingParty, pupil: Person) -> None:
    for _ in range(20):
        code = pupil.code(moodle)
        answers = at_once(*[lambda code=code: moodle.redeem(code)] * 2)
        assert sorted(answer.status_code for answer in answers) == [200, 400]
