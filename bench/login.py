"""Sign-ins a second through our provider in one process: discovery to userinfo, by the form.

The requests go straight to the application, so no network is in the figure. The reference is one
check of a password hash: it is slow on purpose, and its share says how much of a sign-in it is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import cast
from urllib.parse import parse_qs, urlencode, urljoin, urlsplit

import lxml.html
from flask import Flask
from sqlalchemy.orm import sessionmaker
from werkzeug.test import Client as Browser
from werkzeug.test import TestResponse

from auth import Account, AuthSettings, init_app, tables
from auth.clients.client import Client
from auth.models import Credential
from auth.oidc.keys import load_keys
from auth.signin.passwords import hash_password, verify_password
from bench.measuring import Figure, in_turns
from service.db import make_engine

ISSUER = "http://127.0.0.1"
BACK = "https://moodle.example/admin/oauth2callback.php"
PASSWORD = "a long password of the bench"


@dataclass
class _OnePerson:
    """A ``Directory`` with one person, who chose an own password long ago."""

    account: Account

    def by_username(self, username: str) -> Account | None:
        return self.account if username == self.account.username else None

    def by_person_id(self, person_id: str) -> Account | None:
        return self.account if person_id == self.account.person_id else None

    def check_first_password(self, person_id: str, typed: str) -> bool:
        return False


def figures(folder: Path, *, sign_ins: int, rounds: int) -> list[Figure]:
    app = _provider(folder)
    stored = hash_password(PASSWORD)
    ours, hashing = in_turns(
        rounds,
        lambda: _repeat(sign_ins, lambda: _sign_in(app)),
        lambda: _repeat(sign_ins, lambda: verify_password(stored, PASSWORD)),
    )
    each, hash_each = ours / sign_ins, hashing / sign_ins
    return [
        Figure(
            name="sign-in, whole code flow",
            ours=f"{each * 1000:.1f} ms, {1 / each:.0f} a second",
            reference=f"{hash_each * 1000:.1f} ms, {hash_each / each:.0%} (password hash)",
            ratio=each / hash_each,
        ),
        Figure(
            name="sign-in without the password hash",
            ours=f"{(each - hash_each) * 1000:.1f} ms, {1 / (each - hash_each):.0f} a second",
        ),
    ]


def _repeat(times: int, work: Callable[[], object]) -> None:
    for _ in range(times):
        work()


def _provider(folder: Path) -> Flask:
    folder.mkdir(exist_ok=True)
    engine = make_engine(f"sqlite:///{folder / 'auth.sqlite'}")
    tables.metadata.create_all(engine)
    sessions = sessionmaker(engine)
    account = Account(
        person_id="00000000-0000-4000-8000-000000000001",
        username="1234p5678",
        email="1234p5678@bench.invalid",
        given_name="Пример",
        family_name="Примеров",
        roles=("student",),
    )
    now = datetime.now(UTC)
    with sessions.begin() as session:
        session.add(
            Credential(
                person_id=account.person_id, password_hash=hash_password(PASSWORD), changed_at=now
            )
        )
    app = Flask("bench")
    app.secret_key = "a secret of the bench"
    client = Client(client_id="moodle", client_secret="moodle-secret", redirect_uris=(BACK,))
    init_app(
        app,
        AuthSettings(issuer=ISSUER, clients=(client,)),
        directory=_OnePerson(account),
        session_factory=sessions,
        clock=lambda: datetime.now(UTC),
        keys=load_keys(folder / "keys", now),
    )
    return app


def _sign_in(app: Flask) -> None:
    """As Moodle and a new browser do it; raises when anything is refused."""
    browser = Browser(app, TestResponse)
    endpoints = browser.get("/.well-known/openid-configuration", base_url=ISSUER).get_json()
    asked = {
        "response_type": "code",
        "client_id": "moodle",
        "redirect_uri": BACK,
        "scope": "openid profile email",
        "state": "bench",
    }
    url, page = _follow(browser, f"{endpoints['authorization_endpoint']}?{urlencode(asked)}")
    (form,) = cast("lxml.html.HtmlElement", lxml.html.fromstring(page)).forms
    typed = {name: value or "" for name, value in form.form_values()}
    typed |= {"username": "1234p5678", "password": PASSWORD}
    url, _page = _follow(browser, urljoin(url, form.action or ""), typed)
    code = parse_qs(urlsplit(url).query)["code"][0]
    token = browser.post(
        urlsplit(endpoints["token_endpoint"]).path,
        base_url=ISSUER,
        data={
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": BACK,
            "client_id": "moodle",
            "client_secret": "moodle-secret",
        },
    )
    bearer = {"Authorization": f"Bearer {token.get_json()['access_token']}"}
    person = browser.get(
        urlsplit(endpoints["userinfo_endpoint"]).path, base_url=ISSUER, headers=bearer
    )
    if person.status_code != 200:
        raise RuntimeError(f"userinfo answered {person.status_code}")


def _follow(browser: Browser, url: str, form: dict[str, str] | None = None) -> tuple[str, str]:
    """Where the redirects end: a page of ours with its text, or the way back."""
    while url.startswith(ISSUER + "/"):
        parts = urlsplit(url)
        answer = browser.open(
            path=parts.path,
            query_string=parts.query,
            base_url=ISSUER,
            method="GET" if form is None else "POST",
            data=form,
        )
        if answer.location is None:
            return url, answer.get_data(as_text=True)
        url, form = urljoin(url, answer.location), None
    return url, ""
