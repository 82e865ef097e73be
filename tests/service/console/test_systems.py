"""Systems of the ЕСИА stand-in in the console: certificates, faults, log, recorder, key."""

from __future__ import annotations

import re
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from werkzeug.datastructures import FileStorage

from auth.esia.models import EsiaLogEntry, EsiaRegistration, EsiaSwitches
from auth.esia.protocol.signatures import Flaw
from auth.esia.registration import Change
from auth.esia.workbench.diagnostics import NextStep
from auth.settings import EsiaSettings, EsiaSystem
from service.signin.esia_systems import system_fields
from service.words import esia as esia_words
from service.words.registrations import field_words
from tests.auth.esia.signing import Signer
from tests.service.console_factories import (
    NOW,
    Browser,
    ConsoleUnderTest,
    add_operator,
    add_operators,
    make_console,
)

ASKED = {
    "client_id": "PORTAL",
    "scope": "openid",
    "state": "c2215a0c-4d8c-4a5c-9b62-0123456789ab",
    "timestamp": "2026.10.02 12:30:00 +0000",
    "redirect_uri": "https://portal.example/x",
    "response_type": "code",
    "client_secret": "bm90IGEgc2lnbmF0dXJl",
    "client_certificate_hash": "AB",
}


@pytest.fixture
def console(tmp_path: Path, stand_keys: Path) -> ConsoleUnderTest:
    """Its settings file has the system SCHOOL01."""
    return console_at(tmp_path, stand_keys)


def console_at(tmp_path: Path, stand_keys: Path) -> ConsoleUnderTest:
    file = tmp_path / "school01.pem"
    file.write_text(Signer(kind="gost").pem)
    system = EsiaSystem(
        mnemonic="SCHOOL01",
        certificate=str(file),
        redirect_hosts=("journal.example",),
        faults=("te:slow",),
    )
    console = make_console(tmp_path, stand_keys=stand_keys, esia=EsiaSettings(systems=(system,)))
    with console.rows() as rows:
        add_operators(rows)
    return console


@pytest.fixture(scope="module")
def kept_console(tmp_path_factory: pytest.TempPathFactory, stand_keys: Path) -> ConsoleUnderTest:
    """For tests that leave nothing behind."""
    return console_at(tmp_path_factory.mktemp("console"), stand_keys)


def upload(content: str | bytes) -> FileStorage:
    raw = content.encode() if isinstance(content, str) else content
    return FileStorage(BytesIO(raw), filename="portal.cer")


def form(**changes: Any) -> dict[str, Any]:
    values = {
        "mnemonic": "PORTAL",
        "name": "Портал",
        "redirect_hosts": "portal.example",
        "scopes": ["openid", "fullname"],
        "token_algorithm": "RS256",
        "level_claim": "yes",
    }
    return values | changes


def register(city: Browser, certificate: bytes | str = "", **changes: Any) -> None:
    answer = city.post(
        "/console/systems/new",
        **form(**changes),
        certificate=upload(certificate or Signer().pem),
    )
    assert answer.status_code == 302, answer.text


def row(console: ConsoleUnderTest) -> EsiaRegistration:
    with console.rows() as rows:
        return rows.get_one(EsiaRegistration, "PORTAL")


@pytest.mark.parametrize("kind", ["rsa", "gost"])
@pytest.mark.parametrize("form_of_file", ["PEM", "DER"])
def test_an_uploaded_certificate_is_shown_with_our_hash(
    city: Browser, kind: Any, form_of_file: str
) -> None:
    signer = Signer(kind=kind)
    register(city, signer.pem if form_of_file == "PEM" else signer.certificate.der)
    page = city.get("/console/systems/PORTAL").text
    assert signer.certificate.hash in page
    assert ("ГОСТ Р 34.10-2012" if kind == "gost" else "RSA") in page
    assert "SCHOOL01" in page
    assert "1 янв. 2026" in page


@pytest.mark.parametrize(
    ("changes", "field", "told"),
    [
        ({"mnemonic": "SCHOOL01"}, "mnemonic", "Это имя уже есть в файле настроек"),
        ({"mnemonic": "a b"}, "mnemonic", "Только латинские буквы"),
        ({"redirect_hosts": "a.example;x"}, "redirect_hosts", "не имя хоста"),
        ({"redirect_hosts": "a.example,b.example"}, "redirect_hosts", "не имя хоста"),
        ({"redirect_hosts": "https://a.example/"}, "redirect_hosts", "не имя хоста"),
        ({"token_algorithm": "HS256"}, "token_algorithm", "Здесь нет такого значения: HS256"),
        ({"certificate": b"\x30\x03nonsense"}, "certificate", "не сертификат"),
        ({"certificate": b"-----BEGIN CERTIFICATE-----\n"}, "certificate", "не сертификат"),
    ],
)
def test_what_is_wrong_is_told_at_the_field_and_nothing_is_kept(
    kept_console: ConsoleUnderTest, changes: dict[str, Any], field: str, told: str
) -> None:
    console, city = kept_console, kept_console.client("city")
    if "certificate" in changes:
        changes = {"certificate": upload(changes["certificate"])}
    page = city.post("/console/systems/new", **form(**changes))
    assert page.status_code == 400
    wrong = re.findall(rf'id="{field}-wrong-\d+">([^<]*)<', page.text)
    assert any(told in one for one in wrong), wrong
    with console.rows() as rows:
        assert rows.scalars(select(EsiaRegistration)).all() == []


