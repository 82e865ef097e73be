"""The log of requests and the recorder: what is kept names nobody and opens nothing."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import requests

from auth.esia.models import EsiaLogEntry, EsiaRefusal, EsiaSwitches
from auth.esia.people.people import personas
from auth.esia.workbench import recorder
from auth.esia.workbench.masking import Mask
from tests.auth.conftest import OWN_PASSWORD, START
from tests.auth.esia.conftest import OF_PEOPLE, EsiaStandin
from tests.auth.esia.system import OID, System, came_back, parts_of
from tests.auth.people import PUPIL, make_account
from tests.relying_party import TIMEOUT

COLLECTIONS = ("", "/ctts", "/docs", "/addrs", "/kids", "/vhls", "/roles", "/orgs")


@pytest.fixture
def recorded(esia: EsiaStandin) -> EsiaStandin:
    """A stand-in that records SCHOOL01, with a pupil who has an own password."""
    with esia.session_factory.begin() as db:
        switches = EsiaSwitches(mnemonic="SCHOOL01", diagnostics_hash="", recording_key="")
        db.add(switches)
        recorder.begin_recording(switches, db, START, START + timedelta(minutes=15))
    esia.give_password(PUPIL)
    return esia


def exported(esia: EsiaStandin) -> dict[str, Any]:
    with esia.session_factory() as db:
        return json.loads(json.dumps(recorder.export(db, "SCHOOL01")))


Visit = Callable[..., set[str]]


@pytest.fixture
def visit(recorded: EsiaStandin) -> Visit:
    """Sign somebody in, read everything the REST service has; all secrets that went by."""

    def go(**typed: str) -> set[str]:
        browser = recorded.another_browser()
        system = recorded.system(scope=OF_PEOPLE, browser=browser)
        state = str(uuid.uuid4())
        page = browser.submit(system.come(state=state), **typed)
        code = came_back(browser.submit(page, decision="allow"))["code"]
        tokens = system.tokens(code)
        oid = _oid(tokens["access_token"])
        for path in COLLECTIONS:
            for embed in ("", "?embed=(elements)"):
                system.rest(f"prns/{oid}{path}{embed}", tokens["access_token"])
        told = {tokens[name] for name in ("access_token", "id_token", "refresh_token")}
        return told | {code, state, str(oid)}

    return go


def _oid(access_token: str) -> int:
    return parts_of(access_token)[1]["urn:esia:sbj_id"]


def words_about(value: Any) -> set[str]:
    """Every text that says something of a person."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        return {word for one in value for word in words_about(one)}
    return {str(value)} if len(str(value)) > 4 else set()


ABOUT_NOBODY = {"RF_PASSPORT", "FID_DOC", "RF_BRTH_CERT", "BRTH_CERT", "FID_BRTH_CERT"}
"""Kinds of documents, which are words of the protocol."""


def secrets_of(person: str) -> set[str]:
    profile = next(one for one in personas() if one.key == person)
    told: set[str] = {profile.last_name, profile.first_name, profile.middle_name, profile.snils}
    told |= {profile.inn, profile.birth_place, str(profile.oid), profile.shown_birth_date}
    for group in (profile.contacts, profile.documents, profile.addresses, profile.vehicles):
        told |= words_about([dict(one) for one in group])
    told |= set(profile.kids)
    return {one for one in told if len(one) > 3} - ABOUT_NOBODY - {"False", "PLV", "PRG"}


def told_of(secrets: set[str], text: str) -> set[str]:
    """The secrets that stand in ``text``. A short number, such as the code of an office, counts as
    a word only: by chance it is a part of some masked value."""
    return {
        one
        for one in secrets - {""}
        if (
            re.search(rf"(?<!\w){one}(?!\w)", text)
            if one.isdigit() and len(one) < 8
            else one in text
        )
    }


