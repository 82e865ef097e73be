"""A console on an empty database, and the rows it shows; every person here is invented."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Any

from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient
from joserfc.jwk import RSAKey
from sqlalchemy import Engine, create_engine, select
from sqlalchemy.orm import Session
from sqlalchemy.pool import StaticPool
from werkzeug.test import TestResponse, encode_multipart

from provisioning.changes import Action, Kind
from provisioning.plan import plan_digest
from service import create_app
from service.application import Application, make_secret
from service.db import make_session_factory, transaction
from service.models import (
    AuditEntry,
    Load,
    LoadFile,
    LoadFinding,
    LoadStatus,
    Operator,
    OperatorRole,
    PlannedChange,
    PlanStatus,
    School,
    SchoolPlan,
)
from service.settings import Settings
from tests.service.database import make_tables

NOW = datetime(2026, 10, 2, 9, 30, tzinfo=UTC)
PASSWORD = "correct horse battery"
BREACH = {"limit": "suspended", "count": 57, "base": 300, "allowed_share": 0.1}
"""Of the limits, by the plan of a school."""


@dataclass(kw_only=True)
class RecordingQueue:
    """Remembers what was asked of the worker."""

    planned: list[int] = field(default_factory=list)
    applied: list[int] = field(default_factory=list)
    told: int = 0
    """How often applications were to be told of sign-outs."""

    def plan_load(self, load_id: int) -> None:
        self.planned.append(load_id)

    def apply_load(self, load_id: int) -> None:
        self.applied.append(load_id)

    def tell_signed_out(self) -> None:
        self.told += 1


@dataclass(kw_only=True)
class ConsoleUnderTest:
    """The web application over a database in memory."""

    application: Application
    queue: RecordingQueue
    app: Flask

    def rows(self) -> Any:
        """A transaction on the database of the console."""
        return transaction(self.application.sessions)

    def audit(self) -> list[AuditEntry]:
        """What was written down but for sign-ins, in its order."""
        done = select(AuditEntry).where(AuditEntry.action != "operator.sign_in")
        with self.rows() as rows:
            return list(rows.scalars(done.order_by(AuditEntry.id)))

    def acts(self) -> list[tuple[str, str]]:
        """By whom and what."""
        return [(one.actor, one.action) for one in self.audit()]

    def client(self, username: str = "") -> Browser:
        """A browser that speaks Russian; signed in when a name is given."""
        browser = Browser(self.app.test_client())
        if username:
            answer = browser.post("/console/signin", username=username, password=PASSWORD)
            assert answer.status_code == 302, answer.status_code
        return browser


class Browser:
    """Keeps cookies and sends the form token of the last page back, as a browser does."""

    def __init__(self, client: FlaskClient) -> None:
        self.client = client

    def get(self, address: str, **parameters: Any) -> TestResponse:
        return self.client.get(address, query_string=parameters or None)

    def post(self, address: str, **fields: Any) -> TestResponse:
        return self.post_with(self.form_token(), address, **fields)

    def post_with(self, form_token: str, address: str, **fields: Any) -> TestResponse:
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


def digest_on(page: str) -> str:
    """The digest that the decision on the page of a load will name."""
    found = re.search(r'name="digest" value="([0-9a-f]{64})"', page)
    assert found, "the page has no decision form"
    return found[1]


def make_console(
    home: Path, *, engine: Engine | None = None, stand_keys: Path | None = None, **settings: Any
) -> ConsoleUnderTest:
    """``engine`` has no tables yet; without one the database is SQLite in memory. ``stand_keys``
    are those that the ЕСИА stand-in is to have."""
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
    return ConsoleUnderTest(
        application=application, queue=queue, app=create_app(application, queue=queue)
    )


@cache
def signing_key() -> bytes:
    """One for all tests: making a key takes long."""
    return RSAKey.generate_key(2048).as_pem(private=True)


@cache
def _password_hash() -> str:
    """Of ``PASSWORD``, with the cheapest parameters: a good hash is slow on purpose."""
    return PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)


def add_operator(
    session: Session,
    username: str = "city",
    role: OperatorRole = OperatorRole.CITY,
    scope: Sequence[str] = (),
    **overrides: Any,
) -> Operator:
    operator = Operator(
        username=username,
        password_hash=_password_hash(),
        role=role,
        scope=list(scope),
        created_at=NOW,
        **overrides,
    )
    session.add(operator)
    session.flush()
    return operator


def add_operators(session: Session, *, school: str = "78-0243", district: str = "Невский") -> None:
    """The operators ``city``, ``district`` and ``school``."""
    add_operator(session)
    add_operator(session, "district", OperatorRole.DISTRICT, [district])
    add_operator(session, "school", OperatorRole.SCHOOL, [school])


def add_school(session: Session, code: str = "78-0243", **overrides: Any) -> School:
    number = code.rpartition("-")[2].lstrip("0")
    fields: dict[str, Any] = {
        "name": f"ГБОУ школа № {number}",
        "short_name": f"Школа № {number}",
        "district": "Адмиралтейский",
        "number": number,
    }
    school = School(code=code, **fields | overrides)
    session.add(school)
    session.flush()
    return school


def add_run(session: Session, status: LoadStatus = LoadStatus.PLANNED, **overrides: Any) -> Load:
    fields: dict[str, Any] = {
        "created_at": NOW,
        "created_by": "city",
        "scope_role": OperatorRole.CITY,
        "scope_items": [],
        "folder": "uploads/000001",
    }
    run = Load(status=status, **fields | overrides)
    session.add(run)
    session.flush()
    return run


def add_file(session: Session, run: Load, school_code: str = "78-0243", **over: Any) -> LoadFile:
    fields: dict[str, Any] = {
        "name": f"students-{school_code}.xml",
        "sha256": "0" * 64,
        "layout": "roster-1",
        "parts": ["students"],
        "records": 3,
        "exported_at": NOW,
    }
    file = LoadFile(load_id=run.id, school_code=school_code, **fields | over)
    session.add(file)
    session.flush()
    return file


def add_plan(
    session: Session,
    run: Load,
    school_code: str = "78-0243",
    changes: Sequence[PlannedChange] = (),
    **overrides: Any,
) -> SchoolPlan:
    """A plan with its changes, counted and digested as the planning does it."""
    counts: dict[str, int] = {}
    for change in changes:
        name = f"{change.kind}.{change.action}"
        counts[name] = counts.get(name, 0) + 1
    fields: dict[str, Any] = {
        "status": PlanStatus.PLANNED,
        "digest": plan_digest(school_code, (), ()),
        "counts": counts,
        "people": 3,
        "school_year": "2026/2027",
        "exported_at": NOW,
    }
    plan = SchoolPlan(load_id=run.id, school_code=school_code, **fields | overrides)
    session.add(plan)
    session.flush()
    for position, change in enumerate(changes):
        change.plan_id, change.position = plan.id, position
        session.add(change)
    session.flush()
    return plan


def make_user_change(
    key: str = "p-1", action: Action = Action.CREATE, **overrides: Any
) -> PlannedChange:
    """A change of a pupil; ``before`` of anything but a creation differs in the class only."""
    after: dict[str, Any] = {
        "person_id": key,
        "username": "4821p0573",
        "firstname": "Пример Примерович",
        "lastname": "Примеров",
        "email": "4821p0573@school.invalid",
        "department": "8А",
        "class_title": "8А",
        "role": "student",
        "birth_date": date(2012, 9, 1).isoformat(),
        "snils": "",
        "suspended": action == Action.SUSPEND,
    }
    fields: dict[str, Any] = {
        "before": {} if action == Action.CREATE else after | {"department": "7А"},
        "after": after,
        "result": "",
    }
    return PlannedChange(kind=Kind.USER, action=action, key=key, **fields | overrides)


def make_change(kind: Kind, action: Action, key: str, **overrides: Any) -> PlannedChange:
    fields: dict[str, Any] = {"before": {}, "after": {}, "result": ""}
    return PlannedChange(kind=kind, action=action, key=key, **fields | overrides)


def add_finding(session: Session, run: Load, **overrides: Any) -> LoadFinding:
    fields: dict[str, Any] = {
        "rule": "match.snils_conflict",
        "severity": "warning",
        "file": "students.xml",
        "line": 7,
        "school_code": "78-0243",
        "sourced_id": "s-1",
        "person": "Примеров Пример",
        "field_name": "snils",
        "value": "112-233-445 95",
        "details": {},
    }
    finding = LoadFinding(load_id=run.id, **fields | overrides)
    session.add(finding)
    session.flush()
    return finding