def test_a_system_that_an_earlier_version_took_is_shown_and_put_right(
    console: ConsoleUnderTest, city: Browser
) -> None:
    register(city)
    with console.rows() as rows:
        kept = rows.get_one(EsiaRegistration, "PORTAL")
        kept.settings = kept.settings | {"redirect_hosts": ["a.example;x"]}
        kept.touch(NOW)
    city.post("/console/systems/PORTAL/faults", **{"faults.te": ["007011"]})
    assert "не действует" in city.get("/console/systems").text
    assert "a.example;x — не имя хоста" in city.get("/console/systems/PORTAL").text
    assert city.post("/console/systems/PORTAL", **form()).status_code == 302
    assert "отмечено ниже" not in city.get("/console/systems/PORTAL").text


def test_a_certificate_is_changed_without_a_gap(console: ConsoleUnderTest, city: Browser) -> None:
    first = Signer(age=NOW + timedelta(days=20) - Signer().begin)
    following = Signer(number=2, begin=NOW - timedelta(days=1))
    register(city, first.pem)
    address = "/console/systems/PORTAL/certificate"
    same = city.post(address, act="next", next_certificate=upload(first.pem))
    assert "Этот сертификат уже зарегистрирован" in same.text
    city.post(address, act="next", next_certificate=upload(following.pem))
    assert city.post(address, act="next", next_certificate=upload(following.pem)).status_code == 400
    page = city.get("/console/systems/PORTAL").text
    assert "Перекрытие: действуют оба" in page
    assert "22 окт. 2026" in page
    city.post(address, act="finish")
    assert row(console).certificate == following.certificate.der
    assert row(console).next_certificate is None
    assert city.post(address, act="finish").status_code == 404


def test_faults_are_chosen_and_count_at_once_for_systems_of_the_file_too(
    console: ConsoleUnderTest, city: Browser
) -> None:
    stand = console.app.extensions["esia"]
    assert stand.systems["SCHOOL01"].settings.faults == ("te:slow",)
    chosen = {"faults.te": ["007011", "html"], "faults.rs": ["no such fault", ""]}
    city.post("/console/systems/SCHOOL01/faults", **chosen)
    assert stand.systems["SCHOOL01"].settings.faults == ("te:007011", "te:html")
    page = city.get("/console/systems/SCHOOL01").text
    assert "Сбои из файла настроек (te:slow) сейчас не действуют" in page
    city.post("/console/systems/SCHOOL01/faults", act="file")
    assert stand.systems["SCHOOL01"].settings.faults == ("te:slow",)
    assert [one.details["faults"] for one in console.audit()] == [["te:007011", "te:html"], None]


def test_a_refusal_is_explained_with_what_to_do(city: Browser) -> None:
    register(city)
    browser = Browser(city.client)
    browser.get("/aas/oauth2/v2/ac", **ASKED)
    browser.get("/aas/oauth2/v2/ac", **ASKED | {"timestamp": "2026.10.02 09:30:00 +0000"})
    page = city.get("/console/systems/PORTAL/log").text
    assert "Часы верны, а часовой пояс нет" in page
    assert "10800 секунд" in page
    assert "Вычислите client_certificate_hash по зарегистрированному" in page
    expected = "PORTALopenid2026.10.02 09:30:00 +0000c2215a0c-4d8c-4a5c-9b62-0123456789ab"
    assert expected in page
    assert ASKED["client_secret"] not in page


def test_a_developer_opens_the_log_of_the_own_system_by_a_key_alone(
    console: ConsoleUnderTest, city: Browser
) -> None:
    register(city)
    Browser(city.client).get("/aas/oauth2/v2/ac", **ASKED)
    shown = city.post("/console/systems/PORTAL/key", act="new").text
    key = re.search(r'class="once"[^>]*><code>([^<]+)</code>', shown)
    assert key
    with console.rows() as rows:
        assert key[1] not in repr(rows.get_one(EsiaSwitches, "PORTAL").__dict__)
    developer = console.app.test_client()
    assert "PORTAL" not in developer.get("/esia/diagnostics").text
    assert developer.post("/esia/diagnostics", data={"key": "wrong"}).status_code == 404
    assert developer.post("/esia/diagnostics", data={"key": ""}).status_code == 404
    opened = developer.post("/esia/diagnostics", data={"key": key[1]})
    cookie = opened.headers["Set-Cookie"]
    assert (opened.status_code, "HttpOnly" in cookie, "SameSite=Strict" in cookie) == (
        303, True, True,
    )  # fmt: skip
    page = developer.get("/esia/diagnostics").text
    assert "Запросы системы PORTAL" in page
    assert "ESIA-007015" in page
    assert developer.get("/console/systems/PORTAL/log").status_code == 302
    city.post("/console/systems/PORTAL/key", act="revoke")
    assert "PORTAL" not in developer.get("/esia/diagnostics").text


