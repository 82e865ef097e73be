"""Accounts of operators and their sessions: the commands and the console on the same database."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from auth.models import digest
from service import create_app, operators
from service.application import Application
from service.db import transaction
from service.housekeeping import clear_away
from service.models import AuditEntry, Operator, OperatorRole, OperatorSession, School
from service.operators.sessions import authenticate
from tests.service.command_line import Ended, run
from tests.service.console_factories import Browser, RecordingQueue
from tests.service.installation import installation

PASSWORD = "a long enough password"
SCHOOL = OperatorRole.SCHOOL
NAMES = ("mira", "anna", "vera")
SCHOOLS = {"SB0001": "Невский", "SB0002": "Невский", "SB0017": "Кировский"}


@dataclass(kw_only=True)
class House:
    """An installation with its console and, on SQLite, its commands."""

    application: Application
    app: Flask
    past: list[timedelta]
    """What has gone by on the clock of the console."""

    def command(self, *arguments: object) -> Ended:
        return run(*arguments, home=self.application.settings.home)

    def act(self, change: Callable[..., object], *arguments: Any) -> None:
        """One change of the accounts, by the command line's name."""
        with transaction(self.application.sessions) as session:
            arguments = tuple(
                operators.find(session, one) if one in NAMES else one for one in arguments
            )
            change(session, *arguments, actor="cli:root", now=self.application.clock())

    def add(self, name: str, role: OperatorRole = OperatorRole.CITY, *scope: str) -> None:
        with transaction(self.application.sessions) as session:
            operators.add(
                session, actor="cli:root", username=name, password=PASSWORD, role=role,
                scope=scope, now=self.application.clock(),
            )  # fmt: skip

    def browser(self) -> Browser:
        return Browser(self.app.test_client())

    def signed_in(self, name: str, password: str = PASSWORD) -> Browser:
        browser = self.browser()
        assert browser.post("/console/signin", username=name, password=password).status_code == 302
        return browser

    def audit(self) -> list[tuple[str, str, dict[str, Any]]]:
        with self.application.sessions() as session:
            entries = session.scalars(select(AuditEntry).order_by(AuditEntry.id))
            return [(one.actor.partition(":")[0], one.action, one.details) for one in entries]

    def sessions(self) -> list[OperatorSession]:
        with self.application.sessions() as session:
            return list(session.scalars(select(OperatorSession)))


@pytest.fixture
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    """On SQLite, or on PostgreSQL where a test says so; three schools are in the registry."""
    on_server = getattr(request, "param", "sqlite") == "postgresql"
    url = request.getfixturevalue("fresh_postgres_url") if on_server else ""
    with installation(tmp_path, database_url=url) as application:
        began, past = application.clock(), [timedelta()]
        application.clock = lambda: began + sum(past, timedelta())
        with transaction(application.sessions) as session:
            for code, district in SCHOOLS.items():
                name = f"Школа № {code[-4:].lstrip('0')}"
                session.add(School(code=code, name=name, short_name=name, district=district))
        app = create_app(application, queue=RecordingQueue())
        yield House(application=application, past=past, app=app)


on_both_databases = pytest.mark.parametrize("house", ["sqlite", "postgresql"], indirect=True)


def is_in(browser: Browser | FlaskClient) -> bool:
    return browser.get("/console/").status_code == 200


# Sessions


@on_both_databases
def test_after_the_sign_out_a_copy_of_the_cookie_opens_nothing(house: House) -> None:
    house.add("mira", SCHOOL, "SB0001")
    browser = house.signed_in("mira")
    copied = browser.client.get_cookie("console")
    assert copied is not None
    thief = house.app.test_client()
    thief.set_cookie("console", copied.value)
    assert is_in(thief), "the cookie is all that a session is"
    browser.post("/console/signout")
    thief.set_cookie("console", copied.value)
    assert not is_in(thief)
    assert not is_in(browser)


