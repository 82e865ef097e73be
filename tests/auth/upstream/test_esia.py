"""Signing in at ЕСИА, which runs in another process with real signatures."""

from __future__ import annotations

import logging
import re
from copy import copy
from dataclasses import replace
from datetime import date
from urllib.parse import parse_qsl, urlsplit

import pytest

from auth.esia.protocol.gost import OpensslGost, find_gost
from auth.outside import OutsideChild
from auth.upstream.settings import EsiaUpstream
from tests.auth.conftest import Portal
from tests.auth.esia.signing import Signer
from tests.auth.upstream.conftest import FAULTS, LATER, NOBODY, Journey, Outside, key_of
from tests.auth.upstream.travelling import Traveller
from tests.relying_party import Page

pytestmark = pytest.mark.parametrize("session_factory", ["sqlite"], indirect=True)

needs_engine = pytest.mark.skipif(
    not isinstance(find_gost(), OpensslGost), reason="OpenSSL has no engine gost"
)


def leave(traveller: Traveller, portal: Portal, key: str = "esia", query: str = "") -> Page:
    """Press the button of the sign-in page; where that leads."""
    page = traveller.open(f"{portal.issuer}/auth/login?{query}")
    return traveller.press(page, f"/auth/upstream/{key}/start")


def sign_in_there(traveller: Traveller, page: Page, person: str, decision: str = "allow") -> Page:
    """Sign in and answer there, where anything is asked; where that leads."""
    if "/login?" in page.url:
        page = traveller.submit(page, persona=person)
    if "/login/consent?" in page.url:
        page = traveller.submit(page, decision=decision)
    return page


def go(
    traveller: Traveller,
    portal: Portal,
    key: str = "esia",
    person: str = "confirmed",
    query: str = "",
) -> Page:
    return sign_in_there(traveller, leave(traveller, portal, key, query), person)


def callback_of(traveller: Traveller) -> str:
    """The address by which the person came back."""
    (found,) = [url for url in traveller.seen if "/callback?" in url]
    return found


def way_back(traveller: Traveller, page: Page, journey: Journey) -> str:
    """Sign in there in a browser that stops before our portal; return where it was sent."""
    sites, traveller._sites = traveller._sites, (journey.outside.url,)
    back = sign_in_there(traveller, page, "confirmed").url
    traveller._sites = sites
    return back


def test_a_person_arrives_with_what_esia_knows_and_the_request_of_the_application(
    journey: Journey,
) -> None:
    portal = journey.open_portal(journey.outside.esia())
    query = "client_id=moodle&scope=openid&state=%2Fa%3Fsesskey%3D1"
    page = go(journey.travellers(portal), portal, query=query)
    assert (page.status, page.text) == (200, "arrived")
    (identity,) = journey.arrivals.identities
    assert journey.arrivals.queries == [query]
    assert (identity.provider, identity.subject) == ("esia", "1000000103")
    name = (identity.family_name, identity.given_name, identity.middle_name)
    assert name == ("Подтверждённый", "Тест", "Тестович")
    assert (identity.birth_date, identity.snils) == (date(1985, 7, 21), "00000070103")
    assert (identity.confirmed, identity.child, identity.children) == (True, False, ())


@needs_engine
def test_requests_and_tokens_may_be_signed_with_gost(journey: Journey) -> None:
    portal = journey.open_portal(gost_way(journey.outside))
    go(journey.travellers(portal), portal)
    assert [one.subject for one in journey.arrivals.identities] == ["1000000103"]


def gost_way(outside: Outside, **changes: object) -> EsiaUpstream:
    values: dict[str, object] = {
        "mnemonic": "GOST01",
        "certificate": str(outside.folder / "GOST01.pem"),
        "signing_key": str(outside.folder / "GOST01.key"),
        "token_certificates": (outside.gost_certificate,),
    }
    return outside.esia(**values | changes)


def test_a_parent_arrives_with_the_children(journey: Journey) -> None:
    portal = journey.open_portal(journey.outside.esia())
    go(journey.travellers(portal), portal, person="parent")
    (identity,) = journey.arrivals.identities
    assert len(identity.children) == 2
    assert all(re.fullmatch(r"\d{11}", child.snils) for child in identity.children)
    assert all(isinstance(child, OutsideChild) and child.given_name for child in identity.children)


@pytest.mark.parametrize(
    ("person", "confirmed", "child"),
    [("simplified", False, False), ("standard", False, False), ("child", False, True)],
)
def test_the_level_of_the_account_arrives(
    journey: Journey, person: str, confirmed: bool, child: bool
) -> None:
    portal = journey.open_portal(journey.outside.esia())
    go(journey.travellers(portal), portal, person=person)
    (identity,) = journey.arrivals.identities
    assert (identity.confirmed, identity.child) == (confirmed, child)


