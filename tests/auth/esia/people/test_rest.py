"""Persons and their collections: both forms, headers, and nothing without its scope."""

from __future__ import annotations

import re

import pytest
import requests

from tests.auth.esia.conftest import EsiaStandin
from tests.auth.esia.reader import reader
from tests.auth.esia.system import System
from tests.relying_party import TIMEOUT, Browser

ON_SQLITE = True


def test_a_person_has_every_granted_field_in_its_form(esia: EsiaStandin, browser: Browser) -> None:
    body = reader(esia, browser).json()
    assert body["stateFacts"] == ["EntityRoot"]
    assert body["status"] == "REGISTERED"
    assert body["trusted"] is True
    assert body["birthDate"] == "21.07.1985"
    assert body["gender"] == "M"
    assert body["snils"] == "000-000-701 03"
    assert body["citizenship"] == "RUS"
    assert isinstance(body["updatedOn"], int)
    assert re.fullmatch("[0-9A-F]{40}", body["eTag"])
    assert "oid" not in body


def test_what_was_not_granted_is_absent(esia: EsiaStandin, browser: Browser) -> None:
    body = reader(esia, browser, scope="openid fullname").json()
    hidden = {"birthDate", "gender", "snils", "inn", "citizenship"}
    assert hidden & set(body) == set()
    assert "firstName" not in reader(esia, browser, scope="openid").json()


def test_self_employment_needs_its_scope(esia: EsiaStandin, browser: Browser) -> None:
    assert reader(esia, browser, "no_patronymic").json()["selfEmployed"] is True
    read = reader(esia, browser, "no_patronymic", scope="openid fullname")
    assert "selfEmployed" not in read.json()


def test_a_contact_under_change_says_so(esia: EsiaStandin, browser: Browser) -> None:
    mail, phone = reader(esia, browser, "standard").load("/ctts")
    assert phone["vrfStu"] == "NOT_VERIFIED"
    assert (phone["vrfValStu"], phone["verifyingValue"], phone["isCfmCodeExpired"]) == (
        "VERIFYING",
        "+7(900)0000112",
        False,
    )
    assert "verifyingValue" not in mail


def test_a_person_has_a_registered_and_a_living_address(
    esia: EsiaStandin, browser: Browser
) -> None:
    registered, living = reader(esia, browser).load("/addrs")
    assert (registered["type"], living["type"]) == ("PRG", "PLV")
    assert living["fiasCode"]


def test_there_is_no_middle_name_where_there_is_none(esia: EsiaStandin, browser: Browser) -> None:
    assert "middleName" not in reader(esia, browser, "no_patronymic").json()


def test_a_person_comes_with_the_recorded_headers(esia: EsiaStandin, browser: Browser) -> None:
    read = reader(esia, browser)
    answer = read.get()
    assert answer.headers["Content-Type"] == (
        f'application/json; schema="{esia.url}/rs/model/prn/Person-3"'
    )
    assert answer.headers["ETag"] == f'"{answer.json()["eTag"]}"'
    assert answer.headers["Location"] == f"{esia.url}/rs/prns/{read.oid}"
    assert "no-store" in answer.headers["Cache-Control"]
    assert (
        f"<{esia.url}/rs/prns/{read.oid}/ctts>;rel=contacts;"
        f'schema="{esia.url}/rs/model/prn/Contacts-1"'
    ) in answer.headers["Link"]


@pytest.mark.parametrize("name", ["ctts", "addrs", "docs", "vhls"])
def test_a_collection_gives_addresses_that_lead_to_its_elements(
    esia: EsiaStandin, browser: Browser, name: str
) -> None:
    read = reader(esia, browser)
    elements = read.load(f"/{name}")
    assert elements
    assert read.json(f"/{name}")["stateFacts"] == ["hasSize"]
    assert elements == read.json(f"/{name}?embed=%28elements%29")["elements"]
    assert elements == read.json(f"//{name}?embed=(elements)")["elements"]


