"""Random and mutated requests at the standard face: an orderly answer, nothing personal in it.

Those at every address of the whole application are in ``tests/service/test_random_requests.py``.
"""

from __future__ import annotations

import base64
import logging
import random
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from auth.models import SignIn, digest
from tests.auth.conftest import OWN_PASSWORD, START, Portal
from tests.auth.people import PUPIL
from tests.relying_party import Page, RelyingParty
from tests.soak import SOAK, soak

REQUESTS = 300 * SOAK
"""On each of the two databases."""

PATHS = (
    "/.well-known/openid-configuration",
    "/auth/",
    "/auth/authorize",
    "/auth/consent",
    "/auth/introspect",
    "/auth/jwks.json",
    "/auth/login",
    "/auth/logout",
    "/auth/revoke",
    "/auth/set-password",
    "/auth/token",
    "/auth/userinfo",
)
ODD = (
    "",
    " ",
    "\0",
    "none",
    "openid",
    "consent login",
    "-1",
    "9" * 40,
    "a" * 5000,
    "ёжик",
    "\ud7ff\u202e",
    '"><script>alert(1)</script>',
    "https://evil.example/",
    "a.b.c",
    "eyJhbGciOiJub25lIn0.e30.",
    "eyJhbGciOiJSUzI1NiIsImtpZCI6IngifQ.W10.AAAA",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOjF9.AAAA",
    "%00%ff",
    "' OR 1=1 --",
    "{}",
)
NAMES = ("Проверочный", "Образцович")
PERSONAL = (*NAMES, OWN_PASSWORD, "2014-03-05", "05032014")
MAY_SHOW = {"/auth/": NAMES, "/auth/userinfo": PERSONAL}
"""What a person is told of themselves there."""


def seeds(diary: RelyingParty, tokens: dict[str, Any]) -> list[dict[str, str]]:
    """Good requests, to be spoilt."""
    client = {"client_id": "diary", "client_secret": "diary-secret"}
    ask = {
        "client_id": "diary",
        "redirect_uri": diary.redirect_uri,
        "response_type": "code",
        "scope": "openid profile offline_access",
        "state": "s",
    }
    return [
        ask,
        ask | {"prompt": "none", "max_age": "0", "id_token_hint": tokens["id_token"]},
        ask | {"prompt": "consent", "login_hint": "1234p5678", "acr_values": "1"},
        ask | {"code_challenge": "c" * 43, "code_challenge_method": "S256", "nonce": "n"},
        {"id_token_hint": tokens["id_token"], "state": "s"}
        | {"post_logout_redirect_uri": "https://diary.example/bye"},
        client | {"grant_type": "authorization_code", "code": "c", "code_verifier": "v" * 43}
        | {"redirect_uri": diary.redirect_uri},
        client | {"grant_type": "refresh_token", "refresh_token": "r", "scope": "openid"},
        client | {"token": tokens["access_token"], "token_type_hint": "access_token"},
        {"form_token": "f", "decision": "allow", "username": "1234p5678"},
    ]  # fmt: skip


def spoil(chance: random.Random, good: dict[str, str]) -> list[tuple[str, str]]:
    pairs = list(good.items())
    for _ in range(chance.randrange(4)):
        name = chance.choice([*good, "request", "request_uri", "response_mode", "ui_locales"])
        value = chance.choice([*ODD, *good.values(), chance.randbytes(8).decode("latin-1")])
        act = chance.choice(("double", "drop", "replace", "replace"))
        if act != "double":
            pairs = [pair for pair in pairs if pair[0] != name]
        if act != "drop":
            pairs.append((name, value))
    return pairs


def authorization(chance: random.Random, token: str) -> dict[str, str]:
    basic = base64.b64encode(chance.choice(ODD).encode("utf-8", "ignore")).decode()
    header = chance.choice(
        ["", "", f"Bearer {token}", "Bearer", f"Basic {basic}", "Basic \xff", "x"]
    )
    return {"Authorization": header} if header else {}


def sign_in_again(portal: Portal, browser: FlaskClient) -> None:
    cookie = "a cookie of the tests"
    with portal.session_factory.begin() as db:
        db.merge(
            SignIn(
                cookie_hash=digest(cookie),
                person_id=PUPIL,
                auth_time=START,
                expires_at=START + timedelta(hours=1),
                with_first_password=False,
                used=False,
            )
        )
    browser.set_cookie("signin", cookie)


@soak
def test_no_request_breaks_anything(
    portal: Portal, pupil: Callable[[str], Page], caplog: pytest.LogCaptureFixture
) -> None:
    diary = portal.client("diary", scope="openid profile offline_access")
    code = pupil(diary.start().url).parameters["code"]
    tokens: dict[str, Any] = diary.redeem(code).json()
    good = seeds(diary, tokens)
    caplog.set_level(logging.DEBUG)
    caplog.clear()
    chance = random.Random(9700)
    browser = portal.app.test_client()
    for number in range(REQUESTS):
        path = chance.choice(PATHS)
        if path in {"/auth/authorize", "/auth/consent"}:
            sign_in_again(portal, browser)
        pairs = spoil(chance, chance.choice(good))
        headers = authorization(chance, tokens["access_token"])
        if chance.randrange(2):
            answer = browser.get(path, query_string=pairs, headers=headers)
        else:
            query = pairs if chance.randrange(2) else []
            answer = browser.post(path, query_string=query, data=dict(pairs), headers=headers)
        assert answer.status_code < 500, (number, path, pairs, headers)
        told = [word for word in PERSONAL if word in answer.text]
        assert set(told) <= set(MAY_SHOW.get(path, ())), (number, path)
    secrets = (*PERSONAL, tokens["access_token"], tokens["refresh_token"], tokens["id_token"])
    assert not any(secret in caplog.text for secret in secrets)
