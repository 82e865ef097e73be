"""Clients and ЕСИА systems in the console: what both have in common, and what clients have alone.

The city alone registers them.
"""

from __future__ import annotations

import dataclasses
import json
import re
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from werkzeug.datastructures import FileStorage

from auth.clients.client import Client, hash_secret
from auth.clients.problems import FieldProblem, Flaw
from auth.clients.registered import OWN_COLUMNS, ClientRow
from auth.esia.models import EsiaRegistration, EsiaSwitches
from auth.models import Grant
from auth.settings import AuthSettings, EsiaSettings, EsiaSystem
from service.signin.clients import client_fields
from service.signin.esia_systems import system_fields
from service.words.registrations import field_words, flaw_words
from tests.auth.esia.signing import Signer
from tests.service.console_factories import Browser, ConsoleUnderTest, make_console, shows
from tests.service.factories import NOW, add
from tests.waiting import until

TABLES: dict[str, type[Any]] = {"clients": ClientRow, "systems": EsiaRegistration}
NAMES = {"clients": "diary", "systems": "PORTAL"}
"""Of what a test registers."""
OF_FILE = {"clients": "moodle", "systems": "SCHOOL01"}
FORMS: dict[str, dict[str, Any]] = {
    "clients": {
        "client_id": "diary", "name": "Дневник", "redirect_uris": "https://diary.example.org/back",
        "scopes": ["openid", "profile"], "token_endpoint_auth_methods": ["client_secret_basic"],
        "id_token_algorithm": "RS256", "session_seconds": "0",
    },
    "systems": {
        "mnemonic": "PORTAL", "name": "Портал", "redirect_hosts": "portal.example",
        "scopes": ["openid", "fullname"], "token_algorithm": "RS256", "level_claim": "yes",
    },
}  # fmt: skip


def make_registrations_console(folder: Path, stand_keys: Path) -> ConsoleUnderTest:
    """Its settings file has the client moodle and the system SCHOOL01."""
    client = Client(
        client_id="moodle",
        client_secret="secret of the file",
        redirect_uris=("https://moodle.example.org/admin/oauth2callback.php",),
    )
    certificate = folder / "school01.pem"
    certificate.write_text(Signer(kind="gost").pem)
    system = EsiaSystem(
        mnemonic="SCHOOL01", certificate=str(certificate), redirect_hosts=("journal.example",),
        faults=("te:slow",),
    )  # fmt: skip
    return make_console(
        folder, stand_keys=stand_keys, operators=True, auth=AuthSettings(clients=(client,)),
        esia=EsiaSettings(systems=(system,)),
    )  # fmt: skip


def register(city: Browser, kind: str, **changes: Any) -> str:
    """The page after it, which shows the secret of a client."""
    if kind == "systems":
        changes = {"certificate": upload(Signer().pem)} | changes
    answer = city.post(f"/console/{kind}/new", **FORMS[kind] | changes)
    assert answer.status_code == (200 if kind == "clients" else 302), answer.text
    return answer.text


def upload(content: str | bytes) -> FileStorage:
    raw = content.encode() if isinstance(content, str) else content
    return FileStorage(BytesIO(raw), filename="portal.cer")


def shown_once(page: str) -> str:
    """The secret or key on a page."""
    found = re.search(r'class="once"[^>]*><code>([^<]+)</code>', page)
    assert found, "no secret on the page"
    return found[1]


@pytest.fixture
def console(tmp_path: Path, stand_keys: Path) -> ConsoleUnderTest:
    return make_registrations_console(tmp_path, stand_keys)


@pytest.fixture(scope="module")
def kept_console(tmp_path_factory: pytest.TempPathFactory, stand_keys: Path) -> ConsoleUnderTest:
    """For tests that leave nothing behind."""
    return make_registrations_console(tmp_path_factory.mktemp("console"), stand_keys)


# Both


