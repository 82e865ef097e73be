"""Signing in at an OpenID Connect provider: our own one, in another process."""

from __future__ import annotations

from typing import Any

import pytest

from auth.outside import OutsideIdentity
from auth.upstream.settings import ClaimNames
from tests.auth.conftest import ON_SQLITE, START
from tests.auth.people import TEACHER
from tests.auth.upstream.conftest import NOBODY, Journey, Traveller
from tests.relying_party import Page

pytestmark = ON_SQLITE


def begin(journey: Journey, **changes: Any) -> Traveller:
    return journey.begin(journey.outside.oidc(**changes), port=journey.outside.portal_port)


def test_a_person_arrives_with_the_claims_of_the_gateway(journey: Journey) -> None:
    traveller = begin(journey)
    assert traveller.go("gateway").text == "arrived"
    assert journey.identities == [
        OutsideIdentity(
            provider="gateway",
            subject=TEACHER,
            family_name="Шлюзовая",
            given_name="Проба",
            middle_name="Образцовна",
        )
    ]
    there = f"{journey.outside.url}/auth/authorize?"
    asked = Page(
        url=next(url for url in traveller.seen if url.startswith(there) and "nonce" in url)
    ).parameters
    assert asked["code_challenge_method"] == "S256"
    assert len(asked["nonce"]) == len(asked["code_challenge"]) == 43
    assert traveller.open(traveller.the("/gateway/callback?")).status == 400
    assert len(journey.identities) == 1


def test_addresses_may_be_given_instead_of_discovery(journey: Journey) -> None:
    traveller = begin(
        journey,
        authorization_endpoint=f"{journey.outside.url}/auth/authorize",
        token_endpoint=f"{journey.outside.url}/auth/token",
        jwks_uri=f"{journey.outside.url}/auth/jwks.json",
        token_endpoint_auth_method="client_secret_post",
        claims=ClaimNames(subject="auth_time", confirmed="aud", confirmed_values=("portal",)),
    )
    assert traveller.go("gateway").text == "arrived"
    (identity,) = journey.identities
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
    traveller = begin(journey)
    traveller.leave("gateway")
    state = Page(url=traveller.the("/auth/authorize?")).parameters["state"]
    callback = f"{traveller.portal.issuer}/auth/upstream/gateway/callback?state={state}"
    page = traveller.open(f"{callback}&{answer.format(url=journey.outside.url)}")
    assert (page.status, words in page.text) == (status, True)


def test_a_wrong_secret_is_a_fault_of_the_settings(journey: Journey) -> None:
    page = begin(journey, client_secret="wrong").go("gateway")
    assert (page.status, "не принимает наш запрос" in page.text) == (502, True)
    assert journey.identities == []


def test_a_gateway_that_is_down_is_told_at_once(journey: Journey) -> None:
    traveller = begin(journey, issuer=NOBODY)
    page = traveller.leave("gateway")
    assert (page.status, "не отвечает" in page.text) == (503, True)
    assert [event.reason for event in traveller.portal.events()] == ["upstream_unavailable"]