def test_a_person_who_does_not_agree_is_told_and_may_use_the_password(journey: Journey) -> None:
    portal, traveller = journey.begin(journey.outside.faulty("te:007011"), journey.outside.esia())
    page = leave(traveller, portal, key_of("te:007011"), "client_id=moodle")
    page = sign_in_there(traveller, page, "standard", decision="deny")
    assert page.status == 403
    assert "Вы не вошли" in page.text
    assert "школьный логин и пароль" in page.text
    assert journey.arrivals.identities == []
    (event,) = portal.events()
    assert (event.client_id, event.method, event.result) == ("moodle", "esia", "refused")
    assert (event.reason, event.person_id) == ("upstream_denied", None)


FAILED, DENIED, SILENT = "upstream_failed", "upstream_denied", "upstream_unavailable"

OUTCOMES = {
    "ac:007004": (403, "Вы не вошли", DENIED),
    "ac:007005": (502, "не принимает наш запрос", FAILED),
    "ac:007007": (503, "не отвечает", SILENT),
    "ac:007015": (502, "не принимает наш запрос", FAILED),
    "ac:007019": (502, "не принимает наш запрос", FAILED),
    "ac:007023": (502, "не принимает наш запрос", FAILED),
    "ac:007053": (502, "не принимает наш запрос", FAILED),
    "ac:007055": (403, "не подходит", DENIED),
    "ac:007062": (403, "не подходит", DENIED),
    "ac:wrong_state": (400, "Этот вход завершён", FAILED),
    "te:007007": (503, "не отвечает", SILENT),
    "te:007011": (502, "ещё раз", FAILED),
    "te:007053": (502, "не принимает наш запрос", FAILED),
    "te:html": (503, "не отвечает", SILENT),
    "te:slow": (503, "не отвечает", SILENT),
    "te:wrong_state": (502, "не прошёл проверку", FAILED),
    "te:expired_token": (502, "не прошёл проверку", FAILED),
    "te:wrong_audience": (502, "не прошёл проверку", FAILED),
    "te:changed_certificate": (502, "не прошёл проверку", FAILED),
    "rs:005011": (502, "не прошёл проверку", FAILED),
    "rs:005013": (502, "не прошёл проверку", FAILED),
    "rs:005029": (502, "не принимает наш запрос", FAILED),
    "rs:html": (503, "не отвечает", SILENT),
    "rs:slow": (503, "не отвечает", SILENT),
}
"""Fault -> status, words of the page, reason of the login event."""


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_lets_nobody_in_and_is_explained(
    journey: Journey, caplog: pytest.LogCaptureFixture, fault: str
) -> None:
    portal = journey.open_portal(
        journey.outside.faulty(fault), timeout=3 if fault.endswith("slow") else 60
    )
    status, words, reason = OUTCOMES[fault]
    with caplog.at_level(logging.INFO):
        page = go(journey.travellers(portal), portal, key_of(fault))
    assert journey.arrivals.identities == []
    assert page.status == status
    assert words in page.text
    (event,) = portal.events()
    assert (event.reason, event.method, event.person_id) == (reason, "esia", None)
    (record,) = [one for one in caplog.records if one.name == "auth.upstream.pages"]
    assert key_of(fault) in record.getMessage()
    if fault[3:].isdigit():
        assert f"ESIA-{fault[3:]}" in page.text
        assert f"ESIA-{fault[3:]}" in record.getMessage()


def test_a_provider_that_is_down_is_told_before_and_after_the_journey(journey: Journey) -> None:
    portal, traveller = journey.begin(journey.outside.esia())
    page = leave(traveller, portal)
    (upstream,) = portal.provider.context.upstreams
    away = copy(upstream)
    away.settings = replace(upstream.settings, base_url=NOBODY)
    portal.change(upstreams=(away,))
    page = sign_in_there(traveller, page, "confirmed")
    assert page.status == 503
    assert "не отвечает" in page.text
    portal = journey.open_portal(journey.outside.esia(base_url=NOBODY))
    page = leave(journey.travellers(portal), portal)
    assert page.status == 503
    assert "не отвечает" in page.text
    assert "школьный логин и пароль" in page.text
    assert [event.reason for event in portal.events()] == [SILENT, SILENT]
    assert journey.arrivals.identities == []


def test_coming_back_twice_counts_once(journey: Journey) -> None:
    portal, traveller = journey.begin(journey.outside.esia())
    go(traveller, portal)
    page = traveller.open(callback_of(traveller))
    assert page.status == 400
    assert "Этот вход завершён" in page.text
    assert len(journey.arrivals.identities) == 1


def test_another_browser_cannot_come_back_for_the_first_one(journey: Journey) -> None:
    portal = journey.open_portal(journey.outside.esia())
    victim, attacker = journey.travellers(portal), journey.travellers(portal)
    attacker.open(f"{portal.issuer}/auth/login")
    page = leave(victim, portal)
    back = way_back(victim, page, journey)
    assert back.startswith(f"{portal.issuer}/auth/upstream/esia/callback?")
    assert attacker.open(back).status == 400
    assert journey.arrivals.identities == []
    assert victim.open(back).text == "arrived"


