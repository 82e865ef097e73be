"""Consents of the Digital profile: read strictly, shown to the person, carried by the token."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest

from auth.settings import EsiaConsentType
from tests.auth.esia.conftest import EsiaStandin
from tests.auth.esia.system import System, came_back, error_in, parts_of, told_back
from tests.relying_party import Browser

ON_SQLITE = True

OID = 1000000103
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
def esia(start_esia: Callable[..., EsiaStandin]) -> EsiaStandin:
    return start_esia(consent_types=TYPES)


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


def error_of(esia: EsiaStandin, permissions: str) -> tuple[str, str]:
    return error_in(told_back(esia.system(scope="openid").authorize(permissions=permissions)))


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
    esia: EsiaStandin, changes: dict[str, Any], code: str
) -> None:
    assert error_of(esia, encoded(permission(**changes))) == ("invalid_request", code)
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
def test_permissions_that_cannot_be_read_are_007038(esia: EsiaStandin, permissions: str) -> None:
    assert error_of(esia, permissions) == ("invalid_request", "007038")


def test_permissions_may_be_padded_or_not(esia: EsiaStandin) -> None:
    bare = encoded(permission())
    for text in (bare, bare + "=" * (-len(bare) % 4)):
        assert error_of(esia, text) == ("", "")


def test_the_person_sees_what_is_asked_and_the_token_carries_it(
    esia: EsiaStandin, browser: Browser
) -> None:
    system = esia.system(scope="openid")
    page = browser.open(system.authorize_url(permissions=encoded(permission())))
    page = browser.submit(page, persona="confirmed")
    for word in ("Школьное портфолио", "fullname birthdate", "ALL_ACTIONS_TO_DATA", "DIARY", "30"):
        assert word in page.text
    token = system.tokens(came_back(browser.submit(page, decision="allow"))["code"])
    claims = parts_of(token["access_token"])[1]
    assert claims["scope"] == "openid"
    assert claims["permissions"] == f"fullname?oid={OID} birthdate?oid={OID}"
    assert claims["permissions_url"] == f"{esia.url}/rs/prns/{OID}/prmns"


def test_a_consent_opens_its_data_until_it_ends(esia: EsiaStandin, browser: Browser) -> None:
    system = esia.system(scope="openid")
    code = system.sign_in(browser, permissions=encoded(permission()))
    token = system.tokens(code)["access_token"]
    person = system.rest(f"prns/{OID}", token).json()
    assert person["birthDate"] == "21.07.1985"
    assert "snils" not in person
    (given,) = system.rest(f"prns/{OID}/prmns?embed=(elements)", token).json()["elements"]
    assert (given["sysname"], given["scopes"]) == ("PORTFOLIO", ["fullname", "birthdate"])
    esia.clock.forward(30 * 60)
    assert "birthDate" not in system.rest(f"prns/{OID}", token).json()
    assert system.rest(f"prns/{OID}/prmns", token).status_code == 403


def test_a_refreshed_token_prolongs_no_consent(esia: EsiaStandin, browser: Browser) -> None:
    system = esia.system(scope="openid")
    first = system.tokens(system.sign_in(browser, permissions=encoded(permission())))
    esia.clock.forward(29 * 60)
    again = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
    second = system.ask(**again).json()
    assert "permissions" in parts_of(second["access_token"])[1]
    esia.clock.forward(60)
    again["refresh_token"] = second["refresh_token"]
    assert "permissions" not in parts_of(system.ask(**again).json()["access_token"])[1]


def test_a_consent_is_asked_each_time(esia: EsiaStandin, browser: Browser) -> None:
    system = esia.system(scope="openid")
    system.sign_in(browser, permissions=encoded(permission()))
    page = browser.open(system.authorize_url(permissions=encoded(permission())))
    assert "/login/consent?" in page.url


def test_without_permissions_the_token_has_no_word_of_them(
    system: System, browser: Browser
) -> None:
    claims = parts_of(system.tokens(system.sign_in(browser))["access_token"])[1]
    assert {"permissions", "permissions_url"} & set(claims) == set()
