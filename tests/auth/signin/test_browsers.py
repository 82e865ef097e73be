"""A browser that somebody signed in with before is not kept out by what others do."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Request
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Response

from auth.signin.browsers import MAX_AGE, MAX_PEOPLE, Devices
from tests.auth.conftest import ON_SQLITE, OWN_PASSWORD, START, OpenBrowser, Person, Portal
from tests.relying_party import Browser

LOGIN, OTHER_LOGIN = "1234p5678", "8765p4321"


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
    assert not devices.recognise(request(cookie), OTHER_LOGIN, START)
    assert not devices.recognise(request(), LOGIN, START)
    assert LOGIN not in cookie


def test_a_family_shares_a_browser(devices: Devices) -> None:
    cookie = remembered(devices, OTHER_LOGIN, remembered(devices, LOGIN))
    names = {devices.recognise(request(cookie), one, START) for one in (LOGIN, OTHER_LOGIN)}
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


FOREIGN = remembered(Devices(b"another secret", secure=False), LOGIN)
"""Of another installation."""


@pytest.mark.parametrize(
    "forged",
    [
        "x",
        "~~~",
        "99999.a.b",
        "99999.a",
        ".",
        "é.é.é",
        "9" * 5000,
        pytest.param(FOREIGN, id="foreign"),
    ],
)
def test_a_made_up_cookie_is_worth_nothing(devices: Devices, forged: str) -> None:
    assert not devices.recognise(request(forged.encode().decode("latin-1")), LOGIN, START)


def test_the_cookie_is_bound_to_the_host_and_kept_from_scripts() -> None:
    response = Response()
    Devices(b"secret", secure=True).remember(request(), response, LOGIN, START)
    cookie = response.headers["Set-Cookie"]
    assert cookie.startswith("__Host-device=")
    for mark in ("Secure", "HttpOnly", "SameSite=Lax", "Path=/"):
        assert mark in cookie
    assert "Domain" not in cookie


@pytest.fixture
def url(portal: Portal, pupil: Person) -> str:
    """Of the sign-in page, which knows the pupil's browser."""
    pupil(f"{portal.issuer}/auth/")
    pupil.submit(pupil.open(f"{portal.issuer}/auth/logout"))
    return f"{portal.issuer}/auth/login"


@ON_SQLITE
@pytest.mark.parametrize("guesser_is_known", [True, False])
def test_of_a_known_browser_and_its_neighbour_only_the_one_that_guesses_is_paused(
    portal: Portal, pupil: Person, browser: Browser, url: str, guesser_is_known: bool
) -> None:
    guesser, other = (pupil, browser) if guesser_is_known else (browser, pupil)
    for _ in range(portal.provider.context.settings.failures_per_account):
        assert guesser.sign_in(url, LOGIN, "wrong").status == 400
    assert guesser.sign_in(url, LOGIN, OWN_PASSWORD).status == 429
    assert "Вы вошли" in other.sign_in(url, LOGIN, OWN_PASSWORD).text


@ON_SQLITE
def test_answers_do_not_tell_who_exists(
    portal: Portal, open_browser: OpenBrowser, pupil: Person
) -> None:
    """The same status, headers, cookies and words, also once the throttle has closed."""
    url = f"{portal.issuer}/auth/login"
    seen = {}
    for login in (LOGIN, "1234p9999"):
        guesser = open_browser(portal.issuer)
        seen[login] = []
        for _ in range(portal.provider.context.settings.failures_per_account + 1):
            page = guesser.sign_in(url, login, "wrong")
            headers = {k: v for k, v in page.headers.items() if k not in {"Date", "Set-Cookie"}}
            cookies = sorted(cookie.name for cookie in guesser.session.cookies)
            token = guesser.session.cookies["signin"]
            text = page.text.replace(login, "").replace(token, "")
            seen[login].append((page.status, headers, cookies, len(text)))
    assert seen[LOGIN] == seen["1234p9999"]
    assert {status for status, *_rest in seen[LOGIN]} == {400, 429}
