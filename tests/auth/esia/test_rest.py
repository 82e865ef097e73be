"""Persons and their collections: both forms, headers, and nothing without its scope."""

from __future__ import annotations

import re
from typing import Any

import pytest
import requests

from tests.auth.esia.conftest import SCOPES, EsiaStand
from tests.auth.esia.system import System, parts_of
from tests.relying_party import TIMEOUT, Browser


class Reader:
    """One person's token and how it is used."""

    def __init__(self, system: System, browser: Browser, person: str, scope: str) -> None:
        self._system = system
        answer = system.tokens(system.sign_in(browser, person, scope=scope))
        self.token = answer["access_token"]
        self.oid = parts_of(self.token)[1]["urn:esia:sbj_id"]

    def get(self, path: str = "") -> requests.Response:
        return self._system.rest(f"prns/{self.oid}{path}", self.token)

    def json(self, path: str = "") -> dict[str, Any]:
        answer = self.get(path)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found


def reader(
    esia: EsiaStand, browser: Browser, person: str = "confirmed", scope: str = SCOPES
) -> Reader:
    asked = " ".join(one for one in scope.split() if not one.startswith(("org_", "prm_")))
    return Reader(esia.system(), browser, person, asked)


def test_a_person_has_every_granted_field_in_its_form(esia: EsiaStand, browser: Browser) -> None:
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


def test_what_was_not_granted_is_absent(esia: EsiaStand, browser: Browser) -> None:
    body = reader(esia, browser, scope="openid fullname").json()
    hidden = {"birthDate", "gender", "snils", "inn", "citizenship"}
    assert hidden & set(body) == set()
    assert "firstName" not in reader(esia, browser, scope="openid").json()


def test_there_is_no_middle_name_where_there_is_none(esia: EsiaStand, browser: Browser) -> None:
    assert "middleName" not in reader(esia, browser, "no_patronymic").json()


def test_a_person_comes_with_the_recorded_headers(esia: EsiaStand, browser: Browser) -> None:
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
    esia: EsiaStand, browser: Browser, name: str
) -> None:
    read = reader(esia, browser)
    plain = read.json(f"/{name}")
    assert plain["stateFacts"] == ["hasSize"]
    assert plain["size"] == len(plain["elements"]) > 0
    loaded = [
        requests.get(url, headers={"Authorization": f"Bearer {read.token}"}, timeout=TIMEOUT).json()
        for url in plain["elements"]
    ]
    assert loaded == read.json(f"/{name}?embed=(elements)")["elements"]
    assert loaded == read.json(f"/{name}?embed=%28elements%29")["elements"]
    assert loaded == read.json(f"//{name}?embed=(elements)")["elements"]


def test_whole_collections_can_be_embedded_in_the_person(esia: EsiaStand, browser: Browser) -> None:
    read = reader(esia, browser)
    body = read.json("?embed=(contacts.elements-1,documents.elements,addresses.elements)")
    assert body["contacts"]["elements"] == read.json("/ctts?embed=(elements)")["elements"]
    assert [one["type"] for one in body["documents"]["elements"]] == ["RF_PASSPORT"]
    assert "contacts" not in read.json("?embed=()")
    assert read.json("/")["eTag"] == read.json()["eTag"]


def test_email_and_mobile_give_only_that_contact(esia: EsiaStand, browser: Browser) -> None:
    for scope, kind in (("email", "EML"), ("mobile", "MBT")):
        (contact,) = reader(esia, browser, scope=scope).json("/ctts?embed=(elements)")["elements"]
        assert (contact["type"], contact["vrfStu"]) == (kind, "VERIFIED")
        assert contact["stateFacts"] == ["Identifiable"]


def test_a_parents_children_are_joined_to_their_logins_by_snils_alone(
    esia: EsiaStand, browser: Browser
) -> None:
    kids = reader(esia, browser, "parent").json("/kids?embed=(elements)")["elements"]
    assert [kid["firstName"] for kid in kids] == ["Малыш", "Дочь"]
    assert all("oid" not in kid for kid in kids)
    assert kids[0]["documents"]["elements"][0]["type"] == "RF_BRTH_CERT"
    browser.open(f"{esia.url}/idp/ext/Logout")
    assert reader(esia, browser, "child").json()["snils"] == kids[0]["snils"]


def test_child_fields_need_their_own_scopes(esia: EsiaStand, browser: Browser) -> None:
    (kid, _) = reader(esia, browser, "parent", "kid_fullname").json("/kids?embed=(elements)")[
        "elements"
    ]
    assert set(kid) == {"stateFacts", "id", "firstName", "lastName", "middleName", "eTag"}


def test_roles_come_whole_and_organisations_as_addresses(esia: EsiaStand, browser: Browser) -> None:
    read = reader(esia, browser, "two_organisations")
    roles = read.json("/roles")["elements"]
    assert [role["oid"] for role in roles] == [1000000901, 1000000902]
    addresses = read.json("/orgs")["elements"]
    assert addresses == [f"{esia.url}/rs/orgs/{role['oid']}" for role in roles]
    answer = requests.get(
        addresses[0], headers={"Authorization": f"Bearer {read.token}"}, timeout=TIMEOUT
    )
    assert answer.json()["oid"] == 1000000901


def test_a_foreign_citizen_has_a_foreign_document(esia: EsiaStand, browser: Browser) -> None:
    read = reader(esia, browser, "foreigner")
    assert read.json()["citizenship"] == "BLR"
    assert read.json("/docs?embed=(elements)")["elements"][0]["type"] == "FID_DOC"


def test_errors_are_those_of_the_rest_service(esia: EsiaStand, browser: Browser) -> None:
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


def test_the_refresh_token_opens_nothing(esia: EsiaStand, browser: Browser) -> None:
    system = esia.system()
    token = system.tokens(system.sign_in(browser))["refresh_token"]
    assert system.rest("prns/1000000103", token).json()["code"] == "ESIA-005011"
