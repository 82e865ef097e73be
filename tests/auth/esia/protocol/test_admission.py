"""Whom a request admits: roles, organisations, second factors, and accounts of each level."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.auth.esia.conftest import EsiaStandin
from tests.auth.esia.system import came_back, error_in, told_back
from tests.auth.people import PUPIL
from tests.relying_party import Browser

ON_SQLITE = True

FIRST_ORGANISATION = 1000000901
SECOND_ORGANISATION = 1000000902


@pytest.fixture
def enter(esia: EsiaStandin, browser: Browser) -> Callable[..., str]:
    """Enter as somebody; the ЕСИА code of the refusal, empty when let in."""

    def enter(person: str, **changes: str) -> str:
        return error_in(came_back(esia.system().enter(browser, person, **changes)))[1]

    return enter


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"roles": "DIRECTOR"}, "007060"),
        ({"roles": "chief"}, "007060"),
        ({"roles": " "}, "007060"),
        ({"obj_type": "COMPANY"}, "007061"),
        ({"obj_type": "LEGAL PERSON"}, "007061"),
    ],
)
def test_an_unknown_role_or_type_is_refused_by_its_own_code(
    esia: EsiaStandin, changes: dict[str, str], code: str
) -> None:
    back = told_back(esia.system().authorize(**changes))
    assert error_in(back) == ("invalid_request", code)


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
    ],
)
def test_roles_and_types_of_organisations_admit_who_has_them(
    enter: Callable[..., str], person: str, changes: dict[str, str], code: str
) -> None:
    assert enter(person, **changes) == code


@pytest.mark.parametrize(
    ("person", "organisation", "code"),
    [
        ("two_organisations", FIRST_ORGANISATION, ""),
        ("two_organisations", 1000000999, "007194"),
        ("confirmed", FIRST_ORGANISATION, "007194"),
    ],
)
def test_a_scope_about_an_organisation_is_for_those_who_work_there(
    enter: Callable[..., str], person: str, organisation: int, code: str
) -> None:
    scope_org = f"http://esia.gosuslugi.ru/org_inn?org_oid={organisation}"
    assert enter(person, scope_org=scope_org) == code


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
    start_esia: Callable[..., EsiaStandin], browse: Any, person: str, scope: str, code: str
) -> None:
    esia = start_esia(system={"second_factor_scopes": ("snils",)})
    back = came_back(esia.system().enter(browse(esia), person, scope=scope))
    assert error_in(back) == ("access_denied" if code else "", code)


@pytest.fixture
def pupils_browser(esia: EsiaStandin, browser: Browser) -> Browser:
    esia.give_password()
    return browser


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
    esia: EsiaStandin, pupils_browser: Browser, person_filter: str, age: int, code: str
) -> None:
    pupil = esia.people.accounts[PUPIL]
    born = esia.clock().date().replace(year=esia.clock().year - age)
    esia.people.add(replace(pupil, birth_date=born))
    encoded = base64.b64encode(person_filter.encode()).decode()
    page = esia.system().enter_with_password(pupils_browser, person_filter=encoded)
    assert error_in(came_back(page))[1] == code


def test_a_suspended_person_is_not_let_in(esia: EsiaStandin, pupils_browser: Browser) -> None:
    esia.people.add(replace(esia.people.accounts[PUPIL], suspended=True))
    assert esia.system().enter_with_password(pupils_browser).status == 400
    assert [(one.person_id, one.reason) for one in esia.events()] == [(PUPIL, "suspended")]


def test_the_roles_of_our_own_applications_and_phases_do_not_count_here(
    esia: EsiaStandin, pupils_browser: Browser
) -> None:
    esia.people.add(replace(esia.people.accounts[PUPIL], roles=("guardian",)))
    assert "code" in came_back(esia.system().enter_with_password(pupils_browser))


def test_there_is_a_made_up_person_of_each_kind(esia: EsiaStandin) -> None:
    people = {one.key: one for one in esia.standin.people.choices}
    levels = {one.level for one in people.values()}
    assert levels == {"simplified", "standard", "confirmed", "child"}
    assert len(people["parent"].kids) == 2
    assert people["no_patronymic"].middle_name == ""
    assert people["foreigner"].citizenship != "RUS"
    assert people["two_organisations"].organisations == (FIRST_ORGANISATION, SECOND_ORGANISATION)
