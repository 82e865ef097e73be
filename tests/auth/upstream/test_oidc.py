"""Signing in at an OpenID Connect provider: our own one, in another process."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import parse_qsl, urlsplit

import pytest

from auth.upstream.settings import ClaimNames
from tests.auth.conftest import START, Portal
from tests.auth.people import TEACHER
from tests.auth.upstream.conftest import NOBODY, PASSWORD, Journey
from tests.auth.upstream.travelling import Traveller
from tests.relying_party import Page

pytestmark = pytest.mark.parametrize("session_factory", ["sqlite"], indirect=True)


def leave(traveller: Traveller, portal: Portal) -> Page:
    page = traveller.open(f"{portal.issuer}/auth/login?client_id=moodle")
    return traveller.press(page, "/auth/upstream/gateway/start")


def go(traveller: Traveller, portal: Portal) -> Page:
    page = leave(traveller, portal)
    if page.asks_who:
        page = traveller.submit(page, username="8765p4321", password=PASSWORD)
    return page


def test_a_person_arrives_with_the_claims_of_the_gateway(journey: Journey) -> None:
    portal, traveller = journey.begin(journey.outside.oidc(), port=journey.outside.portal_port)
    assert go(traveller, portal).text == "arrived"
    (identity,) = journey.arrivals.identities
    assert (identity.provider, identity.subject) == ("gateway", TEACHER)
    name = (identity.family_name, identity.given_name, identity.middle_name)
    assert name == ("Шлюзовая", "Проба", "Образцовна")
    assert not identity.confirmed
    there = f"{journey.outside.url}/auth/authorize?"
    address = next(url for url in traveller.seen if url.startswith(there) and "nonce" in url)
    asked = dict(parse_qsl(urlsplit(address).query))
    assert asked["code_challenge_method"] == "S256"
    assert len(asked["nonce"]) == len(asked["code_challenge"]) == 43
    (back,) = [url for url in traveller.seen if "/gateway/callback?" in url]
    assert traveller.open(back).status == 400
    assert len(journey.arrivals.identities) == 1


def test_addresses_may_be_given_instead_of_discovery(journey: Journey) -> None:
    way = journey.outside.oidc(
        authorization_endpoint=f"{journey.outside.url}/auth/authorize",
        token_endpoint=f"{journey.outside.url}/auth/token",
        jwks_uri=f"{journey.outside.url}/auth/jwks.json",
        token_endpoint_auth_method="client_secret_post",
        claims=ClaimNames(subject="auth_time", confirmed="aud", confirmed_values=("portal",)),
    )
    portal = journey.open_portal(way, port=journey.outside.portal_port)
    assert go(journey.travellers(portal), portal).text == "arrived"
    (identity,) = journey.arrivals.identities
    assert identity.subject == str(int(START.timestamp()))
    assert identity.confirmed
    assert identity.family_name == ""  # without userinfo_endpoint there is only the ID token


@pytest.mark.parametrize(
    ("answer", "status", "words"),
    [
        ("error=access_denied&iss={url}", 403, "Вы не вошли"),
        # RFC 9207: another provider's answer is not brought to this one's token endpoint.
        ("code=1&iss=https://other.example", 502, "не прошёл проверку"),
        ("code=1", 502, "не прошёл проверку"),
    ],
)
def test_a_no_and_an_answer_that_does_not_name_this_provider_let_nobody_in(
    journey: Journey, answer: str, status: int, words: str
) -> None:
    portal, traveller = journey.begin(journey.outside.oidc(), port=journey.outside.portal_port)
    leave(traveller, portal)
    (address,) = [url for url in traveller.seen if "/auth/authorize?" in url]
    state = dict(parse_qsl(urlsplit(address).query))["state"]
    callback = f"{portal.issuer}/auth/upstream/gateway/callback?state={state}"
    page = traveller.open(f"{callback}&{answer.format(url=journey.outside.url)}")
    assert (page.status, words in page.text) == (status, True)


def test_a_wrong_secret_is_a_fault_of_the_settings(journey: Journey) -> None:
    portal = journey.open_portal(
        journey.outside.oidc(client_secret="wrong"), port=journey.outside.portal_port
    )
    page = go(journey.travellers(portal), portal)
    assert (page.status, "не принимает наш запрос" in page.text) == (502, True)
    assert journey.arrivals.identities == []


def test_a_gateway_that_is_down_is_told_at_once(journey: Journey) -> None:
    way = replace(journey.outside.oidc(), issuer=NOBODY)
    portal = journey.open_portal(way)
    page = leave(journey.travellers(portal), portal)
    assert (page.status, "не отвечает" in page.text) == (503, True)
    assert [event.reason for event in portal.events()] == ["upstream_unavailable"]
