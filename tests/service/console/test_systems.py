"""Systems of the ЕСИА stand-in in the console: certificates, faults, log, recorder, key."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from auth.esia.models import EsiaLogEntry, EsiaRegistration, EsiaSwitches
from auth.esia.protocol.signatures import Flaw
from auth.esia.registration import Change
from auth.esia.workbench.diagnostics import NextStep
from service.words import esia as esia_words
from tests.auth.esia.signing import Signer
from tests.service.console.test_registrations import (
    FORMS,
    make_registrations_console,
    register,
    shown_once,
    upload,
)
from tests.service.console_factories import Browser, ConsoleUnderTest, make_console, shows
from tests.service.factories import NOW

PORTAL = "/console/systems/PORTAL"
ASKED = {
    "client_id": "PORTAL", "scope": "openid", "state": "c2215a0c-4d8c-4a5c-9b62-0123456789ab",
    "timestamp": "2026.10.02 12:30:00 +0000", "redirect_uri": "https://portal.example/x",
    "response_type": "code", "client_secret": "bm90IGEgc2lnbmF0dXJl",
    "client_certificate_hash": "AB",
}  # fmt: skip


@pytest.fixture
def console(tmp_path: Path, stand_keys: Path) -> ConsoleUnderTest:
    return make_registrations_console(tmp_path, stand_keys)


@pytest.fixture
def portal(city: Browser) -> Browser:
    """The browser of the city's operator who has registered PORTAL."""
    register(city, "systems")
    return city


def ask(browser: Browser, **changes: str) -> None:
    """As the system asks ЕСИА, badly signed."""
    Browser(browser.client).get("/aas/oauth2/v2/ac", **ASKED | changes)


@pytest.mark.parametrize("kind", ["rsa", "gost"])
@pytest.mark.parametrize("form_of_file", ["PEM", "DER"])
def test_a_certificate_is_shown_with_our_hash(city: Browser, kind: Any, form_of_file: str) -> None:
    signer = Signer(kind=kind)
    content = signer.pem if form_of_file == "PEM" else signer.certificate.der
    register(city, "systems", certificate=upload(content))
    page = city.get(PORTAL).text
    algorithm = "ГОСТ Р 34.10-2012" if kind == "gost" else "RSA"
    for shown in (signer.certificate.hash, algorithm, "SCHOOL01", "1 янв. 2026"):
        assert shown in page


def test_a_certificate_is_changed_without_a_gap(console: ConsoleUnderTest, city: Browser) -> None:
    first = Signer(age=NOW + timedelta(days=20) - Signer().begin)
    following = Signer(number=2, begin=NOW - timedelta(days=1))
    register(city, "systems", certificate=upload(first.pem))
    address = f"{PORTAL}/certificate"
    same = city.post(address, act="next", next_certificate=upload(first.pem))
    assert "Этот сертификат уже зарегистрирован" in same.text
    city.post(address, act="next", next_certificate=upload(following.pem))
    assert city.post(address, act="next", next_certificate=upload(following.pem)).status_code == 400
    shows(city.get(PORTAL).text, "Перекрытие: действуют оба", "22 окт. 2026")
    city.post(address, act="finish")
    row = console.one(EsiaRegistration, "PORTAL")
    assert (row.certificate, row.next_certificate) == (following.certificate.der, None)
    assert city.post(address, act="finish").status_code == 404


def test_faults_are_chosen_and_count_at_once_for_systems_of_the_file_too(
    console: ConsoleUnderTest, city: Browser
) -> None:
    stand, address = console.app.extensions["esia"], "/console/systems/SCHOOL01"
    assert stand.systems["SCHOOL01"].settings.faults == ("te:slow",)
    chosen = {"faults.te": ["007011", "html"], "faults.rs": ["no such fault", ""]}
    city.post(f"{address}/faults", **chosen)
    assert stand.systems["SCHOOL01"].settings.faults == ("te:007011", "te:html")
    assert "Сбои из файла настроек (te:slow) сейчас не действуют" in city.get(address).text
    city.post(f"{address}/faults", act="file")
    assert stand.systems["SCHOOL01"].settings.faults == ("te:slow",)
    assert [one.details["faults"] for one in console.audit()] == [["te:007011", "te:html"], None]


