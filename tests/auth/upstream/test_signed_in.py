"""From an application over ЕСИА and linking back to it, and out again everywhere."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlencode

import pytest

from tests.auth.conftest import Portal
from tests.auth.people import TEACHER
from tests.auth.upstream.conftest import Outside, make_confirmed_teacher
from tests.auth.upstream.travelling import Traveller
from tests.relying_party import Page, RelyingParty

pytestmark = pytest.mark.parametrize("session_factory", ["sqlite"], indirect=True)

OpenPortal = Callable[..., Portal]
Travellers = Callable[[Portal], Traveller]


@pytest.fixture
def portal(open_portal: OpenPortal, outside: Outside) -> Portal:
    """The made-up teacher of the stand-in is one of our people, by СНИЛС."""
    portal = open_portal(outside.esia(), linked=True)
    portal.people.add(make_confirmed_teacher())
    return portal


def come_in(traveller: Traveller, portal: Portal, url: str) -> Page:
    """From the application's link over ЕСИА to wherever that ends."""
    page = traveller.open(url)
    if page.asks_who:
        page = traveller.press(page, "/auth/upstream/esia/start")
    if "/login?request=" in page.url:
        page = traveller.submit(page, persona="confirmed")
    if "/login/consent?" in page.url:
        page = traveller.submit(page, decision="allow")
    return page


def asked_at_esia(traveller: Traveller) -> bool:
    return any("/login?request=" in url for url in traveller.seen)


def claims_of(application: RelyingParty, page: Page, portal: Portal) -> dict[str, object]:
    assert page.url.startswith(application.redirect_uri), (page.url, page.text)
    tokens = application.redeem(page.parameters["code"]).json()
    found: dict[str, object] = application.userinfo(tokens["access_token"]).json()
    return found


def test_a_teacher_enters_moodle_through_esia(portal: Portal, travellers: Travellers) -> None:
    moodle, traveller = portal.moodle(), travellers(portal)
    traveller.open(f"{portal.issuer}/auth/login")
    before = traveller.session.cookies["signin"]
    page = come_in(traveller, portal, moodle.start().url)
    assert claims_of(moodle, page, portal)["sub"] == TEACHER
    assert traveller.session.cookies["signin"] != before
    events = [(one.method, one.result, one.person_id, one.client_id) for one in portal.events()]
    assert events == [
        ("esia", "allowed", TEACHER, ""),
        ("session", "allowed", TEACHER, "moodle"),
    ]
    page = traveller.open(moodle.start().url)  # single sign-on
    assert page.url.startswith(moodle.redirect_uri)
    assert [one.method for one in portal.events()] == ["esia", "session", "session"]


def test_signing_out_ends_the_sign_in_at_esia_too(portal: Portal, travellers: Travellers) -> None:
    moodle, traveller = portal.moodle(), travellers(portal)
    come_in(traveller, portal, moodle.start().url)
    page = traveller.submit(traveller.open(f"{portal.issuer}/auth/logout"))
    assert page.url == f"{portal.issuer}/auth/logout"
    assert "Вы вышли" in page.text
    assert any("/idp/ext/Logout?client_id=SCHOOL01" in url for url in traveller.seen)
    traveller.seen.clear()
    come_in(traveller, portal, moodle.start().url)
    assert asked_at_esia(traveller)


def test_the_next_pupil_would_get_in_if_only_our_own_sign_in_ended(
    portal: Portal, travellers: Travellers
) -> None:
    """Why all this: ЕСИА asks nothing for three hours."""
    moodle, traveller = portal.moodle(), travellers(portal)
    come_in(traveller, portal, moodle.start().url)
    traveller.session.cookies.clear("127.0.0.1")
    traveller.seen.clear()
    page = come_in(traveller, portal, moodle.start().url)
    assert page.url.startswith(moodle.redirect_uri)
    assert not asked_at_esia(traveller)


def test_at_a_school_computer_the_sign_in_at_esia_ends_before_the_application_opens(
    portal: Portal, travellers: Travellers
) -> None:
    classroom, traveller = portal.client("classroom"), travellers(portal)
    page = come_in(traveller, portal, classroom.start().url)
    assert claims_of(classroom, page, portal)["sub"] == TEACHER
    assert any("/idp/ext/Logout?" in url for url in traveller.seen)
    traveller.seen.clear()
    come_in(traveller, portal, classroom.start().url)
    assert asked_at_esia(traveller)


def test_an_application_that_signs_people_out_gets_them_back_with_its_state(
    portal: Portal, travellers: Travellers
) -> None:
    diary, traveller = portal.client("diary"), travellers(portal)
    start = diary.start()
    page = come_in(traveller, portal, start.url)
    id_token = diary.redeem(page.parameters["code"], start).json()["id_token"]
    wish = {
        "id_token_hint": id_token,
        "post_logout_redirect_uri": "https://diary.example/bye",
        "state": "7",
    }
    page = traveller.open(f"{portal.issuer}/auth/logout?{urlencode(wish)}")
    assert page.url == "https://diary.example/bye?state=7"
    (way_out,) = [url for url in traveller.seen if "/idp/ext/Logout?" in url]
    assert id_token not in way_out
    traveller.seen.clear()
    come_in(traveller, portal, diary.start().url)
    assert asked_at_esia(traveller)


def test_a_sign_out_after_ours_has_ended_still_ends_the_one_at_esia(
    portal: Portal, travellers: Travellers
) -> None:
    moodle, traveller = portal.moodle(), travellers(portal)
    come_in(traveller, portal, moodle.start().url)
    portal.clock.forward(portal.provider.context.settings.session_seconds + 1)
    page = traveller.open(f"{portal.issuer}/auth/logout")
    assert "Вы вышли" not in page.text
    assert "Вы вышли" in traveller.submit(page).text
    assert any("/idp/ext/Logout?" in url for url in traveller.seen)


def test_a_made_up_return_from_a_sign_out_goes_to_our_own_page(
    portal: Portal, travellers: Travellers
) -> None:
    page = travellers(portal).open(f"{portal.issuer}/auth/upstream/esia/signed-out?state=made-up")
    assert page.url == f"{portal.issuer}/auth/logout"
