"""Signing in at an OpenID Connect provider: our own one, in another process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from urllib.parse import parse_qsl, urlsplit

import pytest

from auth.upstream.settings import ClaimNames
from tests.auth.conftest import START, Portal
from tests.auth.people import TEACHER
from tests.auth.upstream.conftest import NOBODY, PASSWORD, Arrivals, Outside
from tests.auth.upstream.travelling import Traveller
from tests.relying_party import Page

pytestmark = pytest.mark.parametrize("session_factory", ["sqlite"], indirect=True)

OpenPortal = Callable[..., Portal]
Travellers = Callable[[Portal], Traveller]


def leave(traveller: Traveller, portal: Portal) -> Page:
    page = traveller.open(f"{portal.issuer}/auth/login?client_id=moodle")
    return traveller.press(page, "/auth/upstream/gateway/start")


def go(traveller: Traveller, portal: Portal) -> Page:
    page = leave(traveller, portal)
    if page.asks_who:
        page = traveller.submit(page, username="8765p4321", password=PASSWORD)
    return page


def test_a_person_arrives_with_the_claims_of_the_gateway(
    open_portal: OpenPortal, outside: Outside, travellers: Travellers, arrivals: Arrivals
) -> None:
    portal = open_portal(outside.oidc(), port=outside.portal_port)
    traveller = travellers(portal)
    assert go(traveller, portal).text == "arrived"
    (identity,) = arrivals.identities
    assert (identity.provider, identity.subject) == ("gateway", TEACHER)
    name = (identity.family_name, identity.given_name, identity.middle_name)
    assert name == ("Шлюзовая", "Проба", "Образцовна")
    assert not identity.confirmed
    (address,) = [url for url in traveller.seen if url.startswith(f"{outside.url}/auth/authorize?")
                  and "nonce" in url][:1]  # fmt: skip
    asked = dict(parse_qsl(urlsplit(address).query))
    assert asked["code_challenge_method"] == "S256"
    assert len(asked["nonce"]) == len(asked["code_challenge"]) == 43
    (back,) = [url for url in traveller.seen if "/gateway/callback?" in url]
    assert traveller.open(back).status == 400
    assert len(arrivals.identities) == 1


def test_addresses_may_be_given_instead_of_discovery(
    open_portal: OpenPortal, outside: Outside, travellers: Travellers, arrivals: Arrivals
) -> None:
    way = outside.oidc(
        authorization_endpoint=f"{outside.url}/auth/authorize",
        token_endpoint=f"{outside.url}/auth/token",
        jwks_uri=f"{outside.url}/auth/jwks.json",
        token_endpoint_auth_method="client_secret_post",
        claims=ClaimNames(subject="auth_time", confirmed="aud", confirmed_values=("portal",)),
    )
    portal = open_portal(way, port=outside.portal_port)
    assert go(travellers(portal), portal).text == "arrived"
    (identity,) = arrivals.identities
    assert identity.subject == str(int(START.timestamp()))
    assert identity.confirmed
    assert identity.family_name == ""  # without userinfo_endpoint there is only the ID token


def test_a_person_who_says_no_is_told(
    open_portal: OpenPortal, outside: Outside, travellers: Travellers
) -> None:
    portal = open_portal(outside.oidc(), port=outside.portal_port)
    traveller = travellers(portal)
    leave(traveller, portal)
    (address,) = [url for url in traveller.seen if "/auth/authorize?" in url]
    state = dict(parse_qsl(urlsplit(address).query))["state"]
    callback = f"{portal.issuer}/auth/upstream/gateway/callback"
    page = traveller.open(f"{callback}?error=access_denied&state={state}&iss={outside.url}")
    assert (page.status, "Вы не вошли" in page.text) == (403, True)


@pytest.mark.parametrize("named", ["&iss=https://other.example", ""])
def test_an_answer_that_does_not_name_this_provider_is_refused(
    open_portal: OpenPortal, outside: Outside, travellers: Travellers, named: str
) -> None:
    """RFC 9207: the answer of another provider is not brought to this one's token endpoint."""
    portal = open_portal(outside.oidc(), port=outside.portal_port)
    traveller = travellers(portal)
    leave(traveller, portal)
    (address,) = [url for url in traveller.seen if "/auth/authorize?" in url]
    state = dict(parse_qsl(urlsplit(address).query))["state"]
    callback = f"{portal.issuer}/auth/upstream/gateway/callback"
    page = traveller.open(f"{callback}?code=1&state={state}{named}")
    assert (page.status, "не прошёл проверку" in page.text) == (502, True)


def test_a_wrong_secret_is_a_fault_of_the_settings(
    open_portal: OpenPortal, outside: Outside, travellers: Travellers, arrivals: Arrivals
) -> None:
    portal = open_portal(outside.oidc(client_secret="wrong"), port=outside.portal_port)
    page = go(travellers(portal), portal)
    assert (page.status, "не принимает наш запрос" in page.text) == (502, True)
    assert arrivals.identities == []


def test_a_gateway_that_is_down_is_told_at_once(
    open_portal: OpenPortal, outside: Outside, travellers: Travellers
) -> None:
    way = replace(outside.oidc(), issuer=NOBODY)
    portal = open_portal(way)
    page = leave(travellers(portal), portal)
    assert (page.status, "не отвечает" in page.text) == (503, True)
    assert [event.reason for event in portal.events()] == ["upstream_unavailable"]