def test_nothing_of_people_and_no_secret_is_stored_or_exported(
    recorded: EsiaStandin, visit: Visit
) -> None:
    account = make_account()
    secrets = visit(username=account.username, password=OWN_PASSWORD)
    secrets |= {account.username, OWN_PASSWORD, account.person_id, f"{account.birth_date:%d.%m.%Y}"}
    secrets |= {account.family_name, account.given_name, account.middle_name}
    for person in ("parent", "confirmed", "two_organisations"):
        secrets |= visit(persona=person) | secrets_of(person)
    # A token is not to be put together again from its parts either.
    tokens = [one for one in secrets if one.count(".") == 2 and len(one) > 200]
    secrets |= {part for one in tokens for part in one.split(".")[1:]}
    assert len(secrets) > 60
    rows = recorded.rows(EsiaLogEntry)
    assert len(rows) > 60
    stored = [(one.exchange, one.address, one.code, one.system, one.method) for one in rows]
    for kept in (stored, exported(recorded)):
        assert told_of(secrets, json.dumps(kept, ensure_ascii=False)) == set()


def test_equal_values_stay_equal_and_others_differ(recorded: EsiaStandin, visit: Visit) -> None:
    visit(persona="parent")
    exchanges = exported(recorded)["exchanges"]
    back = next(one for one in exchanges if "/login/consent" in one["request"]["address"])
    assert back["request"]["parameters"] == {}
    told = back["answer"]["headers"]["Location"]["parameters"]
    asked = next(one for one in exchanges if one["request"]["address"].endswith("/te"))
    assert told["code"] == asked["request"]["parameters"]["code"]
    begun = exchanges[0]["request"]["parameters"]
    assert begun["state"] == told["state"]
    tokens = asked["answer"]["body"]
    oid = tokens["id_token"]["claims"]["sub"]
    assert tokens["access_token"]["claims"]["urn:esia:sbj_id"] == oid
    person = next(one for one in exchanges if one["request"]["address"] == f"/rs/prns/{oid}")
    kids = next(one for one in exchanges if one["request"]["address"] == f"/rs/prns/{oid}/kids")
    assert person["answer"]["body"]["snils"].startswith("000-9")
    assert kids["answer"]["status"] == 200


def shape(value: Any) -> Any:
    """Names and types, all the way down."""
    if isinstance(value, dict):
        return {name: shape(one) for name, one in sorted(value.items())}
    if isinstance(value, list):
        return [shape(one) for one in value]
    return type(value).__name__


def replay(exchange: dict[str, Any], system: System, token: str, code: str, oid: int) -> Any:
    """Send a recorded request again with secrets and an oid of now; the answer."""
    asked = exchange["request"]
    if asked["address"].endswith("/te"):
        kept = {"redirect_uri": asked["parameters"]["redirect_uri"]}
        return system.ask(code=code, **kept).json()
    parts = asked["address"].split("/")
    parts[3] = str(oid)
    query = "&".join(f"{name}={value}" for name, value in asked["parameters"].items())
    return system.rest("/".join(parts[2:]) + (f"?{query}" if query else ""), token).json()


def test_a_recorded_exchange_is_played_again_with_the_same_shape(
    recorded: EsiaStandin, visit: Visit
) -> None:
    visit(persona="confirmed")
    fixture = exported(recorded)
    assert fixture["format"] == recorder.FORMAT
    begun = fixture["exchanges"][0]["request"]["parameters"]
    system = recorded.system(scope=begun["scope"], redirect_uri=begun["redirect_uri"])
    code = system.sign_in()
    mask = Mask(b"another key")
    token, oid, played = "", 0, 0
    for exchange in fixture["exchanges"]:
        if "body" not in exchange["answer"]:
            continue
        answer = replay(exchange, system, token, code, oid)
        if "access_token" in answer:
            token, oid = answer["access_token"], _oid(answer["access_token"])
        assert shape(mask.body(answer)) == shape(exchange["answer"]["body"])
        played += 1
    assert played > 10


