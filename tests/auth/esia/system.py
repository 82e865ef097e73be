"""A small registered system: it asks for authorization and tokens in both dialects."""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import requests

from tests.auth.esia.signing import Signer, url_safe
from tests.relying_party import TIMEOUT, Browser, Page

PUPIL_LOGIN, OWN_WORD = "1234p5678", "своё слово"
MOSCOW = timezone(timedelta(hours=3))
V1_TEXT = ("scope", "timestamp", "client_id", "state")
V2_TEXT = ("client_id", "scope", "scope_org", "timestamp", "state", "redirect_uri", "code")


@dataclass(kw_only=True)
class System:
    url: str
    mnemonic: str
    signer: Signer
    clock: Callable[[], datetime]
    dialect: int = 2
    scope: str = "openid fullname"
    redirect_uri: str = "https://journal.example/esia"
    signed_names: tuple[str, ...] = ()
    """Other names than those of the dialect."""
    sign: Callable[[str], str] | None = None
    """Another way of signing."""
    session: requests.Session = field(default_factory=requests.Session)

    def parameters(self, **changes: str | None) -> dict[str, str]:
        """Of a request, signed; ``changes`` replaces values before, None leaves one out after."""
        values = {
            "client_id": self.mnemonic,
            "scope": self.scope,
            "state": str(uuid.uuid4()),
            "timestamp": self.clock().astimezone(MOSCOW).strftime("%Y.%m.%d %H:%M:%S %z"),
            "redirect_uri": self.redirect_uri,
        }
        values |= {name: value for name, value in changes.items() if value is not None}
        if self.dialect == 2:
            values.setdefault("client_certificate_hash", self.signer.certificate.hash)
        names = self.signed_names or (V1_TEXT if self.dialect == 1 else V2_TEXT)
        if values.get("grant_type") in {"refresh_token", "client_credentials"}:
            names = tuple(name for name in names if name != "code")
        text = "".join(values.get(name, "") for name in names)
        values.setdefault("client_secret", self._signature(text))
        return {name: value for name, value in values.items() if changes.get(name, "") is not None}

    def authorize_url(self, **changes: str | None) -> str:
        fixed: dict[str, str | None] = {"response_type": "code", "access_type": "offline"}
        path = "/aas/oauth2/ac" if self.dialect == 1 else "/aas/oauth2/v2/ac"
        return f"{self.url}{path}?{urlencode(self.parameters(**fixed | changes))}"

    def authorize(self, **changes: str | None) -> requests.Response:
        """An authorization request as it is answered."""
        url = self.authorize_url(**changes)
        return requests.get(url, allow_redirects=False, timeout=TIMEOUT)

    def ask(self, **changes: str | None) -> requests.Response:
        """A token request as it is answered."""
        path = "/aas/oauth2/te" if self.dialect == 1 else "/aas/oauth2/v3/te"
        fixed: dict[str, str | None] = {"token_type": "Bearer", "grant_type": "authorization_code"}
        return self.session.post(
            self.url + path, data=self.parameters(**fixed | changes), timeout=TIMEOUT
        )

    def tokens(self, code: str, **changes: str | None) -> dict[str, Any]:
        answer = self.ask(code=code, **changes)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def rest(self, path: str, token: str, **headers: str) -> requests.Response:
        return self.open(f"{self.url}/rs/{path}", token, **headers)

    def open(self, address: str, token: str, **headers: str) -> requests.Response:
        """Read an address that the REST service gave."""
        return self.session.get(
            address, headers={"Authorization": f"Bearer {token}"} | headers, timeout=TIMEOUT
        )

    def sign_in(self, browser: Browser, person: str = "confirmed", **changes: str) -> str:
        """Go the whole way in the browser; the code."""
        return came_back(self.enter(browser, person, **changes))["code"]

    def enter(self, browser: Browser, person: str = "confirmed", **changes: str) -> Page:
        page = browser.open(self.authorize_url(**changes))
        if "/login?" in page.url:
            page = browser.submit(page, persona=person)
        if "/login/consent?" in page.url:
            page = browser.submit(page, decision="allow")
        return page

    def enter_with_password(self, browser: Browser, **changes: str) -> Page:
        """Enter as the pupil who was given a password (``EsiaStandin.give_password``)."""
        page = browser.sign_in(self.authorize_url(**changes), PUPIL_LOGIN, OWN_WORD)
        return browser.submit(page, decision="allow") if "/login/consent?" in page.url else page

    def _signature(self, text: str) -> str:
        if self.sign:
            return self.sign(text)
        return url_safe(self.signer.cms(text) if self.dialect == 1 else self.signer.raw(text))


def came_back(page: Page) -> dict[str, str]:
    """What the person brought back to the system."""
    assert page.url.startswith("https://journal.example/esia?"), (page.url, page.text)
    return dict(parse_qsl(urlsplit(page.url).query))


def told_back(answer: requests.Response) -> dict[str, str]:
    """What a redirect tells the system."""
    return dict(parse_qsl(urlsplit(answer.headers["Location"]).query))


def error_in(values: dict[str, str]) -> tuple[str, str]:
    """The error and its ЕСИА code, both empty without one."""
    return values.get("error", ""), values.get("error_description", "")[5:11]


def unpadded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def parts_of(jwt: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims, unchecked."""
    header, claims = (json.loads(unpadded(part)) for part in jwt.split(".")[:2])
    return header, claims
