"""Clients in the console: registered, changed, given secrets, disabled; by the city alone."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from auth.clients.client import Client, hash_secret
from auth.clients.problems import FieldProblem, Flaw
from auth.clients.registered import OWN_COLUMNS, ClientRow
from auth.models import Grant
from auth.settings import AuthSettings
from service.signin.clients import client_fields
from service.words.registrations import field_words, flaw_words
from tests.service.console_factories import (
    NOW,
    Browser,
    ConsoleUnderTest,
    add_operators,
    make_console,
)
from tests.service.factories import add
from tests.waiting import until

ADDRESS = "https://diary.example.org/back"
MOODLE = Client(
    client_id="moodle",
    client_secret="secret of the file",
    redirect_uris=("https://moodle.example.org/admin/oauth2callback.php",),
)


@pytest.fixture
def console(tmp_path: Path) -> ConsoleUnderTest:
    return console_at(tmp_path)


@pytest.fixture(scope="module")
def kept_console(tmp_path_factory: pytest.TempPathFactory) -> ConsoleUnderTest:
    """For tests that leave nothing behind."""
    return console_at(tmp_path_factory.mktemp("console"))


def console_at(tmp_path: Path) -> ConsoleUnderTest:
    console = make_console(tmp_path, auth=AuthSettings(clients=(MOODLE,)))
    with console.rows() as rows:
        add_operators(rows)
    return console


def form(**changes: Any) -> dict[str, Any]:
    values = {
        "client_id": "diary",
        "name": "Дневник",
        "redirect_uris": ADDRESS,
        "scopes": ["openid", "profile"],
        "token_endpoint_auth_methods": ["client_secret_basic"],
        "id_token_algorithm": "RS256",
        "session_seconds": "0",
    }
    return {name: value for name, value in (values | changes).items() if value is not None}


def shown_secret(page: str) -> str:
    found = re.search(r'class="once"[^>]*><code>([^<]+)</code>', page)
    assert found, "no secret on the page"
    return found[1]


def row(console: ConsoleUnderTest, client_id: str = "diary") -> ClientRow:
    with console.rows() as rows:
        return rows.get_one(ClientRow, client_id)


def test_a_registered_client_has_a_secret_that_is_shown_once_and_kept_as_a_hash(
    console: ConsoleUnderTest, city: Browser
) -> None:
    page = city.post("/console/clients/new", **form())
    assert page.status_code == 200
    secret = shown_secret(page.text)
    assert row(console).secret_hash == hash_secret(secret)
    assert secret not in city.get("/console/clients/diary").text
    (entry,) = console.audit()
    assert (entry.actor, entry.action) == ("city", "client.add")
    assert entry.details == {"client_id": "diary", "public": False}
    for path in console.application.settings.home.rglob("*"):
        assert path.is_dir() or secret.encode() not in path.read_bytes()


def test_the_provider_of_the_same_application_knows_it_soon(
    console: ConsoleUnderTest, city: Browser
) -> None:
    provider = console.app.extensions["auth"]
    assert list(provider.context.clients) == ["moodle"]
    city.post("/console/clients/new", **form())
    until(lambda: "diary" in provider.context.clients)
    assert provider.context.clients["diary"].name == "Дневник"


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"client_id": ""}, "Заполните это поле"),
        ({"client_id": "мой клиент"}, "Только латинские буквы"),
        ({"client_id": "moodle"}, "Это имя уже есть в файле настроек"),
        ({"client_id": "esia:X"}, "Только латинские буквы"),
        ({"redirect_uris": ""}, "Заполните это поле"),
        ({"redirect_uris": "diary.example.org"}, "diary.example.org — не полный адрес"),
        ({"redirect_uris": "https://a.example;x/back"}, "в имени хоста допустимы только"),
        ({"redirect_uris": "https://*/back"}, "в имени хоста допустимы только"),
        ({"redirect_uris": "javascript:alert(1)"}, "выполнился бы в браузере"),
        ({"redirect_uris": f"{ADDRESS}#x"}, "не полный адрес"),
        ({"backchannel_logout_uri": "ftp://a.example/x"}, "должен начинаться с https://"),
        ({"session_seconds": "десять"}, "Нужно целое число"),
        ({"session_seconds": "-1"}, "не может быть отрицательным"),
        ({"scopes": ["profile"]}, "должен быть openid"),
        ({"scopes": ["openid", "everything"]}, "Здесь нет такого значения: everything"),
        ({"token_endpoint_auth_methods": []}, "Заполните это поле"),
        ({"id_token_algorithm": "none"}, "Здесь нет такого значения: none"),
    ],
)
def test_what_is_wrong_is_told_at_the_field_and_nothing_is_kept(
    kept_console: ConsoleUnderTest, changes: dict[str, Any], told: str
) -> None:
    console, city = kept_console, kept_console.client("city")
    page = city.post("/console/clients/new", **form(**changes))
    assert page.status_code == 400
    (name,) = changes
    wrong = re.findall(rf'id="{name}-wrong-\d+">([^<]*)<', page.text)
    assert any(told in one for one in wrong), (wrong, page.text)
    assert "Дневник" in page.text
    with console.rows() as rows:
        assert rows.scalars(select(ClientRow)).all() == []
    assert console.audit() == []


def test_a_client_that_an_earlier_version_took_is_shown_and_put_right(
    console: ConsoleUnderTest, city: Browser
) -> None:
    city.post("/console/clients/new", **form())
    with console.rows() as rows:
        row = rows.get_one(ClientRow, "diary")
        row.settings = row.settings | {"redirect_uris": ["https://a.example;x/back"]}
        row.touch(NOW)
    assert "не действует" in city.get("/console/clients").text
    page = city.get("/console/clients/diary").text
    assert "прежняя версия приняла то, что отмечено ниже" in page
    assert "https://a.example;x/back: в имени хоста допустимы только" in page
    assert city.post("/console/clients/diary", **form()).status_code == 302
    assert "не действует" not in city.get("/console/clients/diary").text


def test_a_taken_name_is_refused(city: Browser) -> None:
    city.post("/console/clients/new", **form())
    page = city.post("/console/clients/new", **form())
    assert page.status_code == 400
    assert "Это имя занято" in page.text


def test_a_client_is_changed_field_by_field(console: ConsoleUnderTest, city: Browser) -> None:
    city.post("/console/clients/new", **form())
    before = row(console).secret_hash
    changes = form(
        ask_each_time="yes", session_seconds="600", roles=["teacher"], name="Электронный дневник"
    )
    assert city.post("/console/clients/diary", **changes).status_code == 302
    client = row(console).client(NOW)
    assert (client.ask_each_time, client.session_seconds) == (True, 600)
    assert (client.roles, client.name) == (("teacher",), "Электронный дневник")
    assert client.client_secret_hash == before
    fields = ["ask_each_time", "name", "roles", "session_seconds"]
    assert console.audit()[-1].details == {"client_id": "diary", "fields": fields}
    wrong = city.post("/console/clients/diary", **form(redirect_uris=""))
    assert wrong.status_code == 400
    assert row(console).client(NOW) == client


def test_a_public_client_has_no_secret(console: ConsoleUnderTest, city: Browser) -> None:
    page = city.post("/console/clients/new", **form(public="yes"))
    assert 'class="once"' not in page.text
    assert row(console).client(NOW).is_public
    assert city.post("/console/clients/diary/secret", overlap="0").status_code == 404


@pytest.mark.parametrize(("hours", "both"), [("24", True), ("0", False), ("99", False)])
def test_a_new_secret_leaves_the_one_before_in_force_as_long_as_chosen(
    console: ConsoleUnderTest, city: Browser, hours: str, both: bool
) -> None:
    first = shown_secret(city.post("/console/clients/new", **form()).text)
    second = shown_secret(city.post("/console/clients/diary/secret", overlap=hours).text)
    client = row(console).client(NOW)
    assert client.check_client_secret(second)
    assert client.check_client_secret(first) is both
    assert ("Прежний секрет действует до" in city.get("/console/clients/diary").text) is both
    with console.rows() as rows:
        rows.get_one(ClientRow, "diary").previous_secret_until = NOW
    assert "Прежний секрет действует до" not in city.get("/console/clients/diary").text
    details = json.dumps([one.details for one in console.audit()])
    assert second not in details
    assert hash_secret(second) not in details


def test_a_disabled_client_loses_its_tokens_and_is_enabled_again(
    console: ConsoleUnderTest, city: Browser
) -> None:
    city.post("/console/clients/new", **form())
    with console.rows() as rows:
        add(rows, Grant, grant_id="g", client_id="diary", sid="s")
    assert city.post("/console/clients/diary/disable").status_code == 302
    with console.rows() as rows:
        assert rows.scalars(select(Grant)).all() == []
    assert row(console).disabled_at == NOW
    assert "отключено" in city.get("/console/clients").text
    city.post("/console/clients/diary/enable")
    assert row(console).disabled_at is None
    acts = [one.action for one in console.audit()]
    assert acts == ["client.add", "client.disable", "client.enable"]


def test_clients_of_the_settings_file_are_shown_and_stay_as_they_are(
    console: ConsoleUnderTest, city: Browser
) -> None:
    page = city.get("/console/clients/moodle").text
    assert "Задан в файле настроек" in page
    assert "secret of the file" not in page
    assert "в файле настроек" in city.get("/console/clients").text
    for act in ("", "/secret", "/disable", "/enable"):
        answer = city.post(f"/console/clients/moodle{act}", **form(), overlap="0")
        assert answer.status_code == 404, act
    with console.rows() as rows:
        assert rows.scalars(select(ClientRow)).all() == []


@pytest.mark.parametrize("operator", ["school", "district"])
def test_other_operators_find_none_of_these_pages(
    console: ConsoleUnderTest, city: Browser, operator: str
) -> None:
    city.post("/console/clients/new", **form())
    before = row(console).version
    browser = console.client(operator)
    assert "/console/clients" not in browser.get("/console/").text
    asked = 0
    for rule in console.app.url_map.iter_rules():
        if not rule.endpoint.startswith("console.clients."):
            continue
        for client_id in ("diary", "moodle", "nobody"):
            address = rule.rule.replace("<client_id>", client_id)
            for method in {"GET", "POST"} & (rule.methods or set()):
                send = browser.get if method == "GET" else browser.post
                assert send(address, **form()).status_code == 404, (method, address)
                asked += 1
    assert asked >= 24
    assert row(console).version == before


def test_every_field_has_words_in_the_operators_language() -> None:
    for field in client_fields():
        label, why = field_words(field.name)
        assert label != field.name, field.name
        assert why
    offered = {field.name for field in client_fields()}
    assert offered | OWN_COLUMNS == {field.name for field in dataclasses.fields(Client)}


def test_every_flaw_has_words() -> None:
    for flaw in Flaw:
        assert flaw_words(FieldProblem(field="x", flaw=flaw, text="", value="v")) != ""