@pytest.mark.parametrize(
    ("kind", "name", "value", "told"),
    [
        ("clients", "client_id", "", "Заполните это поле"),
        ("clients", "client_id", "мой клиент", "Только латинские буквы"),
        ("clients", "client_id", "moodle", "Это имя уже есть в файле настроек"),
        ("clients", "client_id", "esia:X", "Только латинские буквы"),
        ("clients", "redirect_uris", "", "Заполните это поле"),
        ("clients", "redirect_uris", "diary.example.org", "diary.example.org — не полный адрес"),
        ("clients", "redirect_uris", "https://a.example;x/back", "в имени хоста допустимы только"),
        ("clients", "redirect_uris", "https://*/back", "в имени хоста допустимы только"),
        ("clients", "redirect_uris", "javascript:alert(1)", "выполнился бы в браузере"),
        ("clients", "redirect_uris", "https://diary.example.org/back#x", "не полный адрес"),
        ("clients", "backchannel_logout_uri", "ftp://a.example/x", "должен начинаться с https://"),
        ("clients", "session_seconds", "десять", "Нужно целое число"),
        ("clients", "session_seconds", "-1", "не может быть отрицательным"),
        ("clients", "scopes", ["profile"], "должен быть openid"),
        ("clients", "scopes", ["openid", "all"], "Здесь нет такого значения: all"),
        ("clients", "token_endpoint_auth_methods", [], "Заполните это поле"),
        ("clients", "id_token_algorithm", "none", "Здесь нет такого значения: none"),
        ("systems", "mnemonic", "SCHOOL01", "Это имя уже есть в файле настроек"),
        ("systems", "mnemonic", "a b", "Только латинские буквы"),
        ("systems", "redirect_hosts", "a.example;x", "не имя хоста"),
        ("systems", "redirect_hosts", "a.example,b.example", "не имя хоста"),
        ("systems", "redirect_hosts", "https://a.example/", "не имя хоста"),
        ("systems", "token_algorithm", "HS256", "Здесь нет такого значения: HS256"),
        ("systems", "certificate", b"\x30\x03nonsense", "не сертификат"),
        ("systems", "certificate", b"-----BEGIN CERTIFICATE-----\n", "не сертификат"),
    ],
)
def test_what_is_wrong_is_told_at_the_field_and_nothing_is_kept(
    kept_console: ConsoleUnderTest, kind: str, name: str, value: Any, told: str
) -> None:
    given = upload(value) if isinstance(value, bytes) else value
    page = kept_console.client("city").post(f"/console/{kind}/new", **FORMS[kind] | {name: given})
    assert page.status_code == 400
    wrong = re.findall(rf'id="{name}-wrong-\d+">([^<]*)<', page.text)
    assert any(told in one for one in wrong), (wrong, page.text)
    assert FORMS[kind]["name"] in page.text
    assert (kept_console.all(TABLES[kind]), kept_console.audit()) == ([], [])


@pytest.mark.parametrize(
    ("kind", "field", "kept", "told"),
    [
        ("clients", "redirect_uris", "https://a.example;x/back", ": в имени хоста допустимы"),
        ("systems", "redirect_hosts", "a.example;x", " — не имя хоста"),
    ],
)
def test_what_an_earlier_version_took_is_shown_and_put_right(
    console: ConsoleUnderTest, city: Browser, kind: str, field: str, kept: str, told: str
) -> None:
    register(city, kind)
    with console.rows() as rows:
        row = rows.get_one(TABLES[kind], NAMES[kind])
        row.settings = row.settings | {field: [kept]}
        row.touch(NOW)
    address = f"/console/{kind}/{NAMES[kind]}"
    if kind == "systems":
        city.post(f"{address}/faults", **{"faults.te": ["007011"]})
    assert "не действует" in city.get(f"/console/{kind}").text
    page = city.get(address).text
    assert "прежняя версия приняла то, что отмечено ниже" in page
    assert kept + told in page
    assert city.post(address, **FORMS[kind]).status_code == 302
    assert not re.search("не действует|отмечено ниже", city.get(address).text)


@pytest.mark.parametrize(
    ("kind", "said", "act"),
    [("clients", "Задан в файле", "secret"), ("systems", "Задана в файле", "certificate")],
)
def test_those_of_the_settings_file_are_shown_and_stay_as_they_are(
    console: ConsoleUnderTest, city: Browser, kind: str, said: str, act: str
) -> None:
    address = f"/console/{kind}/{OF_FILE[kind]}"
    page = city.get(address).text
    assert f"{said} настроек" in page
    assert "secret of the file" not in page
    assert "в файле настроек" in city.get(f"/console/{kind}").text
    for end in ("", f"/{act}", "/disable", "/enable"):
        assert city.post(f"{address}{end}", **FORMS[kind], overlap="0").status_code == 404, end
    assert console.all(TABLES[kind]) == []


@pytest.mark.parametrize("kind", ["clients", "systems"])
@pytest.mark.parametrize("operator", ["school", "district"])
def test_other_operators_find_none_of_these_pages(
    console: ConsoleUnderTest, city: Browser, operator: str, kind: str
) -> None:
    register(city, kind)
    before = console.one(TABLES[kind], NAMES[kind]).version
    browser = console.client(operator)
    assert f"/console/{kind}" not in browser.get("/console/").text
    asked = 0
    for rule in console.app.url_map.iter_rules():
        if not rule.endpoint.startswith(f"console.{kind}."):
            continue
        for name in (NAMES[kind], OF_FILE[kind], "nobody"):
            address = re.sub("<.+>", name, rule.rule)
            for method in {"GET", "POST"} & (rule.methods or set()):
                send = browser.get if method == "GET" else browser.post
                assert send(address, **FORMS[kind]).status_code == 404, (method, address)
                asked += 1
    assert asked >= {"clients": 24, "systems": 36}[kind]
    assert console.one(TABLES[kind], NAMES[kind]).version == before
    assert console.all(EsiaSwitches) == []