def test_an_answer_comes_back_where_its_request_began_and_in_time(journey: Journey) -> None:
    portal, traveller = journey.begin(journey.outside.esia(), journey.outside.esia(key="other"))
    page = leave(traveller, portal)
    back = way_back(traveller, page, journey)
    assert traveller.open(back.replace("/esia/", "/other/")).status == 400
    portal.clock.forward(LATER.total_seconds())
    assert traveller.open(back).status == 400
    assert journey.arrivals.identities == []


def test_a_parameter_that_comes_twice_is_refused(journey: Journey) -> None:
    portal, traveller = journey.begin(journey.outside.esia())
    page = leave(traveller, portal)
    back = way_back(traveller, page, journey)
    assert traveller.open(f"{back}&code=another").status == 502
    assert journey.arrivals.identities == []


def test_made_up_returns_are_refused_and_counted(journey: Journey) -> None:
    portal, traveller = journey.begin(journey.outside.esia(), failures_per_address=3)
    address = f"{portal.issuer}/auth/upstream/esia/callback?state=made-up&code=1"
    statuses = [traveller.open(address).status for _ in range(5)]
    assert statuses == [400, 400, 400, 429, 429]
    assert len(portal.events()) == 3
    assert traveller.open(f"{portal.issuer}/auth/upstream/none/callback").status == 404


def test_a_sign_in_begins_only_from_our_own_form(journey: Journey) -> None:
    portal, traveller = journey.begin(journey.outside.esia())
    page = traveller.open(f"{portal.issuer}/auth/login")
    page = traveller.press(page, "/esia/start", form_token="forged")
    assert page.status == 400
    assert "начат в другом браузере" in page.text
    assert not any(url.startswith(journey.outside.url) for url in traveller.seen)
    assert traveller.open(f"{portal.issuer}/auth/upstream/esia/start").status == 405
    assert portal.events() == []  # or anybody could fill the table without our form


def test_the_request_has_a_uuid_of_version_4_and_one_signature_each(journey: Journey) -> None:
    portal, traveller = journey.begin(journey.outside.esia())
    leave(traveller, portal)
    (address,) = [url for url in traveller.seen if "/aas/oauth2/v2/ac?" in url]
    asked = dict(parse_qsl(urlsplit(address).query))
    assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}",
                        asked["state"])  # fmt: skip
    assert asked["redirect_uri"] == f"{portal.issuer}/auth/upstream/esia/callback"
    assert asked["timestamp"] == "2026.09.01 08:00:00 +0000"
    assert asked["access_type"] == "online"


def test_a_clock_that_is_wrong_is_named_in_the_log(
    journey: Journey, caplog: pytest.LogCaptureFixture
) -> None:
    portal = journey.open_portal(journey.outside.esia())
    portal.clock.forward(400)
    page = leave(journey.travellers(portal), portal)
    assert (page.status, "ESIA-007015" in page.text) == (502, True)
    assert "the clock of this machine is wrong (ESIA-007015)" in caplog.text
    portal.clock.forward(-500)  # a token of the future, further than the tolerance
    assert go(journey.travellers(portal), portal).status == 502
    assert "of the future" in caplog.text
    portal.clock.forward(60)
    assert go(journey.travellers(portal), portal).text == "arrived"
    assert len(journey.arrivals.identities) == 1


def test_the_day_of_the_change_old_and_new_certificates_of_esia_count(journey: Journey) -> None:
    old = journey.outside.folder / "old.pem"
    old.write_text(Signer(number=3).pem)
    portal = journey.open_portal(
        journey.outside.esia(token_certificates=(str(old), journey.outside.rsa_certificate)),
        journey.outside.esia(key="late", token_certificates=(str(old),)),
    )
    assert go(journey.travellers(portal), portal).text == "arrived"
    assert go(journey.travellers(portal), portal, "late").status == 502
    assert len(journey.arrivals.identities) == 1


def test_nothing_personal_and_no_secret_is_logged(
    journey: Journey, caplog: pytest.LogCaptureFixture
) -> None:
    portal, traveller = journey.begin(
        journey.outside.esia(), journey.outside.faulty("te:wrong_audience")
    )
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("urllib3").setLevel(logging.INFO)
        go(traveller, portal)
        go(traveller, portal, key_of("te:wrong_audience"))
    mine = "\n".join(one.getMessage() for one in caplog.records if one.name.startswith("auth"))
    assert mine
    for word in ("Подтверждённый", "1000000103", "70103", "1985", "eyJ"):
        assert word not in mine


def test_buttons_are_shown_when_some_phase_opens_them(journey: Journey) -> None:
    shown = []
    for phase in ("password_only", "both", "esia_only"):
        portal = journey.open_portal(journey.outside.esia(), phase=phase)
        page = journey.travellers(portal).open(f"{portal.issuer}/auth/login?client_id=moodle")
        shown.append("Войти через Госуслуги (ЕСИА)" in page.text)
    assert shown == [False, True, True]
    portal = journey.open_portal(journey.outside.esia(), password_sign_in=False)
    page = journey.travellers(portal).open(f"{portal.issuer}/auth/login")
    assert "Войти через Госуслуги (ЕСИА)" in page.text
