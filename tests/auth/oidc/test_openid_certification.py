"""The code flow's modules of the OpenID certification plans (basic, config, logout), by name.

What a module tests is retold in our words; the suite itself needs the internet.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest
import requests

from tests.auth.conftest import OWN_PASSWORD, Portal, Visit
from tests.relying_party import Browser, Page, RelyingParty


@pytest.fixture
def diary(portal: Portal) -> RelyingParty:
    return portal.client("diary", scope="openid profile offline_access", use_nonce=True)


def code_of(page: Page) -> str:
    return page.parameters["code"]


def tokens_of(client: RelyingParty, page: Page) -> dict[str, Any]:
    answer: dict[str, Any] = client.redeem(code_of(page)).json()
    return answer


def test_oidcc_response_type_missing(portal: Portal, browser: Browser) -> None:
    page = browser.open(portal.moodle().start(response_type=None).url)
    assert page.parameters["error"] == "invalid_request"


def test_oidcc_idtoken_signature(diary: RelyingParty, pupil: Visit) -> None:
    start = diary.start()
    header, claims = diary.read_id_token(tokens_of(diary, pupil(start.url))["id_token"])
    assert header["kid"]
    assert claims["nonce"] == start.nonce


def test_oidcc_idtoken_unsigned(portal: Portal) -> None:
    supported = portal.moodle().metadata["id_token_signing_alg_values_supported"]
    assert "none" not in supported
    assert "RS256" in supported


@pytest.mark.parametrize("verb", ["GET", "POST"])
def test_oidcc_userinfo_get_and_post_header(portal: Portal, pupil: Visit, verb: str) -> None:
    moodle = portal.moodle()
    token = tokens_of(moodle, pupil(moodle.start().url))["access_token"]
    answer = requests.request(
        verb,
        moodle.metadata["userinfo_endpoint"],
        headers={"Authorization": f"Bearer {token}"},
        timeout=60,
    )
    assert answer.json()["sub"]


def test_oidcc_userinfo_post_body(portal: Portal, pupil: Visit) -> None:
    moodle = portal.moodle()
    token = tokens_of(moodle, pupil(moodle.start().url))["access_token"]
    address, form = moodle.metadata["userinfo_endpoint"], {"access_token": token}
    assert requests.post(address, data=form, timeout=60).json()["sub"]
    wrong = requests.post(address, data={"access_token": "another"}, timeout=60)
    assert (wrong.status_code, wrong.json()["error"]) == (401, "invalid_token")


@pytest.mark.parametrize("place", ["header and form", "form twice"])
def test_a_token_that_comes_twice_is_a_wrong_request(
    portal: Portal, pupil: Visit, place: str
) -> None:
    moodle = portal.moodle()
    token = tokens_of(moodle, pupil(moodle.start().url))["access_token"]
    both = place == "header and form"
    answer = requests.post(
        moodle.metadata["userinfo_endpoint"],
        data=[("access_token", token)] * (1 if both else 2),
        headers={"Authorization": f"Bearer {token}"} if both else {},
        timeout=60,
    )
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


def test_a_token_in_the_query_opens_nothing(portal: Portal, pupil: Visit) -> None:
    moodle = portal.moodle()
    token = tokens_of(moodle, pupil(moodle.start().url))["access_token"]
    address = moodle.metadata["userinfo_endpoint"]
    assert requests.get(address, params={"access_token": token}, timeout=60).status_code == 401


def test_oidcc_ensure_request_without_nonce_succeeds_for_code_flow(
    portal: Portal, pupil: Visit
) -> None:
    diary = portal.client("diary")
    _, claims = diary.read_id_token(tokens_of(diary, pupil(diary.start().url))["id_token"])
    assert "nonce" not in claims


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
    portal: Portal, pupil: Visit, parameters: dict[str, str]
) -> None:
    moodle = portal.moodle()
    tokens = tokens_of(moodle, pupil(moodle.start(**parameters).url))
    assert moodle.userinfo(tokens["access_token"]).status_code == 200


def test_oidcc_prompt_none_not_logged_in(portal: Portal, browser: Browser) -> None:
    page = browser.open(portal.moodle().start(prompt="none").url)
    assert page.parameters["error"] == "login_required"
    assert "code" not in page.parameters


def test_oidcc_prompt_none_logged_in(diary: RelyingParty, pupil: Visit) -> None:
    first = diary.read_id_token(tokens_of(diary, pupil(diary.start().url))["id_token"])[1]
    again = pupil(diary.start(prompt="none").url)
    second = diary.read_id_token(tokens_of(diary, again)["id_token"])[1]
    assert (first["sub"], first["auth_time"]) == (second["sub"], second["auth_time"])


@pytest.mark.parametrize(
    "wish",
    [
        pytest.param({"prompt": "login"}, id="prompt-login"),
        pytest.param({"max_age": "1"}, id="max-age-1"),
    ],
)
def test_oidcc_asks_again(
    portal: Portal, browser: Browser, diary: RelyingParty, pupil: Visit, wish: dict[str, str]
) -> None:
    first = diary.read_id_token(tokens_of(diary, pupil(diary.start().url))["id_token"])[1]
    portal.clock.forward(2)
    page = browser.sign_in(diary.start(**wish).url, "1234p5678", OWN_PASSWORD)
    second = diary.read_id_token(tokens_of(diary, page)["id_token"])[1]
    assert second["auth_time"] == first["auth_time"] + 2
    assert second["sub"] == first["sub"]


def test_oidcc_id_token_hint(diary: RelyingParty, pupil: Visit, browser: Browser) -> None:
    hint = tokens_of(diary, pupil(diary.start().url))["id_token"]
    assert code_of(browser.open(diary.start(prompt="none", id_token_hint=hint).url))


def test_oidcc_codereuse(portal: Portal, diary: RelyingParty, pupil: Visit) -> None:
    code = code_of(pupil(diary.start().url))
    diary.redeem(code)
    again = diary.redeem(code)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")


def test_oidcc_codereuse_30seconds(portal: Portal, diary: RelyingParty, pupil: Visit) -> None:
    code = code_of(pupil(diary.start().url))
    token = diary.redeem(code).json()["access_token"]
    portal.clock.forward(30)
    assert diary.redeem(code).json()["error"] == "invalid_grant"
    assert diary.userinfo(token).status_code == 401


@pytest.mark.parametrize(
    "redirect_uri",
    [
        pytest.param(None, id="ensure-redirect-uri-in-authorization-request"),
        pytest.param("https://moodle.example/admin/oauth2callback.php/a", id="ensure-registered"),
        pytest.param("https://moodle.example/admin/oauth2callback.php?a=b", id="query-added"),
        pytest.param("https://moodle.example/admin/oauth2callback.php#a", id="fragment-added"),
    ],
)
def test_oidcc_redirect_uri(portal: Portal, browser: Browser, redirect_uri: str | None) -> None:
    page = browser.open(portal.moodle().start(redirect_uri=redirect_uri).url)
    assert (page.is_ours, page.status) == (True, 400)


def test_oidcc_ensure_post_request_succeeds(portal: Portal, pupil: Visit, browser: Browser) -> None:
    moodle = portal.moodle()
    pupil(moodle.start().url)
    address, _, query = moodle.start().url.partition("?")
    answer = browser.session.post(
        address,
        data=query,
        headers={"Content-Type": "application/x-www-form-urlencoded"},
        allow_redirects=False,
        timeout=60,
    )
    assert "code=" in answer.headers["Location"]


def test_oidcc_unsigned_request_object_supported_correctly_or_rejected_as_unsupported(
    portal: Portal, browser: Browser
) -> None:
    unsigned = "eyJhbGciOiJub25lIn0.eyJyZWRpcmVjdF91cmkiOiJodHRwczovL2V2aWwuZXhhbXBsZS8ifQ."
    page = browser.open(portal.moodle().start(request=unsigned).url)
    assert page.parameters["error"] == "request_not_supported"
    assert portal.moodle().metadata["request_parameter_supported"] is False


def test_oidcc_ensure_request_object_with_redirect_uri(portal: Portal, browser: Browser) -> None:
    page = browser.open(portal.moodle().start(request="a.b.c", redirect_uri=None).url)
    assert (page.is_ours, page.status) == (True, 400)


def test_oidcc_ensure_request_with_valid_pkce_succeeds(portal: Portal, pupil: Visit) -> None:
    moodle = portal.moodle(use_pkce=True)
    start = moodle.start()
    assert moodle.redeem(code_of(pupil(start.url)), start).status_code == 200


def test_oidcc_refresh_token(portal: Portal, diary: RelyingParty, pupil: Visit) -> None:
    tokens = tokens_of(diary, pupil(diary.start().url))
    new = diary.refresh(tokens["refresh_token"]).json()
    assert diary.userinfo(new["access_token"]).status_code == 200
    stolen = portal.client("canteen").refresh(new["refresh_token"])
    assert stolen.status_code == 400


def test_oidcc_server_client_secret_post_and_basic(portal: Portal, pupil: Visit) -> None:
    for method in ("post", "basic"):
        diary = portal.client("diary", authenticate_by=method)
        assert tokens_of(diary, pupil(diary.start().url))["access_token"]


def test_oidcc_discovery_endpoint_verification(portal: Portal) -> None:
    metadata = portal.moodle().metadata
    required = {
        "issuer",
        "authorization_endpoint",
        "token_endpoint",
        "jwks_uri",
        "response_types_supported",
        "subject_types_supported",
        "id_token_signing_alg_values_supported",
    }
    assert required <= set(metadata)
    assert requests.get(metadata["jwks_uri"], timeout=60).json()["keys"]


BYE = "https://diary.example/bye"


@pytest.mark.parametrize(
    ("changes", "back_to_client"),
    [
        pytest.param({}, True, id=""),
        pytest.param({"state": ""}, True, id="no-state"),
        pytest.param({"post_logout_redirect_uri": "https://evil.example/"}, False,
                     id="bad-post-logout-redirect-uri"),
        pytest.param({"post_logout_redirect_uri": f"{BYE}?foo=bar"}, False,
                     id="query-added-to-post-logout-redirect-uri"),
        pytest.param({"id_token_hint": "modified"}, False, id="modified-id-token-hint"),
        pytest.param({"id_token_hint": "bad"}, False, id="bad-id-token-hint"),
        pytest.param({"id_token_hint": ""}, False, id="no-id-token-hint"),
        pytest.param({"post_logout_redirect_uri": None, "state": None}, False,
                     id="no-post-logout-redirect-uri"),
        pytest.param({"id_token_hint": None, "post_logout_redirect_uri": None}, False,
                     id="only-state"),
        pytest.param({"id_token_hint": None, "post_logout_redirect_uri": None, "state": None},
                     False, id="no-params"),
    ],
)  # fmt: skip
def test_oidcc_rp_initiated_logout(
    diary: RelyingParty, pupil: Visit, browser: Browser, changes: dict[str, str | None],
    back_to_client: bool,
) -> None:  # fmt: skip
    hint = tokens_of(diary, pupil(diary.start().url))["id_token"]
    if changes.get("id_token_hint") == "modified":
        unsigned, _, signature = hint.rpartition(".")
        changes = {"id_token_hint": f"{unsigned}.{signature[::-1]}"}
    full = {"id_token_hint": hint, "post_logout_redirect_uri": BYE, "state": "s"} | changes
    sent = {name: value for name, value in full.items() if value is not None}
    page = browser.open(f"{diary.metadata['end_session_endpoint']}?{urlencode(sent)}")
    assert page.is_ours != back_to_client
    if back_to_client:
        assert page.url.startswith(BYE)
        assert page.parameters.get("state", "") == sent["state"]
