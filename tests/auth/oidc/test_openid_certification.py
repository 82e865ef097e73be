"""Modules of the OpenID certification plans (basic, config, logout of the code flow), by name.

What a module tests is retold in our words; the suite itself needs the internet. Those that are not
here are ordinary tests: redirect URIs, response types, request objects and discovery in
``test_endpoints.py``, prompts, ``max_age`` and hints in ``test_prompts.py``, a code used twice and
PKCE in ``test_grants.py``, refreshing in ``test_tokens.py``, signing out in ``test_logout.py``.
"""

from __future__ import annotations

import pytest
import requests

from tests.auth.conftest import Person, Portal, refusal
from tests.relying_party import RelyingParty


@pytest.fixture
def token(moodle: RelyingParty, pupil: Person) -> str:
    return pupil.tokens(moodle)["access_token"]


def post(moodle: RelyingParty, *tokens: str, header: str = "") -> requests.Response:
    """Ask for userinfo with tokens in a form, and one in the header."""
    form = [("access_token", token) for token in tokens]
    headers = {"Authorization": f"Bearer {header}"} if header else {}
    address = moodle.metadata["userinfo_endpoint"]
    return requests.post(address, data=form, headers=headers, timeout=60)


def test_oidcc_userinfo_post_header(moodle: RelyingParty, token: str) -> None:
    assert post(moodle, header=token).json()["sub"]


def test_oidcc_userinfo_post_body(moodle: RelyingParty, token: str) -> None:
    assert post(moodle, token).json()["sub"]
    assert refusal(post(moodle, "another")) == (401, "invalid_token")


def test_a_token_that_comes_twice_is_a_wrong_request(moodle: RelyingParty, token: str) -> None:
    assert refusal(post(moodle, token, header=token)) == (400, "invalid_request")
    assert refusal(post(moodle, token, token)) == (400, "invalid_request")


def test_a_token_in_the_query_opens_nothing(moodle: RelyingParty, token: str) -> None:
    """RFC 9700 section 4.3: an address stays in the history of the browser."""
    address = moodle.metadata["userinfo_endpoint"]
    assert requests.get(address, params={"access_token": token}, timeout=60).status_code == 401


def test_oidcc_ensure_request_without_nonce_succeeds_for_code_flow(
    portal: Portal, pupil: Person
) -> None:
    assert "nonce" not in pupil.claims(portal.client("diary"))


@pytest.mark.parametrize(
    "parameters",
    [
        pytest.param({"extra": "parameter"}, id="ensure-request-with-unknown-parameter-succeeds"),
        pytest.param({"display": "page"}, id="display-page"),
        pytest.param({"display": "popup"}, id="display-popup"),
        pytest.param({"scope": "email openid profile"}, id="ensure-other-scope-order-succeeds"),
        pytest.param({"scope": "openid address phone"}, id="scope-address-and-phone"),
        pytest.param({"ui_locales": "en se"}, id="ui-locales"),
        pytest.param({"claims_locales": "se"}, id="claims-locales"),
        pytest.param({"acr_values": "1 2"}, id="ensure-request-with-acr-values-succeeds"),
        pytest.param({"login_hint": "bob@example.com"}, id="login-hint"),
        pytest.param({"max_age": "10000"}, id="max-age-10000"),
        pytest.param({"claims": '{"userinfo":{"name":{"essential":true}}}'}, id="claims-essential"),
    ],
)
def test_oidcc_requests_that_succeed(
    moodle: RelyingParty, pupil: Person, parameters: dict[str, str]
) -> None:
    token = pupil.tokens(moodle, **parameters)["access_token"]
    assert moodle.userinfo(token).status_code == 200
