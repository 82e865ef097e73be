"""Signing in at ЕСИА, which runs in another process with real signatures."""

from __future__ import annotations

import logging
import re
from copy import copy
from dataclasses import replace
from datetime import date
from uuid import UUID

import pytest

from auth.outside import OutsideChild, OutsideIdentity
from tests.auth.conftest import ON_SQLITE
from tests.auth.esia.signing import Signer
from tests.auth.upstream.conftest import (
    FAULTS,
    NOBODY,
    SILENT,
    Journey,
    Traveller,
    key_of,
    needs_engine,
)
from tests.relying_party import Page

pytestmark = ON_SQLITE


@pytest.fixture
def way(journey: Journey) -> Traveller:
    return journey.begin()


def test_a_person_arrives_with_what_esia_knows_and_the_request_of_the_application(
    journey: Journey, way: Traveller
) -> None:
    query = "client_id=moodle&scope=openid&state=%2Fa%3Fsesskey%3D1"
    page = way.go(query=query)
    assert (page.status, page.text) == (200, "arrived")
    assert journey.queries == [query]
    assert journey.identities == [
        OutsideIdentity(
            provider="esia",
            subject="1000000103",
            family_name="Подтверждённый",
            given_name="Тест",
            middle_name="Тестович",
            birth_date=date(1985, 7, 21),
            snils="00000070103",
            confirmed=True,
        )
    ]


@needs_engine
def test_requests_and_tokens_may_be_signed_with_gost(journey: Journey) -> None:
    journey.begin(journey.outside.esia("GOST01")).go()
    assert [one.subject for one in journey.identities] == ["1000000103"]


def test_a_parent_arrives_with_the_children(journey: Journey, way: Traveller) -> None:
    way.go(person="parent")
    (identity,) = journey.identities
    assert len(identity.children) == 2
    assert all(re.fullmatch(r"\d{11}", child.snils) for child in identity.children)
    assert all(isinstance(child, OutsideChild) and child.given_name for child in identity.children)


@pytest.mark.parametrize(
    ("person", "confirmed", "child"),
    [("simplified", False, False), ("standard", False, False), ("child", False, True)],
)
def test_the_level_of_the_account_arrives(
    journey: Journey, way: Traveller, person: str, confirmed: bool, child: bool
) -> None:
    way.go(person=person)
    (identity,) = journey.identities
    assert (identity.confirmed, identity.child) == (confirmed, child)


def test_a_person_who_does_not_agree_is_told_and_may_use_the_password(journey: Journey) -> None:
    way = journey.begin(journey.outside.faulty("te:007011"), journey.outside.esia())
    page = way.leave(key_of("te:007011"), "client_id=moodle")
    page = way.sign_in_there(page, "standard", decision="deny")
    assert page.status == 403
    assert "Вы не вошли" in page.text
    assert "школьный логин и пароль" in page.text
    assert journey.identities == []
    assert way.portal.told() == [(None, "moodle", "esia", "refused", "upstream_denied")]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_lets_nobody_in_and_is_explained(
    journey: Journey, caplog: pytest.LogCaptureFixture, fault: str
) -> None:
    way = journey.begin(journey.outside.faulty(fault), timeout=3 if fault.endswith("slow") else 60)
    status, words, reason = FAULTS[fault]
    with caplog.at_level(logging.INFO):
        page = way.go(key_of(fault))
    assert journey.identities == []
    assert page.status == status
    assert words in page.text
    assert way.portal.told() == [(None, "", "esia", "refused", reason)]
    (record,) = [one for one in caplog.records if one.name == "auth.upstream.pages"]
    assert key_of(fault) in record.getMessage()
    if fault[3:].isdigit():
        assert f"ESIA-{fault[3:]}" in page.text
        assert f"ESIA-{fault[3:]}" in record.getMessage()


def test_a_provider_that_is_down_is_told_before_and_after_the_journey(
    journey: Journey, way: Traveller
) -> None:
    page = way.leave()
    (upstream,) = way.portal.provider.context.upstreams
    away = copy(upstream)
    away.settings = replace(upstream.settings, base_url=NOBODY)
    way.portal.change(upstreams=(away,))
    after = way.sign_in_there(page)
    before = journey.begin(journey.outside.esia(base_url=NOBODY)).leave()
    for page in (after, before):
        assert page.status == 503
        assert "не отвечает" in page.text
    assert "школьный логин и пароль" in before.text
    assert [event.reason for event in way.portal.events()] == [SILENT, SILENT]
    assert journey.identities == []


def test_coming_back_twice_counts_once(journey: Journey, way: Traveller) -> None:
    way.go()
    page = way.open(way.the("/callback?"))
    assert page.status == 400
    assert "Этот вход завершён" in page.text
    assert len(journey.identities) == 1


