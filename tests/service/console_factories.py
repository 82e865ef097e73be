"""A console on an empty database, and a browser that speaks to it."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

from flask import Flask
from flask.testing import FlaskClient
from joserfc.jwk import RSAKey
from playwright.sync_api import Page
from sqlalchemy import Engine, create_engine, inspect, select
from sqlalchemy.pool import StaticPool
from werkzeug.test import TestResponse, encode_multipart

from service.application import Application, make_secret
from service.db import make_session_factory, transaction
from service.models import AuditEntry
from service.queue import JobQueue
from service.settings import Settings
from service.web import create_app
from tests.service.database import make_tables
from tests.service.factories import NOW, PASSWORD, add_operators

Row = TypeVar("Row")


@dataclass(kw_only=True)
class RecordingQueue(JobQueue):
    """Remembers what was asked of the worker."""

    planned: list[int] = field(default_factory=list)
    applied: list[int] = field(default_factory=list)
    rehearsed: list[int] = field(default_factory=list)
    told: int = 0
    """How often applications were to be told of sign-outs."""
    looks: int = 0
    """How often looks into Moodle were to be taken."""

    def plan_load(self, load_id: int) -> None:
        self.planned.append(load_id)

    def apply_load(self, load_id: int) -> None:
        self.applied.append(load_id)

    def rehearse(self, rehearsal_id: int) -> bool:
        self.rehearsed.append(rehearsal_id)
        return True

    def tell_signed_out(self) -> None:
        self.told += 1

    def look_asked(self) -> None:
        self.looks += 1


@dataclass(kw_only=True)
class ConsoleUnderTest:
    """The web application over a database in memory."""

    application: Application
    queue: RecordingQueue
    app: Flask

    def rows(self) -> Any:
        """A transaction on the database of the console."""
        return transaction(self.application.sessions)

    def all(self, table: type[Row]) -> list[Row]:
        """Every row of a table, in the order of its key."""
        with self.rows() as rows:
            return list(rows.scalars(select(table).order_by(*inspect(table).primary_key)))

    def one(self, table: type[Row], key: Any) -> Row:
        """The row with this primary key; fails when there is none."""
        with self.rows() as rows:
            return cast(Row, rows.get_one(table, key))

    def audit(self) -> list[AuditEntry]:
        """What was written down but for sign-ins, in its order."""
        done = select(AuditEntry).where(AuditEntry.action != "operator.sign_in")
        with self.rows() as rows:
            return list(rows.scalars(done.order_by(AuditEntry.id)))

    def acts(self) -> list[tuple[str, str]]:
        """By whom and what."""
        return [(one.actor, one.action) for one in self.audit()]

    def client(self, username: str = "", password: str = PASSWORD) -> Browser:
        """A browser that speaks Russian; signed in when a name is given."""
        browser = Browser(self.app.test_client())
        if username:
            answer = browser.post("/console/signin", username=username, password=password)
            assert answer.status_code == 302, answer.status_code
        return browser


class Browser:
    """Keeps cookies and sends the form token of the last page back, as a browser does."""

    def __init__(self, client: FlaskClient) -> None:
        self.client = client

    def get(self, address: str, /, **parameters: Any) -> TestResponse:
        return self.client.get(address, query_string=parameters or None)

    def post(self, address: str, /, **fields: Any) -> TestResponse:
        return self.post_with(self.form_token(), address, **fields)

    def post_with(self, form_token: str, address: str, /, **fields: Any) -> TestResponse:
        """The same with a token that is known already."""
        # Encoded here because the test client would leave a temporary file of its own open.
        boundary, body = encode_multipart({"form_token": form_token, **fields})
        content_type = f"multipart/form-data; boundary={boundary}"
        return self.client.post(address, data=body, content_type=content_type)

    def form_token(self) -> str:
        page = self.get("/console/signin")
        if page.status_code == 302:
            page = self.get("/console/")
        found = re.search(r'name="form_token" value="([^"]+)"', page.text)
        assert found, "the page has no form"
        return found[1]


def shows(page: str | TestResponse, *texts: str, status: int = 200) -> None:
    """Check the status of an answer, and that all these texts are on its page."""
    if isinstance(page, TestResponse):
        assert page.status_code == status, page.text
        page = page.text
    assert [text for text in texts if text not in page] == []


def digest_on(page: str) -> str:
    """The digest that the decision on the page of a load will name."""
    found = re.search(r'name="digest" value="([0-9a-f]{64})"', page)
    assert found, "the page has no decision form"
    return found[1]


def sign_in_at(page: Page, username: str = "city") -> None:
    """Fill in the form of the sign-in that a real browser shows."""
    page.fill("[name=username]", username)
    page.fill("[name=password]", PASSWORD)
    page.click("text=Войти")


def make_console(
    home: Path,
    *,
    engine: Engine | None = None,
    stand_keys: Path | None = None,
    operators: bool = False,
    **settings: Any,
) -> ConsoleUnderTest:
    """``engine`` has no tables yet; without one the database is SQLite in memory. ``stand_keys``
    are those that the ЕСИА stand-in is to have; ``operators``: those of ``add_operators``."""
    make_secret(home)
    (home / "keys").mkdir(exist_ok=True)
    if stand_keys:
        shutil.copytree(stand_keys, home / "keys" / "esia")
    (home / "keys" / "20260101T000000000000Z-RS256-test.pem").write_bytes(signing_key())
    engine = engine or create_engine(
        "sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False}
    )
    make_tables(engine)
    application = Application(
        settings=Settings(home=home, **settings),
        engine=engine,
        sessions=make_session_factory(engine),
        clock=lambda: NOW,
    )
    queue = RecordingQueue()
    app = create_app(application, queue=queue)
    console = ConsoleUnderTest(application=application, queue=queue, app=app)
    if operators:
        with console.rows() as rows:
            add_operators(rows)
    return console


@cache
def signing_key() -> bytes:
    """One for all tests: making a key takes long."""
    return RSAKey.generate_key(2048).as_pem(private=True)
