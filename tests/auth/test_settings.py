"""Settings that would be unsafe or contradict themselves are refused."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy.orm import sessionmaker

from auth import AuthSettings, init_app
from auth.oidc.keys import SigningKeys
from tests.auth.conftest import CLIENTS, Clock
from tests.auth.people import People


@pytest.mark.parametrize(
    "issuer",
    ["https://login.example", "https://login.example/sso", "http://127.0.0.1:8080", "http://[::1]"],
)
def test_an_issuer_is_https_or_on_loopback(issuer: str) -> None:
    assert AuthSettings(issuer=issuer).issuer == issuer


@pytest.mark.parametrize(
    "issuer",
    [
        "http://login.example", "http://10.0.0.1", "https://login.example/",
        "https://login.example?a=b", "https://login.example#a", "login.example", "ftp://127.0.0.1",
    ],
)  # fmt: skip
def test_other_issuers_are_refused(issuer: str) -> None:
    with pytest.raises(ValueError, match="issuer"):
        AuthSettings(issuer=issuer)


def test_a_client_cannot_be_registered_twice() -> None:
    with pytest.raises(ValueError, match="twice: moodle"):
        AuthSettings(clients=(CLIENTS[0], CLIENTS[0]))


@pytest.mark.parametrize(
    ("issuer", "secret_key", "missing"),
    [("", "secret", "issuer"), ("https://login.example", None, "secret_key")],
)
def test_an_application_needs_an_issuer_and_a_secret(
    keys: SigningKeys, issuer: str, secret_key: str | None, missing: str
) -> None:
    app = Flask("portal")
    app.secret_key = secret_key
    with pytest.raises(ValueError, match=missing):
        init_app(
            app,
            AuthSettings(issuer=issuer),
            directory=People(),
            session_factory=sessionmaker(),
            clock=Clock(),
            keys=keys,
        )
