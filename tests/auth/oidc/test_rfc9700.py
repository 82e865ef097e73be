"""The attacks of RFC 9700 (OAuth 2.0 Security), each tried at the standard face."""

from __future__ import annotations

import secrets
from urllib.parse import quote

import pytest
import requests

from tests.auth.conftest import OWN_PASSWORD, Portal, Visit
from tests.relying_party import Browser

HOME = "https://moodle.example"


@pytest.mark.parametrize(
    "redirect_uri",
    [
        f"{HOME}/admin/oauth2callback.php/../evil",
        f"{HOME}:443/admin/oauth2callback.php",
        f"{HOME}.evil.example/admin/oauth2callback.php",
        f"{HOME}@evil.example/admin/oauth2callback.php",
        f"{HOME}/admin/oauth2callback.php%00",
        f"{HOME}/Admin/oauth2callback.php",
        "http://moodle.example/admin/oauth2callback.php",
        "//moodle.example/admin/oauth2callback.php",
        "https://journal.example/callback",
    ],
)
def test_4_1_insufficient_redirection_uri_validation(
    portal: Portal, browser: Browser, redirect_uri: str
) -> None:
    page = browser.open(portal.moodle().start(redirect_uri=redirect_uri).url)
    assert (page.is_ours, page.status) == (True, 400)


def test_4_2_credential_leakage_via_referer_headers(portal: Portal, browser: Browser) -> None:
    page = browser.open(portal.moodle().start().url)
    assert page.headers["Referrer-Policy"] == "same-origin"
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert 'src="http' not in page.text


def test_4_3_credential_leakage_via_browser_history(portal: Portal, pupil: Visit) -> None:
    moodle = portal.moodle()
    code = pupil(moodle.start().url).parameters["code"]
    token = moodle.redeem(code).json()["access_token"]
    assert moodle.redeem(code).status_code == 400

    fresh = moodle.redeem(pupil(moodle.start().url).parameters["code"]).json()["access_token"]
    address = moodle.metadata["userinfo_endpoint"]
    in_the_address = requests.get(f"{address}?access_token={fresh}", timeout=60)
    assert in_the_address.status_code == 401
    assert token != fresh


def test_4_4_mix_up(portal: Portal, browser: Browser, pupil: Visit) -> None:
    moodle = portal.moodle()
    assert pupil(moodle.start().url).parameters["iss"] == portal.issuer
    refused = browser.open(moodle.start(scope="profile").url)
    assert refused.parameters["iss"] == portal.issuer


def test_4_5_authorization_code_injection(portal: Portal, pupil: Visit) -> None:
    """A stolen code in the attacker's own session: another verifier, another client."""
    moodle = portal.moodle(use_pkce=True)
    victims, attackers = moodle.start(), moodle.start()
    code = pupil(victims.url).parameters["code"]
    assert portal.client("diary").redeem(code).status_code == 400
    assert moodle.redeem(code, attackers).json()["error"] == "invalid_grant"


def test_4_6_access_token_injection(portal: Portal, pupil: Visit) -> None:
    diary = portal.client("diary")
    tokens = diary.redeem(pupil(diary.start().url).parameters["code"]).json()
    _, claims = diary.read_id_token(tokens["id_token"])
    assert claims["at_hash"]
    assert claims["aud"] == "diary"


def test_4_7_cross_site_request_forgery(portal: Portal, pupil: Visit, browser: Browser) -> None:
    """``state`` comes back as it was, and our own forms work only for their browser."""
    start = portal.moodle().start(state="a&b=c d")
    page = browser.open(start.url)
    forged = browser.submit(page, username="1234p5678", password=OWN_PASSWORD, form_token="0" * 64)
    assert forged.is_ours
    assert pupil(start.url).parameters["state"] == "a&b=c d"


def test_4_8_pkce_downgrade(portal: Portal, browser: Browser, pupil: Visit) -> None:
    phone = portal.client(
        "phone", authenticate_by="none", redirect_uri="https://phone.example/back"
    )
    assert browser.open(phone.start().url).parameters["error"] == "invalid_request"
    moodle = portal.moodle()
    code = pupil(moodle.start().url).parameters["code"]
    answer = moodle.redeem(code, code_verifier=secrets.token_urlsafe(48))
    assert answer.status_code == 400