def test_a_recording_is_switched_and_downloaded(console: ConsoleUnderTest, city: Browser) -> None:
    register(city)
    city.post("/console/systems/PORTAL/recording", minutes="15")
    Browser(city.client).get("/aas/oauth2/v2/ac", **ASKED)
    city.post("/console/systems/PORTAL/recording", act="stop")
    Browser(city.client).get("/aas/oauth2/v2/ac", **ASKED)
    answer = city.get("/console/systems/PORTAL/recording.json")
    assert answer.headers["Content-Disposition"] == "attachment; filename=esia-PORTAL.json"
    found = answer.get_json()
    assert [one["request"]["address"] for one in found["exchanges"]] == ["/aas/oauth2/v2/ac"]
    assert ASKED["client_secret"] not in answer.text
    with console.rows() as rows:
        assert rows.get_one(EsiaSwitches, "PORTAL").recording_key == ""


def test_a_long_log_is_paged(console: ConsoleUnderTest, city: Browser) -> None:
    register(city)
    with console.rows() as rows:
        rows.add_all(
            EsiaLogEntry(
                at=NOW, system="PORTAL", method="GET", address=f"/n{n}", status=200, code=""
            )
            for n in range(60)
        )
    assert "1–50 из 60" in city.get("/console/systems/PORTAL/log").text
    assert "/n9<" in city.get("/console/systems/PORTAL/log", page=2).text


def test_a_system_is_changed_disabled_and_enabled(console: ConsoleUnderTest, city: Browser) -> None:
    register(city)
    city.post("/console/systems/PORTAL", **form(redirect_hosts="a.example\nb.example"))
    stand = console.app.extensions["esia"]
    assert stand.systems["PORTAL"].settings.redirect_hosts == ("a.example", "b.example")
    city.post("/console/systems/PORTAL/disable")
    assert "PORTAL" not in stand.systems
    city.post("/console/systems/PORTAL/enable")
    assert "PORTAL" in stand.systems


def test_systems_of_the_settings_file_are_shown_and_stay_as_they_are(
    console: ConsoleUnderTest, city: Browser
) -> None:
    assert "Задана в файле настроек" in city.get("/console/systems/SCHOOL01").text
    for act in ("", "/certificate", "/disable", "/enable"):
        assert city.post(f"/console/systems/SCHOOL01{act}", **form()).status_code == 404, act
    with console.rows() as rows:
        assert rows.scalars(select(EsiaRegistration)).all() == []


@pytest.mark.parametrize("operator", ["school", "district"])
def test_other_operators_find_none_of_these_pages(
    console: ConsoleUnderTest, city: Browser, operator: str
) -> None:
    register(city)
    before = row(console).version
    browser = console.client(operator)
    asked = 0
    for rule in console.app.url_map.iter_rules():
        if not rule.endpoint.startswith("console.systems."):
            continue
        for mnemonic in ("PORTAL", "SCHOOL01", "NOBODY"):
            address = rule.rule.replace("<mnemonic>", mnemonic)
            for method in {"GET", "POST"} & (rule.methods or set()):
                send = browser.get if method == "GET" else browser.post
                assert send(address, **form()).status_code == 404, (method, address)
                asked += 1
    assert asked >= 36
    assert row(console).version == before
    with console.rows() as rows:
        assert rows.scalars(select(EsiaSwitches)).all() == []


def test_the_console_says_when_the_stand_in_is_not_served(tmp_path: Path) -> None:
    console = make_console(tmp_path)
    with console.rows() as rows:
        add_operator(rows)
    city = console.client("city")
    assert "Стенд не отвечает" in city.get("/console/systems").text
    register(city)
    assert "Стенд не отвечает" in city.get("/console/systems/PORTAL").text


def test_every_word_of_the_stand_in_is_said_in_the_operators_language() -> None:
    for field in system_fields():
        assert field_words(field.name)[0] != field.name, field.name
    for step in NextStep:
        assert not step or esia_words.next_step(step.value) != step.value, step
    for flaw in Flaw:
        assert esia_words.flaw(flaw.value) != flaw.value, flaw
    for state in Change:
        assert esia_words.change(state)
