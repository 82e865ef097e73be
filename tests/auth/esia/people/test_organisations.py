"""Organisations in the REST service: by a system's own token and by that of an employee."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import requests

from tests.auth.esia.conftest import EsiaStandin
from tests.auth.esia.reader import Reader, reader
from tests.relying_party import TIMEOUT, Browser

ON_SQLITE = True

SCHOOL = 1000000901
OFFICE = 1000000902
EMPLOYEE = 1000000109
SCOPES = ("openid", "fullname", "usr_org", "org_inn", "org_shortname", "org_emps", "org_grps")


@pytest.fixture
def esia(start_esia: Callable[..., EsiaStandin]) -> EsiaStandin:
    return start_esia(system={"scopes": SCOPES})


def system_token(esia: EsiaStandin, oid: int, *names: str) -> str:
    scope = " ".join(f"http://esia.gosuslugi.ru/{name}?org_oid={oid}" for name in names)
    token: str = (
        esia.system().ask(grant_type="client_credentials", scope=scope).json()["access_token"]
    )
    return token


def test_roles_come_whole_and_organisations_as_addresses(
    esia: EsiaStandin, browser: Browser
) -> None:
    read = reader(esia, browser, "two_organisations", "openid usr_org")
    roles = read.json("/roles")["elements"]
    assert [role["oid"] for role in roles] == [1000000901, 1000000902]
    addresses = read.json("/orgs")["elements"]
    assert addresses == [f"{esia.url}/rs/orgs/{role['oid']}" for role in roles]
    answer = requests.get(
        addresses[0], headers={"Authorization": f"Bearer {read.token}"}, timeout=TIMEOUT
    )
    assert answer.json()["oid"] == 1000000901


def test_chief_and_administrator_are_told_in_the_roles(esia: EsiaStandin, browser: Browser) -> None:
    read = reader(esia, browser, "two_organisations", "openid usr_org")
    roles = {one["oid"]: one for one in read.json("/roles")["elements"]}
    assert [(roles[oid]["chief"], roles[oid]["admin"]) for oid in (SCHOOL, OFFICE)] == [
        (False, False),
        (True, True),
    ]
    assert roles[SCHOOL]["prnOid"] == EMPLOYEE
    assert (roles[SCHOOL]["type"], roles[OFFICE]["type"]) == ("LEGAL", "AGENCY")
    recorded = {
        "oid", "prnOid", "fullName", "shortName", "ogrn", "type", "chief", "admin", "active",
        "phone", "email", "hasRightOfSubstitution", "isLiquidated",
    }  # fmt: skip
    assert recorded <= set(roles[SCHOOL])


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


def test_an_employee_sees_the_own_organisation_by_scope(
    esia: EsiaStandin, browser: Browser
) -> None:
    scope_org = f"org_inn?org_oid={SCHOOL} org_shortname"
    read = Reader(esia.system(), browser, "two_organisations", scope="openid", scope_org=scope_org)
    school = read.system.rest(f"orgs/{SCHOOL}", read.token).json()
    assert (school["inn"], school["shortName"]) == ("0000000901", "Учебная школа № 1")
    office = read.system.rest(f"orgs/{OFFICE}", read.token).json()
    assert "inn" not in office
    assert office["shortName"] == "Учебный отдел"
    assert read.system.rest(f"orgs/{SCHOOL}/emps", read.token).status_code == 403


def test_without_test_people_there_are_no_organisations(
    start_esia: Callable[..., EsiaStandin],
) -> None:
    esia = start_esia(system={"scopes": SCOPES}, test_people=False)
    token = system_token(esia, SCHOOL, "org_emps")
    assert esia.system().rest(f"orgs/{SCHOOL}/emps", token).status_code == 404
