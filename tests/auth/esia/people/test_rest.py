"""Persons, their collections, children and organisations: both forms, headers, and nothing
without its scope."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
import requests

from tests.auth.esia.conftest import EsiaStandin, Start
from tests.auth.esia.system import System, parts_of
from tests.auth.people import PUPIL, TEACHER
from tests.relying_party import TIMEOUT

ON_SQLITE = True


def test_a_person_has_every_granted_field_in_its_form(esia: EsiaStandin) -> None:
    body = esia.reader().json()
    shown = {
        "stateFacts": ["EntityRoot"], "status": "REGISTERED", "trusted": True,
        "birthDate": "21.07.1985", "gender": "M", "snils": "000-000-701 03", "citizenship": "RUS",
    }  # fmt: skip
    assert body | shown == body
    assert isinstance(body["updatedOn"], int)
    assert re.fullmatch("[0-9A-F]{40}", body["eTag"])
    assert "oid" not in body


def test_what_was_not_granted_is_absent(esia: EsiaStandin) -> None:
    body = esia.reader(scope="openid fullname").json()
    assert {"birthDate", "gender", "snils", "inn", "citizenship"} & set(body) == set()
    assert "firstName" not in esia.reader(scope="openid").json()


def test_self_employment_needs_its_scope(esia: EsiaStandin) -> None:
    assert esia.reader("no_patronymic").json()["selfEmployed"] is True
    assert "selfEmployed" not in esia.reader("no_patronymic", "openid fullname").json()


def test_a_contact_under_change_says_so(esia: EsiaStandin) -> None:
    mail, phone = esia.reader("standard").load("/ctts")
    shown = {
        "vrfStu": "NOT_VERIFIED", "vrfValStu": "VERIFYING", "isCfmCodeExpired": False,
        "verifyingValue": "+7(900)0000112",
    }  # fmt: skip
    assert phone | shown == phone
    assert "verifyingValue" not in mail


def test_a_person_has_a_registered_and_a_living_address(esia: EsiaStandin) -> None:
    registered, living = esia.reader().load("/addrs")
    assert (registered["type"], living["type"]) == ("PRG", "PLV")
    assert living["fiasCode"]


def test_there_is_no_middle_name_where_there_is_none(esia: EsiaStandin) -> None:
    assert "middleName" not in esia.reader("no_patronymic").json()


def test_a_person_comes_with_the_recorded_headers(esia: EsiaStandin) -> None:
    read = esia.reader()
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
    esia: EsiaStandin, name: str
) -> None:
    read = esia.reader()
    elements = read.load(f"/{name}")
    assert elements
    assert read.json(f"/{name}")["stateFacts"] == ["hasSize"]
    assert elements == read.json(f"/{name}?embed=%28elements%29")["elements"]
    assert elements == read.json(f"//{name}?embed=(elements)")["elements"]


def test_each_collection_is_linked_from_the_person(esia: EsiaStandin) -> None:
    links = requests.utils.parse_header_links(esia.reader().get().headers["Link"])
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
def test_collections_that_no_scope_opens_are_forbidden(esia: EsiaStandin, name: str) -> None:
    answer = esia.reader().get(f"/{name}")
    assert (answer.status_code, answer.json()["code"]) == (403, "ESIA-005029")


def test_what_did_not_change_since_is_not_sent_again(esia: EsiaStandin) -> None:
    read = esia.reader()
    for path in ("", "/ctts", "/roles"):
        tag = read.get(path).headers["ETag"]
        again = read.get(path, **{"If-None-Match": tag})
        assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", tag)
        assert read.get(path, **{"If-None-Match": '"0"'}).status_code == 200


def test_whole_collections_can_be_embedded_in_the_person(esia: EsiaStandin) -> None:
    read = esia.reader()
    body = read.json("?embed=(contacts.elements-1,documents.elements,addresses.elements)")
    assert body["contacts"]["elements"] == read.json("/ctts?embed=(elements)")["elements"]
    assert [one["type"] for one in body["documents"]["elements"]] == ["RF_PASSPORT"]
    assert "contacts" not in read.json("?embed=()")
    assert read.json("/")["eTag"] == read.json()["eTag"]


@pytest.mark.parametrize(("scope", "kind"), [("email", "EML"), ("mobile", "MBT")])
def test_email_and_mobile_give_only_that_contact(esia: EsiaStandin, scope: str, kind: str) -> None:
    (contact,) = esia.reader(scope=scope).json("/ctts?embed=(elements)")["elements"]
    shown = {"type": kind, "vrfStu": "VERIFIED", "stateFacts": ["Identifiable"]}
    assert contact | shown == contact


def test_contacts_open_addresses_too(esia: EsiaStandin) -> None:
    assert esia.reader(scope="openid contacts").load("/addrs")
    assert esia.reader(scope="openid email").get("/addrs").status_code == 403


def test_a_foreign_citizen_has_a_foreign_document(esia: EsiaStandin) -> None:
    read = esia.reader("foreigner")
    assert read.json()["citizenship"] == "BLR"
    assert read.json("/docs?embed=(elements)")["elements"][0]["type"] == "FID_DOC"


def test_errors_are_those_of_the_rest_service(esia: EsiaStandin) -> None:
    read = esia.reader(scope="openid")
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


def test_the_refresh_token_opens_nothing(system: System) -> None:
    token = system.signed_in()["refresh_token"]
    assert system.rest("prns/1000000103", token).json()["code"] == "ESIA-005011"


CHILD = "00000070105"
"""СНИЛС of the made-up parent's first child."""


