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

from tests.auth.conftest import OWN_PASSWORD
from tests.auth.esia.signing import Signer, url_safe
from tests.relying_party import TIMEOUT, Browser, Page

PUPIL_LOGIN = "1234p5678"
OID = 1000000103
"""Of the made-up person "confirmed"."""
STATE = "c2215a0c-4d8c-4a5c-9b62-0123456789ab"
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
    browser: Browser = field(default_factory=Browser)
    """In which people come from the system and go back to it."""

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
        return read(self.ask(code=code, **changes))

    def refresh(self, token: str) -> requests.Response:
        return self.ask(grant_type="refresh_token", refresh_token=token)

    def rest(self, path: str, token: str, **headers: str) -> requests.Response:
        return self.open(f"{self.url}/rs/{path}", token, **headers)

    def open(self, address: str, token: str, **headers: str) -> requests.Response:
        """Read an address that the REST service gave."""
        return self.session.get(
            address, headers={"Authorization": f"Bearer {token}"} | headers, timeout=TIMEOUT
        )

    def come(self, **changes: str) -> Page:
        """What the browser shows when somebody comes from the system."""
        return self.browser.open(self.authorize_url(**changes))

    def sign_in(self, person: str = "confirmed", **changes: str) -> str:
        """Go the whole way in the browser; the code."""
        return came_back(self.enter(person, **changes))["code"]

    def signed_in(self, person: str = "confirmed", **changes: str) -> dict[str, Any]:
        """The tokens of somebody who went the whole way."""
        return self.tokens(self.sign_in(person, **changes))

    def person(self, tokens: dict[str, Any]) -> dict[str, Any]:
        """Whom the tokens are of, as the REST service tells it."""
        oid = parts_of(tokens["id_token"])[1]["sub"]
        return read(self.rest(f"prns/{oid}", tokens["access_token"]))

    def enter(self, person: str = "confirmed", **changes: str) -> Page:
        page = self.come(**changes)
        if "/login?" in page.url:
            page = self.browser.submit(page, persona=person)
        return self._agree(page)

    def enter_with_password(self, **changes: str) -> Page:
        """Enter as the pupil who was given a password."""
        return self._agree(self.type_password(OWN_PASSWORD, **changes))

    def pupil_signed_in(self) -> dict[str, Any]:
        return self.tokens(came_back(self.enter_with_password())["code"])

    def type_password(self, password: str, login: str = PUPIL_LOGIN, **changes: str) -> Page:
        return self.browser.sign_in(self.authorize_url(**changes), login, password)

    def _agree(self, page: Page) -> Page:
        asked = "/login/consent?" in page.url
        return self.browser.submit(page, decision="allow") if asked else page

    def _signature(self, text: str) -> str:
        if self.sign:
            return self.sign(text)
        return url_safe(self.signer.cms(text) if self.dialect == 1 else self.signer.raw(text))


class Reader:
    """One person's token, and the system that reads the REST service with it."""

    def __init__(self, system: System, person: str, **asked: str) -> None:
        self.system = system
        self.token = system.signed_in(person, **asked)["access_token"]
        self.oid = parts_of(self.token)[1]["urn:esia:sbj_id"]

    def get(self, path: str = "", **headers: str) -> requests.Response:
        return self.system.rest(f"prns/{self.oid}{path}", self.token, **headers)

    def json(self, path: str = "") -> dict[str, Any]:
        return read(self.get(path))

    def load(self, path: str) -> list[dict[str, Any]]:
        """The elements of a collection in both its forms, which must be the same."""
        whole: list[dict[str, Any]] = self.json(f"{path}?embed=(elements)")["elements"]
        plain = self.json(path)
        assert plain["size"] == len(whole)
        loaded = [self.system.open(address, self.token).json() for address in plain["elements"]]
        assert loaded == whole
        return whole


def read(answer: requests.Response) -> dict[str, Any]:
    """The document of an answer that must be in order."""
    assert answer.status_code == 200, answer.text
    return answer.json()


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
