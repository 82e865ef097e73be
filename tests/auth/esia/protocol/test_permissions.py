"""Consents of the Digital profile: read strictly, shown to the person, carried by the token."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from auth.settings import EsiaConsentType
from tests.auth.esia.conftest import EsiaStandin, Start
from tests.auth.esia.system import OID, System, came_back, error_in, parts_of, told_back

ON_SQLITE = True

TYPES = (
    EsiaConsentType(
        sysname="PORTFOLIO",
        name="Школьное портфолио",
        scopes=("fullname", "birthdate", "snils"),
        mandatory_scopes=("fullname",),
        actions=("ALL_ACTIONS_TO_DATA",),
        purposes=("DIARY", "STATISTICS"),
        single_purpose=True,
        max_expire_minutes=60,
    ),
    EsiaConsentType(sysname="NOTICE", actions=("SEND",), purposes=("DIARY",)),
)


@pytest.fixture
def esia(start_esia: Start) -> EsiaStandin:
    return start_esia(consent_types=TYPES)


@pytest.fixture
def system(esia: EsiaStandin) -> System:
    return esia.system(scope="openid")


def permission(**changes: Any) -> dict[str, Any]:
    """A permission in order; lists of names become what ЕСИА wants."""
    values: dict[str, Any] = {
        "sysname": "PORTFOLIO",
        "expire": 30,
        "actions": ["ALL_ACTIONS_TO_DATA"],
        "purposes": ["DIARY"],
        "scopes": ["fullname", "birthdate"],
    } | changes
    named = {"actions", "purposes", "scopes"}
    return {
        key: [{"sysname": one} for one in value] if key in named else value
        for key, value in values.items()
        if value is not None
    }


def encoded(*permissions: Any) -> str:
    raw = json.dumps(list(permissions)).encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def error_of(system: System, permissions: str) -> tuple[str, str]:
    return error_in(told_back(system.authorize(permissions=permissions)))


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"sysname": None}, "036700"),
        ({"sysname": "OTHER"}, "036701"),
        ({"sysname": 7}, "036701"),
        ({"scopes": ["birthdate"]}, "036702"),
        ({"scopes": None}, "036702"),
        ({"scopes": ["fullname", "inn"]}, "036703"),
        ({"sysname": "NOTICE", "actions": ["SEND"]}, "036704"),
        ({"actions": []}, "036705"),
        ({"actions": ["SELL"]}, "036706"),
        ({"purposes": None}, "036707"),
        ({"purposes": ["CREDIT"]}, "036726"),
        ({"purposes": ["DIARY", "STATISTICS"]}, "036727"),
        ({"expire": None}, "036716"),
        ({"expire": 0}, "036716"),
        ({"expire": 61}, "036716"),
        ({"expire": "30"}, "036716"),
        ({"expire": True}, "036716"),
    ],
)
def test_each_mistake_in_a_consent_has_its_own_code(
    esia: EsiaStandin, system: System, changes: dict[str, Any], code: str
) -> None:
    assert error_of(system, encoded(permission(**changes))) == ("invalid_request", code)
    (refusal,) = esia.refusals()
    assert refusal.explanation["next_step"] == "correct_consent"


@pytest.mark.parametrize(
    "permissions",
    [
        "%%%",
        "AAAA",
        encoded(),
        encoded("PORTFOLIO"),
        encoded({"sysname": "PORTFOLIO", "scopes": "fullname"}),
        encoded({"sysname": "PORTFOLIO", "scopes": ["fullname"]}),
        base64.urlsafe_b64encode(b'{"sysname": "PORTFOLIO"}').decode(),
        base64.urlsafe_b64encode(b"[" * 5000).decode(),
        "A" * 8001,
    ],
)
def test_permissions_that_cannot_be_read_are_007038(system: System, permissions: str) -> None:
    assert error_of(system, permissions) == ("invalid_request", "007038")


def test_permissions_may_be_padded_or_not(system: System) -> None:
    bare = encoded(permission())
    for text in (bare, bare + "=" * (-len(bare) % 4)):
        assert error_of(system, text) == ("", "")


def test_the_person_sees_what_is_asked_and_the_token_carries_it(
    esia: EsiaStandin, system: System
) -> None:
    page = system.come(permissions=encoded(permission()))
    page = esia.browser.submit(page, persona="confirmed")
    for word in ("Школьное портфолио", "fullname birthdate", "ALL_ACTIONS_TO_DATA", "DIARY", "30"):
        assert word in page.text
    token = system.tokens(came_back(esia.browser.submit(page, decision="allow"))["code"])
    claims = parts_of(token["access_token"])[1]
    assert {name: claims[name] for name in ("scope", "permissions", "permissions_url")} == {
        "scope": "openid",
        "permissions": f"fullname?oid={OID} birthdate?oid={OID}",
        "permissions_url": f"{esia.url}/rs/prns/{OID}/prmns",
    }


def test_a_consent_opens_its_data_until_it_ends(esia: EsiaStandin, system: System) -> None:
    token = system.signed_in(permissions=encoded(permission()))["access_token"]
    person = system.rest(f"prns/{OID}", token).json()
    assert person["birthDate"] == "21.07.1985"
    assert "snils" not in person
    (given,) = system.rest(f"prns/{OID}/prmns?embed=(elements)", token).json()["elements"]
    assert (given["sysname"], given["scopes"]) == ("PORTFOLIO", ["fullname", "birthdate"])
    esia.clock.forward(30 * 60)
    assert "birthDate" not in system.rest(f"prns/{OID}", token).json()
    assert system.rest(f"prns/{OID}/prmns", token).status_code == 403


def test_a_refreshed_token_prolongs_no_consent(esia: EsiaStandin, system: System) -> None:
    tokens = system.signed_in(permissions=encoded(permission()))
    for minutes, has_consent in ((29, True), (1, False)):
        esia.clock.forward(minutes * 60)
        tokens = system.refresh(tokens["refresh_token"]).json()
        assert ("permissions" in parts_of(tokens["access_token"])[1]) is has_consent


def test_a_consent_is_asked_each_time(system: System) -> None:
    asked = encoded(permission())
    system.sign_in(permissions=asked)
    assert "/login/consent?" in system.come(permissions=asked).url


def test_without_permissions_the_token_has_no_word_of_them(system: System) -> None:
    claims = parts_of(system.signed_in()["access_token"])[1]
    assert {"permissions", "permissions_url"} & set(claims) == set()