def test_a_parents_children_are_joined_to_their_logins_by_snils_alone(esia: EsiaStandin) -> None:
    kids = esia.reader("parent").json("/kids?embed=(elements)")["elements"]
    assert [kid["firstName"] for kid in kids] == ["Малыш", "Дочь"]
    assert all("oid" not in kid for kid in kids)
    assert kids[0]["documents"]["elements"][0]["type"] == "RF_BRTH_CERT"
    esia.browser.open(f"{esia.url}/idp/ext/Logout")
    child = esia.reader("child")
    assert child.json()["snils"] == kids[0]["snils"]
    assert child.json()["kidAccCreatedByParent"] is True
    assert child.load("/ctts") == []


def test_child_fields_and_documents_need_their_own_scopes(esia: EsiaStandin) -> None:
    read = esia.reader("parent", "kid_fullname")
    (kid, _) = read.load("/kids")
    assert set(kid) == {"stateFacts", "id", "firstName", "lastName", "middleName", "eTag"}
    answer = read.get(f"/kids/{kid['id']}/docs")
    assert (answer.status_code, answer.json()["code"]) == (403, "ESIA-005029")


def test_a_childs_documents_are_a_collection_of_their_own(esia: EsiaStandin) -> None:
    read = esia.reader("parent")
    kids = read.load("/kids")
    types = [["RF_BRTH_CERT", "MDCL_PLCY"], ["RF_BRTH_CERT"]]
    ids = []
    for kid, expected in zip(kids, types, strict=True):
        documents = read.load(f"/kids/{kid['id']}/docs")
        assert documents == kid["documents"]["elements"]
        assert [one["type"] for one in documents] == expected
        assert documents[0]["vrfStu"] == "VERIFIED"
        ids += [one["id"] for one in documents]
    assert len(set(ids)) == 3
    assert read.get(f"/kids/{kids[0]['id']}/docs/{ids[2]}").status_code == 404
    assert read.get("/kids/1/docs").status_code == 404


def test_children_can_be_embedded_in_the_parent(esia: EsiaStandin) -> None:
    read = esia.reader("parent")
    assert read.json("?embed=(kids.elements)")["kids"]["elements"] == read.load("/kids")
    narrow = esia.reader("parent", "openid fullname")
    assert "kids" not in narrow.json("?embed=(kids.elements)")


def test_a_provisioned_pupil_with_the_childs_snils_is_the_child(esia: EsiaStandin) -> None:
    esia.people.add(replace(esia.people.accounts[PUPIL], snils=CHILD))
    kid = esia.reader("parent").load("/kids")[0]
    shown = {name: kid[name] for name in ("firstName", "lastName", "snils", "birthDate")}
    assert shown == {
        "firstName": "Ученик", "lastName": "Проверочный", "snils": "000-000-701 05",
        "birthDate": "05.03.2014",
    }  # fmt: skip
    assert "gender" not in kid
    assert kid["documents"]["elements"] == []


@pytest.mark.parametrize("reason", ["suspended", "mistyped twice"])
def test_a_pupil_who_is_not_surely_the_child_is_not_shown(esia: EsiaStandin, reason: str) -> None:
    pupil = replace(esia.people.accounts[PUPIL], snils=CHILD, suspended=reason == "suspended")
    esia.people.add(pupil)
    if reason == "mistyped twice":
        esia.people.add(replace(esia.people.accounts[TEACHER], snils=CHILD))
    assert esia.reader("parent").load("/kids")[0]["firstName"] == "Малыш"