def test_every_request_is_logged_with_its_error_and_explanation(esia: EsiaStandin) -> None:
    system = esia.system()
    token = system.signed_in()["access_token"]
    system.rest(f"prns/{OID}/ctts", token)
    system.rest(f"prns/{OID}/Ivanov", token)
    system.ask(code="x", timestamp="2020.01.01 00:00:00 +0000")
    found = [(one.method, one.address, one.status, one.code) for one in esia.rows(EsiaLogEntry)]
    assert found == [
        ("GET", "/aas/oauth2/v2/ac", 302, ""),
        ("POST", "/login/consent", 302, ""),
        ("POST", "/aas/oauth2/v3/te", 200, ""),
        ("GET", "/rs/prns/{id}/ctts", 403, "005029"),
        ("GET", "/rs/prns/{id}/{name}", 404, "005004"),
        ("POST", "/aas/oauth2/v3/te", 400, "007015"),
    ]
    assert {one.system for one in esia.rows(EsiaLogEntry)} == {"SCHOOL01"}
    with esia.session_factory() as db:
        refusal = db.get_one(EsiaRefusal, esia.rows(EsiaLogEntry)[-1].refusal_id)
    assert refusal.explanation["next_step"] == "correct_clock"
    assert all(one.exchange is None for one in esia.rows(EsiaLogEntry))


def test_a_request_counts_for_the_system_whose_token_it_shows(esia: EsiaStandin) -> None:
    system = esia.system()
    for token in (system.signed_in()["access_token"], "no token at all"):
        system.rest(f"prns/{OID}?client_id=GOST01", token)
    assert [one.system for one in esia.rows(EsiaLogEntry)] == ["SCHOOL01"] * 4


def test_a_form_that_is_too_large_is_answered_and_logged(recorded: EsiaStandin) -> None:
    recorded.app.config["MAX_CONTENT_LENGTH"] = 500_000
    answer = requests.post(
        f"{recorded.url}/aas/oauth2/v3/te?client_id=SCHOOL01",
        data={"client_id": "SCHOOL01", "code": "x" * 1_000_000},
        timeout=TIMEOUT,
    )
    assert answer.status_code == 400
    assert [one.status for one in recorded.rows(EsiaLogEntry)] == [400]


def test_recording_ends_by_itself_and_its_key_goes(recorded: EsiaStandin) -> None:
    recorded.system().ask(code="x")
    recorded.clock.forward(15 * 60)
    recorded.system().ask(code="x")
    assert [one.exchange is None for one in recorded.rows(EsiaLogEntry)] == [False, True]
    recorded.clear_away()
    with recorded.session_factory() as db:
        assert db.get_one(EsiaSwitches, "SCHOOL01").recording_key == ""
    assert len(exported(recorded)["exchanges"]) == 1


def test_a_new_recording_replaces_the_last_one(recorded: EsiaStandin) -> None:
    recorded.system().ask(code="x")
    with recorded.session_factory.begin() as db:
        switches = db.get_one(EsiaSwitches, "SCHOOL01")
        recorder.begin_recording(switches, db, START, START + timedelta(days=9))
        assert switches.recording_until == START + recorder.LONGEST_RECORDING
    assert exported(recorded)["exchanges"] == []


def test_the_log_is_forgotten_after_a_while(esia: EsiaStandin) -> None:
    esia.system().ask(code="x")
    esia.clock.forward(recorder.KEPT_FOR.total_seconds())
    esia.clear_away()
    assert (esia.rows(EsiaLogEntry), esia.refusals()) == ([], [])


def test_what_nobody_thought_of_is_left_out() -> None:
    mask = Mask(b"key")
    assert mask.body({"newField": "Иванов", "other": 12345678901}) == {
        "newField": "<text>",
        "other": mask.number(12345678901),
    }
    assert mask.parameters({"Иванов": "Иван", "state": "s", "prompt": "x"}) == {
        "<text>": "<text>",
        "state": mask.secret("state", "s"),
        "prompt": "<text>",
    }
    assert mask.secret("code", "a") != mask.secret("code", "b")
    assert mask.secret("code", "a") != Mask(b"other").secret("code", "a")