def test_every_field_and_every_flaw_has_words() -> None:
    for field in (*client_fields(), *system_fields()):
        label, why = field_words(field.name)
        assert label != field.name, field.name
        assert why
    offered = {field.name for field in client_fields()}
    assert offered | OWN_COLUMNS == {field.name for field in dataclasses.fields(Client)}
    for flaw in Flaw:
        assert flaw_words(FieldProblem(field="x", flaw=flaw, text="", value="v")) != ""


# Clients


NEW, DIARY = "/console/clients/new", "/console/clients/diary"
FORM = FORMS["clients"]


def client_of(console: ConsoleUnderTest) -> Client:
    return console.one(ClientRow, "diary").client(NOW)


def test_a_registered_client_has_a_secret_that_is_shown_once_and_kept_as_a_hash(
    console: ConsoleUnderTest, city: Browser
) -> None:
    secret = shown_once(register(city, "clients"))
    assert console.one(ClientRow, "diary").secret_hash == hash_secret(secret)
    assert secret not in city.get(DIARY).text
    (entry,) = console.audit()
    assert (entry.actor, entry.action) == ("city", "client.add")
    assert entry.details == {"client_id": "diary", "public": False}
    for path in console.application.settings.home.rglob("*"):
        assert path.is_dir() or secret.encode() not in path.read_bytes()


def test_the_provider_beside_the_console_knows_it(console: ConsoleUnderTest, city: Browser) -> None:
    provider = console.app.extensions["auth"]
    assert list(provider.context.clients) == ["moodle"]
    register(city, "clients")
    until(lambda: "diary" in provider.context.clients)
    assert provider.context.clients["diary"].name == "Дневник"


def test_a_taken_name_is_refused(city: Browser) -> None:
    register(city, "clients")
    shows(city.post(NEW, **FORM), "Это имя занято", status=400)


def test_a_client_is_changed_field_by_field(console: ConsoleUnderTest, city: Browser) -> None:
    register(city, "clients")
    before = client_of(console)
    changes = {"ask_each_time": "yes", "session_seconds": "600", "roles": ["teacher"]}
    assert city.post(DIARY, **FORM | changes | {"name": "Школьный дневник"}).status_code == 302
    client = client_of(console)
    assert client == dataclasses.replace(
        before, ask_each_time=True, session_seconds=600, roles=("teacher",), name="Школьный дневник"
    )
    fields = ["ask_each_time", "name", "roles", "session_seconds"]
    assert console.audit()[-1].details == {"client_id": "diary", "fields": fields}
    assert city.post(DIARY, **FORM | {"redirect_uris": ""}).status_code == 400
    assert client_of(console) == client


def test_a_public_client_has_no_secret(console: ConsoleUnderTest, city: Browser) -> None:
    page = register(city, "clients", public="yes")
    assert 'class="once"' not in page
    assert client_of(console).is_public
    assert city.post(f"{DIARY}/secret", overlap="0").status_code == 404


@pytest.mark.parametrize(("hours", "both"), [("24", True), ("0", False), ("99", False)])
def test_a_new_secret_leaves_the_one_before_in_force_as_long_as_chosen(
    console: ConsoleUnderTest, city: Browser, hours: str, both: bool
) -> None:
    first = shown_once(register(city, "clients"))
    second = shown_once(city.post(f"{DIARY}/secret", overlap=hours).text)
    client = client_of(console)
    assert client.check_client_secret(second)
    assert client.check_client_secret(first) is both
    assert ("Прежний секрет действует до" in city.get(DIARY).text) is both
    with console.rows() as rows:
        rows.get_one(ClientRow, "diary").previous_secret_until = NOW
    assert "Прежний секрет действует до" not in city.get(DIARY).text
    details = json.dumps([one.details for one in console.audit()])
    assert second not in details
    assert hash_secret(second) not in details


def test_a_disabled_client_loses_its_tokens(console: ConsoleUnderTest, city: Browser) -> None:
    register(city, "clients")
    with console.rows() as rows:
        add(rows, Grant, grant_id="g", client_id="diary", sid="s")
    assert city.post(f"{DIARY}/disable").status_code == 302
    assert console.all(Grant) == []
    assert console.one(ClientRow, "diary").disabled_at == NOW
    assert "отключено" in city.get("/console/clients").text
    city.post(f"{DIARY}/enable")
    assert console.one(ClientRow, "diary").disabled_at is None
    acts = [one.action for one in console.audit()]
    assert acts == ["client.add", "client.disable", "client.enable"]