def test_each_collection_is_linked_from_the_person(esia: EsiaStandin, browser: Browser) -> None:
    links = requests.utils.parse_header_links(reader(esia, browser).get().headers["Link"])
    assert [link["rel"] for link in links] == [
        "parent", "permissions", "context", "events", "requests", "sec", "addresses", "roles",
        "contacts", "documents", "vehicles", "kids", "terminals", "organizations",
    ]  # fmt: skip
    schemas = {link["schema"].rpartition("/")[2] for link in links if "schema" in link}
    assert schemas == {
        "Contacts-1", "Documents-1", "Addresses-1", "Kids-1", "Vehicles-1", "Roles-1",
        "Organizations-1",
    }  # fmt: skip


@pytest.mark.parametrize("name", ["prmns", "ctx", "events", "reqs", "sec", "trmnls"])
def test_collections_that_no_scope_opens_are_forbidden(
    esia: EsiaStandin, browser: Browser, name: str
) -> None:
    answer = reader(esia, browser).get(f"/{name}")
    assert (answer.status_code, answer.json()["code"]) == (403, "ESIA-005029")


def test_what_did_not_change_since_is_not_sent_again(esia: EsiaStandin, browser: Browser) -> None:
    read = reader(esia, browser)
    for path in ("", "/ctts", "/roles"):
        tag = read.get(path).headers["ETag"]
        again = read.get(path, **{"If-None-Match": tag})
        assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", tag)
        assert read.get(path, **{"If-None-Match": '"0"'}).status_code == 200


def test_whole_collections_can_be_embedded_in_the_person(
    esia: EsiaStandin, browser: Browser
) -> None:
    read = reader(esia, browser)
    body = read.json("?embed=(contacts.elements-1,documents.elements,addresses.elements)")
    assert body["contacts"]["elements"] == read.json("/ctts?embed=(elements)")["elements"]
    assert [one["type"] for one in body["documents"]["elements"]] == ["RF_PASSPORT"]
    assert "contacts" not in read.json("?embed=()")
    assert read.json("/")["eTag"] == read.json()["eTag"]


def test_email_and_mobile_give_only_that_contact(esia: EsiaStandin, browser: Browser) -> None:
    for scope, kind in (("email", "EML"), ("mobile", "MBT")):
        (contact,) = reader(esia, browser, scope=scope).json("/ctts?embed=(elements)")["elements"]
        assert (contact["type"], contact["vrfStu"]) == (kind, "VERIFIED")
        assert contact["stateFacts"] == ["Identifiable"]


def test_contacts_open_addresses_too(esia: EsiaStandin, browser: Browser) -> None:
    assert reader(esia, browser, scope="openid contacts").load("/addrs")
    assert reader(esia, browser, scope="openid email").get("/addrs").status_code == 403


def test_a_foreign_citizen_has_a_foreign_document(esia: EsiaStandin, browser: Browser) -> None:
    read = reader(esia, browser, "foreigner")
    assert read.json()["citizenship"] == "BLR"
    assert read.json("/docs?embed=(elements)")["elements"][0]["type"] == "FID_DOC"


def test_errors_are_those_of_the_rest_service(esia: EsiaStandin, browser: Browser) -> None:
    read = reader(esia, browser, scope="openid")
    assert (read.get("/ctts").status_code, read.get("/ctts").json()) == (
        403,
        {"code": "ESIA-005029", "message": "SecurityErrorEnum.scopeNotAllowed"},
    )
    assert read.get("/nothing").status_code == 404
    system = esia.system()
    assert system.rest("prns/1000000104", read.token).status_code == 403
    wrong = system.rest(f"prns/{read.oid}", "invented")
    assert (wrong.status_code, wrong.json()["code"]) == (401, "ESIA-005011")
    assert requests.get(f"{esia.url}/rs/prns/{read.oid}", timeout=TIMEOUT).status_code == 401
    esia.clock.forward(3600)
    late = read.get()
    assert (late.status_code, late.json()["code"]) == (401, "ESIA-005013")


def test_the_refresh_token_opens_nothing(system: System, browser: Browser) -> None:
    token = system.tokens(system.sign_in(browser))["refresh_token"]
    assert system.rest("prns/1000000103", token).json()["code"] == "ESIA-005011"