@pytest.mark.parametrize(
    ("snils", "shown"), [("11223344595", "112-233-445 95"), ("", None), ("112", None)]
)
def test_a_provisioned_person_has_the_snils_of_the_school_record(
    esia: EsiaStandin, snils: str, shown: str | None
) -> None:
    esia.people.add(replace(esia.people.accounts[PUPIL], snils=snils))
    esia.give_password(PUPIL)
    system = esia.system(scope="openid fullname birthdate snils id_doc")
    tokens = system.pupil_signed_in()
    assert parts_of(tokens["id_token"])[1]["urn:esia:sbj"]["urn:esia:sbj:lvl"] == "KD"
    person = system.person(tokens)
    assert (person["birthDate"], person.get("snils")) == ("05.03.2014", shown)
    assert "citizenship" not in person  # the school record does not tell it


SCHOOL = 1000000901
OFFICE = 1000000902
EMPLOYEE = 1000000109


def system_token(esia: EsiaStandin, oid: int, *names: str) -> str:
    scope = " ".join(f"http://esia.gosuslugi.ru/{name}?org_oid={oid}" for name in names)
    answer = esia.system().ask(grant_type="client_credentials", scope=scope).json()
    return answer["access_token"]


def test_roles_come_whole_with_chief_and_administrator_and_organisations_as_addresses(
    esia: EsiaStandin,
) -> None:
    read = esia.reader("two_organisations", "openid usr_org")
    roles = read.json("/roles")["elements"]
    assert [(role["oid"], role["type"], role["chief"], role["admin"]) for role in roles] == [
        (SCHOOL, "LEGAL", False, False),
        (OFFICE, "AGENCY", True, True),
    ]
    assert roles[0]["prnOid"] == EMPLOYEE
    recorded = {
        "oid", "prnOid", "fullName", "shortName", "ogrn", "type", "chief", "admin", "active",
        "phone", "email", "hasRightOfSubstitution", "isLiquidated",
    }  # fmt: skip
    assert recorded <= set(roles[0])
    addresses = read.json("/orgs")["elements"]
    assert addresses == [f"{esia.url}/rs/orgs/{role['oid']}" for role in roles]
    assert read.system.open(addresses[0], read.token).json()["oid"] == SCHOOL


def test_employees_come_as_addresses_or_whole(esia: EsiaStandin) -> None:
    system = esia.system()
    token = system_token(esia, OFFICE, "org_emps")
    plain = system.rest(f"orgs/{OFFICE}/emps", token)
    assert plain.json()["elements"] == [f"{esia.url}/rs/orgs/{OFFICE}/emps/{EMPLOYEE}"]
    assert plain.headers["ETag"] == f'"{plain.json()["eTag"]}"'
    (loaded,) = [system.open(url, token).json() for url in plain.json()["elements"]]
    (whole,) = system.rest(f"orgs/{OFFICE}/emps?embed=(elements)", token).json()["elements"]
    assert loaded == whole
    assert (whole["prnOid"], whole["chief"]) == (EMPLOYEE, True)


def test_groups_tell_who_administers_the_organisation(esia: EsiaStandin) -> None:
    system = esia.system()
    for oid, groups in ((OFFICE, ["ORG_ADMIN"]), (SCHOOL, [])):
        token = system_token(esia, oid, "org_grps")
        found = system.rest(f"orgs/{oid}/emps/{EMPLOYEE}/grps", token).json()
        assert [one["grp_id"] for one in found["elements"]] == groups
        assert found["size"] == len(groups)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (f"{SCHOOL}/emps", 403),
        (f"{OFFICE}/emps/1", 404),
        (f"{OFFICE}/emps/{EMPLOYEE}/grps", 403),
        ("1/emps", 403),
    ],
)
def test_a_token_opens_what_its_scopes_name_and_no_more(
    esia: EsiaStandin, path: str, status: int
) -> None:
    token = system_token(esia, OFFICE, "org_emps")
    assert esia.system().rest(f"orgs/{path}", token).status_code == status


def test_an_employee_sees_the_own_organisation_by_scope(esia: EsiaStandin) -> None:
    scope_org = f"org_inn?org_oid={SCHOOL} org_shortname"
    read = esia.reader("two_organisations", "openid", scope_org=scope_org)
    school = read.system.rest(f"orgs/{SCHOOL}", read.token).json()
    assert (school["inn"], school["shortName"]) == ("0000000901", "Учебная школа № 1")
    office = read.system.rest(f"orgs/{OFFICE}", read.token).json()
    assert "inn" not in office
    assert office["shortName"] == "Учебный отдел"
    assert read.system.rest(f"orgs/{SCHOOL}/emps", read.token).status_code == 403


def test_without_test_people_there_are_no_organisations(start_esia: Start) -> None:
    esia = start_esia(test_people=False)
    token = system_token(esia, SCHOOL, "org_emps")
    assert esia.system().rest(f"orgs/{SCHOOL}/emps", token).status_code == 404
