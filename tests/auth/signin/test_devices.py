"""A browser that somebody signed in with before is not kept out by what others do."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Request
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Response

from auth.signin.devices import MAX_AGE, MAX_PEOPLE, Devices
from tests.auth.conftest import OWN_PASSWORD, START, Portal, Visit
from tests.relying_party import Browser

LOGIN = "1234p5678"


def request(cookie: str = "") -> Request:
    headers = {"Cookie": f"device={cookie}"} if cookie else {}
    return Request(EnvironBuilder(headers=headers).get_environ())


def remembered(devices: Devices, username: str, cookie: str = "") -> str:
    """What the browser holds after this person's sign-in."""
    response = Response()
    devices.remember(request(cookie), response, username, START)
    return response.headers["Set-Cookie"].partition(";")[0].partition("=")[2]


@pytest.fixture
def devices() -> Devices:
    return Devices(b"secret", secure=False)


def test_a_browser_is_known_for_its_person_alone(devices: Devices) -> None:
    cookie = remembered(devices, LOGIN)
    assert devices.recognise(request(cookie), LOGIN, START)
    assert not devices.recognise(request(cookie), "8765p4321", START)
    assert not devices.recognise(request(), LOGIN, START)
    assert LOGIN not in cookie


def test_a_family_shares_a_browser(devices: Devices) -> None:
    cookie = remembered(devices, "8765p4321", remembered(devices, LOGIN))
    names = {devices.recognise(request(cookie), one, START) for one in (LOGIN, "8765p4321")}
    assert len(names) == 2
    assert "" not in names


def test_a_browser_of_many_people_keeps_the_last_ones(devices: Devices) -> None:
    cookie = ""
    for number in range(MAX_PEOPLE + 1):
        cookie = remembered(devices, f"pupil{number}", cookie)
    assert not devices.recognise(request(cookie), "pupil0", START)
    assert devices.recognise(request(cookie), "pupil1", START)
    assert len(cookie) < 1000


def test_no_more_people_are_looked_for_than_a_browser_keeps(devices: Devices) -> None:
    names = [f"pupil{number}" for number in range(MAX_PEOPLE + 1)]
    cookie = "~".join(remembered(devices, name) for name in names)
    assert devices.recognise(request(cookie), names[-2], START)
    assert not devices.recognise(request(cookie), names[-1], START)


def test_a_cookie_ends(devices: Devices) -> None:
    cookie = remembered(devices, LOGIN)
    assert devices.recognise(request(cookie), LOGIN, START + MAX_AGE - timedelta(days=1))
    assert not devices.recognise(request(cookie), LOGIN, START + MAX_AGE + timedelta(days=1))


@pytest.mark.parametrize("forged", ["x", "~~~", "99999.a.b", "99999.a", ".", "é.é.é", "9" * 5000])
def test_a_made_up_cookie_is_worth_nothing(devices: Devices, forged: str) -> None:
    assert not devices.recognise(request(forged.encode().decode("latin-1")), LOGIN, START)


def test_another_installations_cookie_is_worth_nothing(devices: Devices) -> None:
    foreign = remembered(Devices(b"another secret", secure=False), LOGIN)
    assert not devices.recognise(request(foreign), LOGIN, START)


def test_the_cookie_is_bound_to_the_host_and_kept_from_scripts() -> None:
    response = Response()
    Devices(b"secret", secure=True).remember(request(), response, LOGIN, START)
    cookie = response.headers["Set-Cookie"]
    assert cookie.startswith("__Host-device=")
    for mark in ("Secure", "HttpOnly", "SameSite=Lax", "Path=/"):
        assert mark in cookie
    assert "Domain" not in cookie


on_sqlite = pytest.mark.parametrize("session_factory", ["sqlite"], indirect=True)


def sign_out(browser: Browser, portal: Portal) -> None:
    browser.submit(browser.open(f"{portal.issuer}/auth/logout"))


@on_sqlite
def test_a_neighbour_cannot_pause_somebody_who_comes_back(
    portal: Portal, browser: Browser, pupil: Visit
) -> None:
    pupil(f"{portal.issuer}/auth/")
    sign_out(browser, portal)
    neighbour = Browser(portal.issuer)
    url = f"{portal.issuer}/auth/login"
    for _ in range(portal.provider.context.settings.failures_per_account + 1):
        last = neighbour.sign_in(url, LOGIN, "wrong")
    assert last.status == 429
    assert neighbour.sign_in(url, LOGIN, OWN_PASSWORD).status == 429
    assert "Вы вошли" in browser.sign_in(url, LOGIN, OWN_PASSWORD).text
    neighbour.close()


@on_sqlite
def test_a_known_browser_that_guesses_is_paused_alone(
    portal: Portal, browser: Browser, pupil: Visit
) -> None:
    pupil(f"{portal.issuer}/auth/")
    sign_out(browser, portal)
    url = f"{portal.issuer}/auth/login"
    for _ in range(portal.provider.context.settings.failures_per_account):
        browser.sign_in(url, LOGIN, "wrong")
    assert browser.sign_in(url, LOGIN, OWN_PASSWORD).status == 429
    other = Browser(portal.issuer)
    assert "Вы вошли" in other.sign_in(url, LOGIN, OWN_PASSWORD).text
    other.close()


@on_sqlite
def test_answers_do_not_tell_who_exists(portal: Portal, browser: Browser, pupil: Visit) -> None:
    """The same status, headers, cookies and words, also once the throttle has closed."""
    url = f"{portal.issuer}/auth/login"
    seen = {}
    for login in (LOGIN, "1234p9999"):
        guesser = Browser(portal.issuer)
        seen[login] = []
        for _ in range(portal.provider.context.settings.failures_per_account + 1):
            page = guesser.sign_in(url, login, "wrong")
            headers = {k: v for k, v in page.headers.items() if k not in {"Date", "Set-Cookie"}}
            cookies = sorted(cookie.name for cookie in guesser.session.cookies)
            token = guesser.session.cookies["signin"]
            text = page.text.replace(login, "").replace(token, "")
            seen[login].append((page.status, headers, cookies, len(text)))
        guesser.close()
    assert seen[LOGIN] == seen["1234p9999"]
    assert {status for status, *_rest in seen[LOGIN]} == {400, 429}