@on_both_databases
@pytest.mark.parametrize(
    ("change", "arguments"),
    [
        (operators.set_active, ["mira", False]),
        (operators.set_password, ["mira", "another long password"]),
        (operators.set_scope, ["mira", SCHOOL, ["SB0002"]]),
    ],
)
def test_what_changes_an_account_ends_its_sessions_at_the_next_click(
    house: House, change: Callable[..., None], arguments: list[Any]
) -> None:
    house.add("mira", SCHOOL, "SB0001")
    house.add("vera")
    mira, elsewhere, vera = (house.signed_in(name) for name in ("mira", "mira", "vera"))
    house.act(change, *arguments)
    assert not is_in(mira)
    assert not is_in(elsewhere)
    assert is_in(vera)


def test_the_commands_end_sessions_too(house: House) -> None:
    house.add("mira", SCHOOL, "SB0001")
    given = house.application.settings.home / "given"
    for action, *command in (
        ("operator.set_password", "password", "mira", "--password-file", given),
        ("operator.set_scope", "scope", "mira", "--of", "SB0002"),
        ("operator.set_scope", "scope", "mira", "--role", "district", "--of", "Кировский"),
        ("operator.disable", "disable", "mira"),
    ):
        given.write_text(PASSWORD)
        browser = house.signed_in("mira")
        ended = house.command("operators", *command)
        assert ended.code == 0, ended.err
        assert not is_in(browser)
        assert house.audit()[-1][:2] == ("cli", action)


def test_a_closed_account_opens_again_but_not_its_sessions(house: House) -> None:
    house.add("mira")
    browser = house.signed_in("mira")
    house.command("operators", "disable", "mira")
    refused = browser.post("/console/signin", username="mira", password=PASSWORD)
    assert refused.status_code == 401
    house.command("operators", "enable", "mira")
    assert not is_in(browser)
    assert is_in(house.signed_in("mira"))


@pytest.mark.parametrize(
    ("clicks", "stays"),
    [
        ([119], True),
        ([120], False),
        ([100, 100, 100], True),
        ([100] * 7 + [21], False),
        ([7, 119], True),
    ],
)
def test_a_session_ends_when_nobody_clicks_and_after_a_day_of_work(
    house: House, clicks: list[int], stays: bool
) -> None:
    house.add("mira")
    browser = house.signed_in("mira")
    for minutes in clicks:
        house.past.append(timedelta(minutes=minutes))
        last = is_in(browser)
    assert last is stays


def test_only_a_hash_of_the_token_is_stored_and_what_ended_is_cleared_away(house: House) -> None:
    house.add("mira")
    browser = house.signed_in("mira")
    with browser.client.session_transaction() as cookie:
        token = cookie["token"]
    (row,) = house.sessions()
    assert row.token_hash == digest(token)
    assert row.ends_at - row.created_at == timedelta(hours=12)
    house.past.append(timedelta(minutes=119))
    clear_away(house.application)
    assert len(house.sessions()) == 1
    house.past.append(timedelta(minutes=1))
    clear_away(house.application)
    assert house.sessions() == []


def test_each_sign_in_is_a_session_of_its_own(house: House) -> None:
    house.add("mira")
    first, second = house.signed_in("mira"), house.signed_in("mira")
    first.post("/console/signout")
    assert is_in(second)
    listed = house.command("operators", "list", "--json").data
    assert {one["name"]: one["sessions"] for one in listed} == {"mira": 1}


# Failed sign-ins


