"""Accounts of operators and their sessions: the commands and the console on the same database."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from auth.models import digest
from service.db import make_engine
from service.housekeeping import clear_away
from service.models import AuditEntry, Operator, OperatorRole, OperatorSession
from service.operators.sessions import authenticate
from tests.service.command_line import Ended, run
from tests.service.console_factories import Browser, ConsoleUnderTest, make_console
from tests.service.database import on_both_databases
from tests.service.factories import PASSWORD, add_operator, add_school
from tests.service.installation import installation

SCHOOLS = {"SB0001": "Невский", "SB0002": "Невский", "SB0017": "Кировский"}


@dataclass(kw_only=True)
class House:
    """An installation: its console and its commands."""

    console: ConsoleUnderTest
    database_url: str
    past: list[timedelta]
    """What has gone by on the clock of the console."""

    def operators(self, *command: object) -> Ended:
        home = self.console.application.settings.home
        return run("operators", *command, home=home, DATABASE_URL=self.database_url)

    def listed(self) -> Any:
        return self.operators("list", "--json").data

    def add(self, name: str, *schools: str) -> None:
        """An operator of these schools, or of the city."""
        role = OperatorRole.SCHOOL if schools else OperatorRole.CITY
        with self.console.rows() as rows:
            add_operator(rows, name, role, schools)

    def audit(self) -> list[tuple[str, str, dict[str, Any]]]:
        entries = sorted(self.console.all(AuditEntry), key=lambda one: one.id)
        return [(one.actor.partition(":")[0], one.action, one.details) for one in entries]


@pytest.fixture
def house(database_url: str, tmp_path: Path) -> Iterator[House]:
    """Three schools are in the registry."""
    began, past = datetime.now(UTC), [timedelta()]
    console = make_console(tmp_path, engine=make_engine(database_url))
    console.application.clock = lambda: began + sum(past, timedelta())
    with console.rows() as rows:
        for code, district in SCHOOLS.items():
            number = code[-4:].lstrip("0")
            add_school(rows, code, district=district, short_name=f"Школа № {number}")
    yield House(console=console, database_url=database_url, past=past)
    console.application.engine.dispose()


def is_in(browser: Browser | FlaskClient) -> bool:
    return browser.get("/console/").status_code == 200


# Sessions


@on_both_databases
def test_after_the_sign_out_a_copy_of_the_cookie_opens_nothing(house: House) -> None:
    house.add("mira", "SB0001")
    browser = house.console.client("mira")
    copied = browser.client.get_cookie("console")
    assert copied is not None
    thief = house.console.app.test_client()
    thief.set_cookie("console", copied.value)
    assert is_in(thief), "the cookie is all that a session is"
    browser.post("/console/signout")
    thief.set_cookie("console", copied.value)
    assert not is_in(thief)
    assert not is_in(browser)


@on_both_databases
@pytest.mark.parametrize(
    ("action", "command"),
    [
        ("operator.set_password", "password mira --password-file {given}"),
        ("operator.set_scope", "scope mira --of SB0002"),
        ("operator.set_scope", "scope mira --role district --of Кировский"),
        ("operator.disable", "disable mira"),
    ],
)
def test_what_changes_an_account_ends_its_sessions_at_the_next_click(
    house: House, tmp_path: Path, action: str, command: str
) -> None:
    house.add("mira", "SB0001")
    house.add("vera")
    mira, elsewhere, vera = (house.console.client(name) for name in ("mira", "mira", "vera"))
    (tmp_path / "given").write_text("another long password")
    ended = house.operators(*command.format(given=tmp_path / "given").split())
    assert ended.code == 0, ended.err
    assert not is_in(mira)
    assert not is_in(elsewhere)
    assert is_in(vera)
    assert house.audit()[-1][:2] == ("cli", action)


def test_a_closed_account_opens_again_but_not_its_sessions(house: House) -> None:
    house.add("mira")
    browser = house.console.client("mira")
    house.operators("disable", "mira")
    assert browser.post("/console/signin", username="mira", password=PASSWORD).status_code == 401
    house.operators("enable", "mira")
    assert not is_in(browser)
    assert is_in(house.console.client("mira"))


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
    browser = house.console.client("mira")
    for minutes in clicks:
        house.past.append(timedelta(minutes=minutes))
        last = is_in(browser)
    assert last is stays


def test_only_a_hash_of_the_token_is_stored_and_what_ended_is_cleared_away(house: House) -> None:
    house.add("mira")
    with house.console.client("mira").client.session_transaction() as cookie:
        token = cookie["token"]
    (row,) = house.console.all(OperatorSession)
    assert row.token_hash == digest(token)
    assert row.ends_at - row.created_at == timedelta(hours=12)
    for minutes, left in ((119, 1), (1, 0)):
        house.past.append(timedelta(minutes=minutes))
        clear_away(house.console.application)
        assert len(house.console.all(OperatorSession)) == left


def test_each_sign_in_is_a_session_of_its_own(house: House) -> None:
    house.add("mira")
    first, second = house.console.client("mira"), house.console.client("mira")
    first.post("/console/signout")
    assert is_in(second)
    assert {one["name"]: one["sessions"] for one in house.listed()} == {"mira": 1}


# Failed sign-ins


def test_failed_sign_ins_are_logged_and_audited_without_what_was_typed(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    house.add("mira")
    browser = house.console.client()
    with caplog.at_level(logging.WARNING):
        for name in ("mira", "Примерова Анна", "Примерова Анна"):
            browser.post("/console/signin", username=name, password="not the password")
    known, first, again = (entry for entry in house.audit() if entry[1].endswith("refuse_sign_in"))
    (mira,) = (operator.id for operator in house.console.all(Operator))
    assert known == ("console", "operator.refuse_sign_in", {"operator": mira})
    assert first == again
    assert set(first[2]) == {"typed"}
    lines = [vars(record) for record in caplog.records if "sign-in failed" in record.getMessage()]
    assert [line.get("operator") for line in lines] == [mira, None, None]
    assert [line.get("typed") for line in lines] == [None, first[2]["typed"], first[2]["typed"]]
    for text in ("Примерова", "not the password"):
        assert text not in caplog.text + str(house.audit()) + str(lines)


def test_after_many_failures_the_right_password_waits_and_no_rows_are_left(house: House) -> None:
    house.add("mira")
    browser = house.console.client()
    for _try in range(15):
        browser.post("/console/signin", username="mira", password="not the password")
    answer = browser.post("/console/signin", username="mira", password=PASSWORD)
    assert (answer.status_code, is_in(browser)) == (429, False)
    failed = [entry for entry in house.audit() if entry[1] == "operator.refuse_sign_in"]
    assert len(failed) == 10


# Commands


def test_an_operator_gets_a_password_once(house: House) -> None:
    made = house.operators("add", "anna", "--role", "school", "--of", "SB0001")
    (password,) = re.findall(r"Password \(shown once\): (\S+)", made.out)
    assert is_in(house.console.client("anna", password))
    new = house.operators("password", "anna", "--json").data["password"]
    assert new != password
    assert is_in(house.console.client("anna", new))
    assert password not in str(house.audit())


@pytest.mark.parametrize("command", ["add", "scope"])
def test_an_unknown_scope_is_refused_with_what_may_be_meant(house: House, command: str) -> None:
    if command == "scope":
        house.add("anna", "SB0002")
    before = house.listed()
    for role, item, offered in (
        ("school", "sb0001", "SB0001 (Школа № 1)"),
        ("school", "SB0018", "SB0017 (Школа № 17)"),
        ("school", "Школа № 17", "SB0017 (Школа № 17)"),
        ("school", "???", "SB0001 (Школа № 1), SB0002 (Школа № 2), SB0017 (Школа № 17)"),
        ("district", "невский", "Невский"),
        ("district", "Киров", "Кировский, Невский"),
        ("district", "Приморский", "Кировский, Невский"),
    ):
        ended = house.operators(command, "anna", "--role", role, "--of", item)
        assert ended.code == 2
        assert f"“{item}”" in ended.err
        assert offered in ended.err
    assert house.listed() == before


def test_without_a_registry_it_is_said_where_schools_come_from(tmp_path: Path) -> None:
    with installation(tmp_path):
        ended = run("operators", "add", "anna", "--role", "school", "--of", "SB0001", home=tmp_path)
    assert ended.code == 2
    assert "schoolbridge registry import" in ended.err


def test_the_list_says_who_sees_what(house: House) -> None:
    districts = ("--of", "Невский", "--of", "Кировский")
    assert house.operators("add", "anna", "--role", "district", *districts).code == 0
    house.operators("disable", "anna")
    house.add("boris")
    (anna, boris) = house.listed()
    assert (boris["name"], boris["role"], boris["scope"]) == ("boris", "city", [])
    assert (anna["scope"], anna["active"]) == (["Невский", "Кировский"], False)
    shown = house.operators("list").out
    assert "Невский, Кировский" in shown
    assert "closed" in shown
    assert "hash" not in shown


def test_the_audit_says_what_was_changed_and_by_whom(house: House, tmp_path: Path) -> None:
    (tmp_path / "given").write_text(PASSWORD)
    password = ("--password-file", tmp_path / "given")
    house.operators("add", "anna", "--role", "school", "--of", "SB0001", *password)
    house.operators("scope", "anna", "--role", "city")
    house.console.client("anna")
    acts = [(actor, action) for actor, action, _details in house.audit()]
    assert acts == [
        ("cli", "operator.add"), ("cli", "operator.set_scope"), ("anna", "operator.sign_in"),
    ]  # fmt: skip
    changed = house.audit()[1][2]
    assert changed["before"] == {"role": "school", "scope": ["SB0001"]}
    assert (changed["role"], changed["scope"]) == ("city", [])


# Passwords


@pytest.mark.parametrize("password", [PASSWORD.title(), "", "no"])
def test_only_the_own_password_lets_in(house: House, password: str) -> None:
    house.add("mira")
    with house.console.rows() as session:
        assert authenticate(session, "mira", PASSWORD)
        assert authenticate(session, "mira", password) is None
        assert authenticate(session, "nobody", PASSWORD) is None


def test_a_damaged_hash_lets_nobody_in(house: House) -> None:
    with house.console.rows() as session:
        add_operator(session, "mira", password_hash="no hash at all")
        assert authenticate(session, "mira", PASSWORD) is None