def test_another_browser_cannot_come_back_for_the_first_one(
    journey: Journey, way: Traveller
) -> None:
    attacker = journey.traveller(way.portal)
    attacker.open(f"{way.portal.issuer}/auth/login")
    back = way.stop_short(way.leave())
    assert back.startswith(f"{way.portal.issuer}/auth/upstream/esia/callback?")
    assert attacker.open(back).status == 400
    assert journey.identities == []
    assert way.open(back).text == "arrived"


def test_an_answer_comes_back_where_its_request_began_and_in_time(journey: Journey) -> None:
    way = journey.begin(journey.outside.esia(), journey.outside.esia(key="other"))
    back = way.stop_short(way.leave())
    assert way.open(back.replace("/esia/", "/other/")).status == 400
    way.portal.clock.forward(minutes=16)
    assert way.open(back).status == 400
    assert journey.identities == []


def test_a_parameter_that_comes_twice_is_refused(journey: Journey, way: Traveller) -> None:
    back = way.stop_short(way.leave())
    assert way.open(f"{back}&code=another").status == 502
    assert journey.identities == []


def test_made_up_returns_are_refused_and_counted(journey: Journey) -> None:
    way = journey.begin(failures_per_address=3)
    address = f"{way.portal.issuer}/auth/upstream/esia/callback?state=made-up&code=1"
    statuses = [way.open(address).status for _ in range(5)]
    assert statuses == [400, 400, 400, 429, 429]
    assert len(way.portal.events()) == 3
    assert way.open(f"{way.portal.issuer}/auth/upstream/none/callback").status == 404


def test_a_sign_in_begins_only_from_our_own_form(journey: Journey, way: Traveller) -> None:
    page = way.open(f"{way.portal.issuer}/auth/login")
    page = way.submit(page, form_to="/esia/start", form_token="forged")
    assert page.status == 400
    assert "начат в другом браузере" in page.text
    assert not any(url.startswith(journey.outside.url) for url in way.seen)
    assert way.open(f"{way.portal.issuer}/auth/upstream/esia/start").status == 405
    assert way.portal.events() == []  # or anybody could fill the table without our form


def test_the_request_has_a_uuid_of_version_4_and_one_signature_each(way: Traveller) -> None:
    way.leave()
    asked = Page(url=way.the("/aas/oauth2/v2/ac?")).parameters
    assert UUID(asked["state"]).version == 4
    assert str(UUID(asked["state"])) == asked["state"]
    assert asked["redirect_uri"] == f"{way.portal.issuer}/auth/upstream/esia/callback"
    assert asked["timestamp"] == "2026.09.01 08:00:00 +0000"
    assert asked["access_type"] == "online"


def test_a_clock_that_is_wrong_is_named_in_the_log(
    journey: Journey, way: Traveller, caplog: pytest.LogCaptureFixture
) -> None:
    way.portal.clock.forward(400)
    page = way.leave()
    assert (page.status, "ESIA-007015" in page.text) == (502, True)
    assert "the clock of this machine is wrong (ESIA-007015)" in caplog.text
    way.portal.clock.forward(-500)  # a token of the future, further than the tolerance
    assert way.go().status == 502
    assert "of the future" in caplog.text
    way.portal.clock.forward(60)
    assert way.go().text == "arrived"
    assert len(journey.identities) == 1


def test_the_day_of_the_change_old_and_new_certificates_of_esia_count(journey: Journey) -> None:
    old = journey.outside.folder / "old.pem"
    old.write_text(Signer(number=3).pem)
    both = (str(old), journey.outside.certificate("rsa"))
    way = journey.begin(
        journey.outside.esia(token_certificates=both),
        journey.outside.esia(key="late", token_certificates=(str(old),)),
    )
    assert way.go().text == "arrived"
    assert way.go("late").status == 502
    assert len(journey.identities) == 1


def test_nothing_personal_and_no_secret_is_logged(
    journey: Journey, caplog: pytest.LogCaptureFixture
) -> None:
    way = journey.begin(journey.outside.esia(), journey.outside.faulty("te:wrong_audience"))
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("urllib3").setLevel(logging.INFO)
        way.go()
        way.go(key_of("te:wrong_audience"))
    mine = "\n".join(one.getMessage() for one in caplog.records if one.name.startswith("auth"))
    assert mine
    for word in ("Подтверждённый", "1000000103", "70103", "1985", "eyJ"):
        assert word not in mine


@pytest.mark.parametrize(
    ("settings", "shown"),
    [
        ({"phase": "password_only"}, False),
        ({"phase": "both"}, True),
        ({"phase": "esia_only"}, True),
        ({"password_sign_in": False}, True),
    ],
)
def test_buttons_are_shown_when_some_phase_opens_them(
    journey: Journey, settings: dict[str, object], shown: bool
) -> None:
    way = journey.begin(**settings)
    page = way.open(f"{way.portal.issuer}/auth/login?client_id=moodle")
    assert ("Войти через Госуслуги (ЕСИА)" in page.text) is shown