def test_4_9_access_token_leakage_at_the_resource_server(portal: Portal, pupil: Visit) -> None:
    """Tokens say nothing in themselves and end soon."""
    moodle = portal.moodle()
    tokens = moodle.redeem(pupil(moodle.start().url).parameters["code"]).json()
    assert "." not in tokens["access_token"]
    assert tokens["expires_in"] <= 600


def test_4_10_misuse_of_stolen_access_tokens(portal: Portal, pupil: Visit) -> None:
    moodle = portal.moodle()
    token = moodle.redeem(pupil(moodle.start().url).parameters["code"]).json()["access_token"]
    moodle.ask("revocation_endpoint", token=token)
    assert moodle.userinfo(token).status_code == 401


@pytest.mark.parametrize(
    "path",
    [
        "/auth/login?next=https://evil.example/",
        "/auth/login?redirect_uri=https://evil.example/",
        "/auth/login?client_id=moodle&redirect_uri=https://evil.example/",
        "/auth/logout?post_logout_redirect_uri=https://evil.example/",
        "/auth/consent?client_id=moodle&redirect_uri=https://evil.example/&response_type=code",
    ],
)
def test_4_11_open_redirection(portal: Portal, browser: Browser, pupil: Visit, path: str) -> None:
    page = pupil(portal.issuer + path)
    assert page.is_ours
    assert page.url.startswith(portal.issuer + "/")


def test_4_12_307_redirect(portal: Portal, browser: Browser) -> None:
    """After a posted password the browser is told to go on by GET."""
    page = browser.open(portal.moodle().start().url)
    token = page.text.partition('name="form_token" value="')[2].partition('"')[0]
    answer = browser.session.post(
        page.url,
        data={"username": "1234p5678", "password": "05032014", "form_token": token},
        allow_redirects=False,
        timeout=60,
    )
    assert answer.status_code == 303


def test_4_13_tls_terminating_reverse_proxies(portal: Portal) -> None:
    """What a client writes into headers of a proxy changes nothing."""
    address = f"{portal.issuer}/.well-known/openid-configuration"
    headers = {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https"}
    answer = requests.get(address, headers=headers, timeout=60)
    assert "evil.example" not in answer.text


def test_4_14_refresh_token_protection(portal: Portal, pupil: Visit) -> None:
    diary = portal.client("diary", scope="openid offline_access")
    stolen = diary.redeem(pupil(diary.start().url).parameters["code"]).json()["refresh_token"]
    owners = diary.refresh(stolen).json()
    assert diary.refresh(stolen).status_code == 400
    assert diary.refresh(owners["refresh_token"]).status_code == 400
    assert diary.userinfo(owners["access_token"]).status_code == 401


@pytest.mark.parametrize("grant_type", ["client_credentials", "password", "implicit"])
def test_4_15_client_impersonating_the_resource_owner(portal: Portal, grant_type: str) -> None:
    """No token is ever issued without a person, nor for a password (section 2.4)."""
    answer = portal.moodle().redeem("x", grant_type=grant_type, username="a", password="b")
    assert answer.json()["error"] == "unsupported_grant_type"


@pytest.mark.parametrize("path", ["login", "consent", "logout", "set-password"])
def test_4_16_clickjacking(portal: Portal, pupil: Visit, browser: Browser, path: str) -> None:
    query = portal.client("canteen").start().url.partition("?")[2]
    page = browser.open(f"{portal.issuer}/auth/{path}?{query}" if path != "logout" else
                        f"{portal.issuer}/auth/logout")  # fmt: skip
    assert page.headers["X-Frame-Options"] == "DENY"
    assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]


def test_4_17_in_browser_communication_flows(portal: Portal, browser: Browser) -> None:
    """Answers travel by redirect alone: pages run no script that could post a message."""
    for mode in ("fragment", "form_post", "web_message"):
        page = browser.open(portal.moodle().start(response_mode=mode).url)
        assert page.parameters["error"] == "invalid_request"
    page = browser.open(portal.moodle().start().url)
    assert "<script" not in page.text
    assert "script-src" not in page.headers["Content-Security-Policy"]


@pytest.mark.parametrize("response_type", ["token", "id_token", "id_token token", "code token"])
def test_2_1_2_implicit_grant(portal: Portal, browser: Browser, response_type: str) -> None:
    page = browser.open(portal.moodle().start(response_type=response_type).url)
    assert page.parameters["error"] == "unsupported_response_type"
    assert quote("access_token") not in page.url
