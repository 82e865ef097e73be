"""From an application over ЕСИА and linking back to it, and out again everywhere."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest

from tests.auth.conftest import ON_SQLITE, Portal
from tests.auth.people import TEACHER
from tests.auth.upstream.conftest import Journey, Traveller, make_confirmed_teacher
from tests.relying_party import Page, RelyingParty

pytestmark = ON_SQLITE


def come_in(way: Traveller, application: RelyingParty) -> Page:
    """From the application's link over ЕСИА to wherever that ends."""
    way.seen.clear()
    page = way.visit(application)
    if page.asks_who:
        page = way.submit(page, form_to="/auth/upstream/esia/start")
    return way.sign_in_there(page)


def ways_out(way: Traveller) -> list[str]:
    """Where it went to end the sign-in at ЕСИА since it came in."""
    return [url for url in way.seen if "/idp/ext/Logout?" in url]


def is_asked_there(way: Traveller, application: RelyingParty) -> bool:
    """Whether ЕСИА asks who it is for one more sign-in."""
    come_in(way, application)
    return any("/login?request=" in url for url in way.seen)


@pytest.fixture
def portal(journey: Journey) -> Portal:
    """The made-up teacher of the stand-in is one of our people, by СНИЛС."""
    portal = journey.open_portal(journey.outside.esia(), linked=True)
    portal.people.add(make_confirmed_teacher())
    return portal


@pytest.fixture
def way(portal: Portal, journey: Journey) -> Traveller:
    return journey.traveller(portal)


def person_of(application: RelyingParty, page: Page) -> str:
    assert page.url.startswith(application.redirect_uri), (page.url, page.text)
    tokens = application.redeem(page.code).json()
    return application.userinfo(tokens["access_token"]).json()["sub"]


def test_a_teacher_enters_moodle_through_esia(
    portal: Portal, moodle: RelyingParty, way: Traveller
) -> None:
    way.open(f"{portal.issuer}/auth/login")
    before = way.session.cookies["signin"]
    assert person_of(moodle, come_in(way, moodle)) == TEACHER
    assert way.session.cookies["signin"] != before
    assert way.visit(moodle).url.startswith(moodle.redirect_uri)  # single sign-on
    assert portal.told() == [
        (TEACHER, "", "esia", "allowed", ""),
        (TEACHER, "moodle", "session", "allowed", ""),
        (TEACHER, "moodle", "session", "allowed", ""),
    ]


def test_signing_out_ends_the_sign_in_at_esia_too(
    portal: Portal, moodle: RelyingParty, way: Traveller
) -> None:
    come_in(way, moodle)
    page = way.submit(way.open(f"{portal.issuer}/auth/logout"))
    assert page.url == f"{portal.issuer}/auth/logout"
    assert "Вы вышли" in page.text
    assert "/idp/ext/Logout?client_id=SCHOOL01" in ways_out(way)[0]
    assert is_asked_there(way, moodle)


def test_the_next_pupil_would_get_in_if_only_our_own_sign_in_ended(
    moodle: RelyingParty, way: Traveller
) -> None:
    """Why all this: ЕСИА asks nothing for three hours."""
    come_in(way, moodle)
    way.session.cookies.clear("127.0.0.1")
    assert not is_asked_there(way, moodle)
    assert way.seen[-1].startswith(moodle.redirect_uri)


def test_at_a_school_computer_the_sign_in_at_esia_ends_before_the_application_opens(
    portal: Portal, way: Traveller
) -> None:
    classroom = portal.client("classroom")
    assert person_of(classroom, come_in(way, classroom)) == TEACHER
    assert ways_out(way)
    assert is_asked_there(way, classroom)


def test_an_application_that_signs_people_out_gets_them_back_with_its_state(
    portal: Portal, diary: RelyingParty, way: Traveller
) -> None:
    id_token = diary.redeem(come_in(way, diary).code).json()["id_token"]
    bye = "https://diary.example/bye"
    wish = {"id_token_hint": id_token, "post_logout_redirect_uri": bye, "state": "7"}
    page = way.open(f"{portal.issuer}/auth/logout?{urlencode(wish)}")
    assert page.url == f"{bye}?state=7"
    (way_out,) = ways_out(way)
    assert id_token not in way_out
    assert is_asked_there(way, diary)


def test_a_sign_out_after_ours_has_ended_still_ends_the_one_at_esia(
    portal: Portal, moodle: RelyingParty, way: Traveller
) -> None:
    come_in(way, moodle)
    portal.clock.forward(portal.provider.context.settings.session_seconds + 1)
    page = way.open(f"{portal.issuer}/auth/logout")
    assert "Вы вышли" not in page.text
    assert "Вы вышли" in way.submit(page).text
    assert ways_out(way)


def test_a_made_up_return_from_a_sign_out_goes_to_our_own_page(
    portal: Portal, way: Traveller
) -> None:
    page = way.open(f"{portal.issuer}/auth/upstream/esia/signed-out?state=made-up")
    assert page.url == f"{portal.issuer}/auth/logout"
