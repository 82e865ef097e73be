"""The attacks of RFC 9700 (OAuth 2.0 Security) that are tried nowhere else, by section.

The others: 4.1, 4.4, 4.6, 4.8 and 2.1.2 in ``test_endpoints.py``, 4.3 in
``test_openid_certification.py``, 4.5, 4.8, 4.9 and 4.15 in ``test_grants.py``, 4.10 and 4.14 in
``test_tokens.py``, 4.2, 4.7, 4.16 and 4.17 in ``pages/test_pages.py``.
"""

from __future__ import annotations

import pytest
import requests

from tests.auth.conftest import FIRST_PASSWORD, Person, Portal
from tests.relying_party import Browser, RelyingParty


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
def test_4_11_open_redirection(portal: Portal, pupil: Person, path: str) -> None:
    page = pupil(portal.issuer + path)
    assert page.is_ours
    assert page.url.startswith(portal.issuer + "/")


def test_4_12_307_redirect(moodle: RelyingParty, browser: Browser) -> None:
    """After a posted password the browser is told to go on by GET."""
    page = browser.visit(moodle)
    token = page.text.partition('name="form_token" value="')[2].partition('"')[0]
    answer = browser.session.post(
        page.url,
        data={"username": "1234p5678", "password": FIRST_PASSWORD, "form_token": token},
        allow_redirects=False,
        timeout=60,
    )
    assert answer.status_code == 303


def test_4_13_tls_terminating_reverse_proxies(portal: Portal) -> None:
    """What a client writes into headers of a proxy changes nothing."""
    address = f"{portal.issuer}/.well-known/openid-configuration"
    headers = {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https"}
    assert "evil.example" not in requests.get(address, headers=headers, timeout=60).text