def test_failed_sign_ins_are_logged_and_audited_without_what_was_typed(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    house.add("mira")
    browser = house.browser()
    with caplog.at_level(logging.WARNING):
        for name in ("mira", "Примерова Анна", "Примерова Анна"):
            browser.post("/console/signin", username=name, password="not the password")
    known, first, again = (entry for entry in house.audit() if entry[1].endswith("refuse_sign_in"))
    with house.application.sessions() as session:
        mira = session.scalars(select(Operator.id).where(Operator.username == "mira")).one()
    assert known == ("console", "operator.refuse_sign_in", {"operator": mira})
    assert first == again
    assert set(first[2]) == {"typed"}
    lines = [vars(record) for record in caplog.records if "sign-in failed" in record.getMessage()]
    assert [line.get("operator") for line in lines] == [mira, None, None]
    assert [line.get("typed") for line in lines] == [None, first[2]["typed"], first[2]["typed"]]
    for text in ("Примерова", "not the password"):
        assert text not in caplog.text + str(house.audit()) + str(lines)


def test_tries_over_the_limit_leave_no_rows(house: House) -> None:
    house.add("mira")
    browser = house.browser()
    for _try in range(15):
        browser.post("/console/signin", username="mira", password="not the password")
    failed = [entry for entry in house.audit() if entry[1] == "operator.refuse_sign_in"]
    assert len(failed) == 10


# Commands


def test_an_operator_gets_a_password_once(house: House) -> None:
    made = house.command("operators", "add", "anna", "--role", "school", "--of", "SB0001")
    (password,) = re.findall(r"Password \(shown once\): (\S+)", made.out)
    assert is_in(house.signed_in("anna", password))
    new = house.command("operators", "password", "anna", "--json").data["password"]
    assert new != password
    assert is_in(house.signed_in("anna", new))
    assert password not in str(house.audit())


@pytest.mark.parametrize("command", ["add", "scope"])
def test_a_scope_that_the_registry_does_not_have_is_refused_with_what_fits(
    house: House, command: str
) -> None:
    if command == "scope":
        house.add("anna", SCHOOL, "SB0002")
    before = house.command("operators", "list", "--json").data
    for role, item, offered in (
        ("school", "sb0001", "SB0001 (Школа № 1)"),
        ("school", "SB0018", "SB0017 (Школа № 17)"),
        ("school", "Школа № 17", "SB0017 (Школа № 17)"),
        ("school", "???", "SB0001 (Школа № 1), SB0002 (Школа № 2), SB0017 (Школа № 17)"),
        ("district", "невский", "Невский"),
        ("district", "Киров", "Кировский, Невский"),
        ("district", "Приморский", "Кировский, Невский"),
    ):
        ended = house.command("operators", command, "anna", "--role", role, "--of", item)
        assert ended.code == 2
        assert f"“{item}”" in ended.err
        assert offered in ended.err
    assert house.command("operators", "list", "--json").data == before


def test_without_a_registry_it_is_said_where_schools_come_from(tmp_path: Path) -> None:
    with installation(tmp_path):
        ended = run("operators", "add", "anna", "--role", "school", "--of", "SB0001", home=tmp_path)
    assert ended.code == 2
    assert "schoolbridge registry import" in ended.err


def test_the_list_says_who_sees_what(house: House) -> None:
    house.add("anna", OperatorRole.DISTRICT, "Невский", "Кировский")
    house.command("operators", "disable", "anna")
    house.add("boris")
    (anna, boris) = house.command("operators", "list", "--json").data
    assert (boris["name"], boris["role"], boris["scope"]) == ("boris", "city", [])
    assert (anna["scope"], anna["active"]) == (["Невский", "Кировский"], False)
    shown = house.command("operators", "list").out
    assert "Невский, Кировский" in shown
    assert "closed" in shown
    assert "hash" not in shown


def test_the_audit_says_what_was_changed_and_by_whom(house: House) -> None:
    house.add("anna", SCHOOL, "SB0001")
    house.command("operators", "scope", "anna", "--role", "city")
    house.signed_in("anna")
    acts = [(actor, action) for actor, action, _details in house.audit()]
    assert acts == [
        ("cli", "operator.add"), ("cli", "operator.set_scope"), ("anna", "operator.sign_in"),
    ]  # fmt: skip
    changed = house.audit()[1][2]
    assert changed["before"] == {"role": "school", "scope": ["SB0001"]}
    assert (changed["role"], changed["scope"]) == ("city", [])


# Passwords


@pytest.mark.parametrize("password", ["a long enough Password", "", "no"])
def test_only_the_own_password_lets_in(house: House, password: str) -> None:
    house.add("mira")
    with house.application.sessions() as session:
        assert authenticate(session, "mira", PASSWORD)
        assert authenticate(session, "mira", password) is None
        assert authenticate(session, "nobody", PASSWORD) is None


def test_a_damaged_hash_lets_nobody_in(house: House) -> None:
    with transaction(house.application.sessions) as session:
        session.add(
            Operator(
                username="mira", password_hash="no hash at all", role=OperatorRole.CITY,
                scope=[], created_at=house.application.clock(),
            )
        )  # fmt: skip
    with house.application.sessions() as session:
        assert authenticate(session, "mira", PASSWORD) is None
