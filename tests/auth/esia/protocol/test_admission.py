"""Whom a request admits: roles, organisations, second factors, and accounts of each level."""

from __future__ import annotations

import base64
from dataclasses import replace

import pytest

from tests.auth.esia.conftest import EsiaStandin, Start
from tests.auth.esia.system import System, came_back, error_in
from tests.auth.people import PUPIL

ON_SQLITE = True

FIRST_ORGANISATION = 1000000901
SECOND_ORGANISATION = 1000000902


def about(organisation: int) -> dict[str, str]:
    return {"scope_org": f"http://esia.gosuslugi.ru/org_inn?org_oid={organisation}"}


def filtered(person_filter: str) -> dict[str, str]:
    return {"person_filter": base64.b64encode(person_filter.encode()).decode()}


@pytest.mark.parametrize(
    ("person", "changes", "code"),
    [
        ("confirmed", {"obj_type": "PRIVATE"}, ""),
        ("confirmed", {"obj_type": "LEGAL"}, "007062"),
        ("confirmed", {"obj_type": "LEGAL PRIVATE"}, ""),
        ("confirmed", {"roles": "EMPLOYEE"}, "007062"),
        ("two_organisations", {"obj_type": "LEGAL"}, ""),
        ("two_organisations", {"obj_type": "BUSINESS"}, "007062"),
        ("two_organisations", {"obj_type": "LEGAL", "roles": "CHIEF"}, "007062"),
        ("two_organisations", {"obj_type": "LEGAL", "roles": "CHIEF EMPLOYEE"}, ""),
        ("two_organisations", {"obj_type": "AGENCY", "roles": "ADMIN"}, ""),
        ("two_organisations", {"roles": "CHIEF"}, ""),
        ("two_organisations", about(FIRST_ORGANISATION), ""),
        ("two_organisations", about(1000000999), "007194"),
        ("confirmed", about(FIRST_ORGANISATION), "007194"),
        ("simplified", filtered("conf_acc"), "007055"),
        ("confirmed", filtered("conf_acc"), ""),
        ("confirmed", filtered("acc_kid"), "007062"),
        ("child", filtered("acc_kid"), ""),
        ("child", filtered("acc_not_kid"), "007062"),
        ("parent", filtered("acc_not_kid"), ""),
    ],
)
def test_a_request_admits_those_whom_it_is_for(
    esia: EsiaStandin, person: str, changes: dict[str, str], code: str
) -> None:
    back = came_back(esia.system().enter(person, **changes))
    assert error_in(back)[1] == code
    assert ("code" in back) is not bool(code)


@pytest.mark.parametrize(
    ("person", "scope", "code"),
    [
        ("confirmed", "openid snils", ""),
        ("standard", "openid snils", "007046"),  # the mobile phone is not confirmed
        ("simplified", "openid snils", "007046"),
        ("simplified", "openid fullname", ""),
    ],
)
def test_a_scope_may_demand_a_second_factor(
    start_esia: Start, person: str, scope: str, code: str
) -> None:
    esia = start_esia(system={"second_factor_scopes": ("snils",)})
    back = came_back(esia.system().enter(person, scope=scope))
    assert error_in(back) == ("access_denied" if code else "", code)


@pytest.fixture
def pupils_system(esia: EsiaStandin) -> System:
    """The pupil has a password to enter it with."""
    esia.give_password(PUPIL)
    return esia.system()


@pytest.mark.parametrize(
    ("person_filter", "age", "code"),
    [
        ("conf_acc", 10, "007055"),
        ("acc_kid", 10, ""),
        ("acc_not_kid", 10, "007062"),
        ("acc_kid", 13, ""),
        ("acc_kid", 14, "007062"),
        ("conf_acc", 15, ""),
        ("acc_kid", 15, "007062"),
        ("acc_not_kid", 15, ""),
    ],
)
def test_person_filter_tells_provisioned_children_from_others_by_age(
    esia: EsiaStandin, pupils_system: System, person_filter: str, age: int, code: str
) -> None:
    pupil = esia.people.accounts[PUPIL]
    born = esia.clock().date().replace(year=esia.clock().year - age)
    esia.people.add(replace(pupil, birth_date=born))
    page = pupils_system.enter_with_password(**filtered(person_filter))
    assert error_in(came_back(page))[1] == code


def test_a_suspended_person_is_not_let_in(esia: EsiaStandin, pupils_system: System) -> None:
    esia.people.add(replace(esia.people.accounts[PUPIL], suspended=True))
    assert pupils_system.enter_with_password().status == 400
    assert [(one.person_id, one.reason) for one in esia.events()] == [(PUPIL, "suspended")]


def test_the_roles_of_our_own_applications_and_phases_do_not_count_here(
    esia: EsiaStandin, pupils_system: System
) -> None:
    esia.people.add(replace(esia.people.accounts[PUPIL], roles=("guardian",)))
    assert "code" in came_back(pupils_system.enter_with_password())


def test_there_is_a_made_up_person_of_each_kind(esia: EsiaStandin) -> None:
    people = {one.key: one for one in esia.standin.people.choices}
    levels = {one.level for one in people.values()}
    assert levels == {"simplified", "standard", "confirmed", "child"}
    assert len(people["parent"].kids) == 2
    assert people["no_patronymic"].middle_name == ""
    assert people["foreigner"].citizenship != "RUS"
    assert people["two_organisations"].organisations == (FIRST_ORGANISATION, SECOND_ORGANISATION)