def test_a_refusal_is_explained_with_what_to_do(portal: Browser) -> None:
    ask(portal)
    ask(portal, timestamp="2026.10.02 09:30:00 +0000")
    page = portal.get(f"{PORTAL}/log").text
    for told in (
        "Часы верны, а часовой пояс нет",
        "10800 секунд",
        "Вычислите client_certificate_hash по зарегистрированному",
        "PORTALopenid2026.10.02 09:30:00 +0000c2215a0c-4d8c-4a5c-9b62-0123456789ab",
    ):
        assert told in page
    assert ASKED["client_secret"] not in page


def test_a_developer_opens_the_log_of_the_own_system_by_a_key_alone(
    console: ConsoleUnderTest, portal: Browser
) -> None:
    ask(portal)
    key = shown_once(portal.post(f"{PORTAL}/key", act="new").text)
    assert key not in repr(console.one(EsiaSwitches, "PORTAL").__dict__)
    developer = console.app.test_client()
    assert "PORTAL" not in developer.get("/esia/diagnostics").text
    assert developer.post("/esia/diagnostics", data={"key": "wrong"}).status_code == 404
    assert developer.post("/esia/diagnostics", data={"key": ""}).status_code == 404
    opened = developer.post("/esia/diagnostics", data={"key": key})
    cookie = opened.headers["Set-Cookie"]
    assert (opened.status_code, "HttpOnly" in cookie, "SameSite=Strict" in cookie) == (
        303, True, True,
    )  # fmt: skip
    shows(developer.get("/esia/diagnostics").text, "Запросы системы PORTAL", "ESIA-007015")
    assert developer.get(f"{PORTAL}/log").status_code == 302
    portal.post(f"{PORTAL}/key", act="revoke")
    assert "PORTAL" not in developer.get("/esia/diagnostics").text


def test_a_recording_is_switched_and_downloaded(console: ConsoleUnderTest, portal: Browser) -> None:
    portal.post(f"{PORTAL}/recording", minutes="15")
    ask(portal)
    portal.post(f"{PORTAL}/recording", act="stop")
    ask(portal)
    answer = portal.get(f"{PORTAL}/recording.json")
    assert answer.headers["Content-Disposition"] == "attachment; filename=esia-PORTAL.json"
    found = answer.get_json()
    assert [one["request"]["address"] for one in found["exchanges"]] == ["/aas/oauth2/v2/ac"]
    assert ASKED["client_secret"] not in answer.text
    assert console.one(EsiaSwitches, "PORTAL").recording_key == ""


def test_a_long_log_is_paged(console: ConsoleUnderTest, portal: Browser) -> None:
    kept = {"at": NOW, "system": "PORTAL", "method": "GET", "status": 200, "code": ""}
    with console.rows() as rows:
        rows.add_all(EsiaLogEntry(address=f"/n{n}", **kept) for n in range(60))
    assert "1–50 из 60" in portal.get(f"{PORTAL}/log").text
    assert "/n9<" in portal.get(f"{PORTAL}/log", page=2).text


def test_a_system_is_changed_off_and_on_again(console: ConsoleUnderTest, portal: Browser) -> None:
    portal.post(PORTAL, **FORMS["systems"] | {"redirect_hosts": "a.example\nb.example"})
    stand = console.app.extensions["esia"]
    assert stand.systems["PORTAL"].settings.redirect_hosts == ("a.example", "b.example")
    portal.post(f"{PORTAL}/disable")
    assert "PORTAL" not in stand.systems
    portal.post(f"{PORTAL}/enable")
    assert "PORTAL" in stand.systems


def test_the_console_says_when_the_stand_in_is_not_served(tmp_path: Path) -> None:
    city = make_console(tmp_path, operators=True).client("city")
    assert "Стенд не отвечает" in city.get("/console/systems").text
    register(city, "systems")
    assert "Стенд не отвечает" in city.get(PORTAL).text


def test_every_word_of_the_stand_in_is_said_in_the_operators_language() -> None:
    for step in NextStep:
        assert not step or esia_words.next_step(step.value) != step.value, step
    for flaw in Flaw:
        assert esia_words.flaw(flaw.value) != flaw.value, flaw
    for state in Change:
        assert esia_words.change(state)
