"""A pause after wrong passwords: how long it lasts is told, the school sees it, a reset ends it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import nullcontext

import pytest

from service.db import transaction
from tests.auth.conftest import Clock
from tests.relying_party import Browser, Page
from tests.service.command_line import run
from tests.service.console_factories import Browser as Console
from tests.service.factories import PASSWORD, add_operator
from tests.service.installation import running_redis
from tests.service.own_page import OWN, OwnPage, serving
from tests.service.trial import NOW, A, Trial, pupils

TRIES = 3


@pytest.fixture
def clock(trial: Trial) -> Clock:
    """Stands still from here on."""
    clock = Clock()
    clock.now = NOW
    trial.sync(trial.write(A, pupils("p", 2)))
    trial.application.clock = clock
    return clock


@pytest.fixture(params=["redis", "database"])
def door(request: pytest.FixtureRequest, trial: Trial, clock: Clock) -> Iterator[OwnPage]:
    """Failures are counted in Redis, and where that is away in the database."""
    settings = trial.application.settings
    counting = running_redis(settings) if request.param == "redis" else nullcontext()
    with serving(trial, failures_per_account=TRIES) as door, counting:
        yield door


@pytest.fixture
def browser(door: OwnPage) -> Browser:
    return door.browser()


@pytest.fixture
def console(door: OwnPage, trial: Trial) -> Console:
    """The page of the school's operator."""
    with transaction(trial.application.sessions) as session:
        add_operator(session, "anna", "school", [A])
    console = Console(door.app.test_client())
    console.post("/console/signin", username="anna", password=PASSWORD)
    return console


def wait_told(page: Page) -> str:
    """How long a page of the pause says that it lasts."""
    assert page.status == 429
    found = re.search(r'role="alert" id="problem">[^<]*Подождите (\d+ \w+)', page.text)
    return found[1] if found else ""


def fail(door: OwnPage, browser: Browser, username: str, tries: int = TRIES) -> None:
    for _number in range(tries):
        assert browser.sign_in(door.address, username, "wrong").status == 400


def test_the_page_says_how_many_minutes_are_left(
    door: OwnPage, browser: Browser, clock: Clock
) -> None:
    username = door.person(A, "p-1").username
    fail(door, browser, username, TRIES - 1)
    clock.forward(3 * 60)
    fail(door, browser, username, 1)
    for seconds, told in (
        (0, "12 минут"),
        (1, "12 минут"),
        (59, "11 минут"),
        (8 * 60, "3 минуты"),
        (119, "2 минуты"),
        (1, "1 минуту"),
    ):
        clock.forward(seconds)
        assert wait_told(browser.sign_in(door.address, username, "wrong")) == told
    clock.forward(60)
    assert browser.sign_in(door.address, username, "wrong").status == 400


def test_the_person_card_shows_the_pause_and_a_reset_ends_it(
    door: OwnPage, browser: Browser, console: Console, clock: Clock
) -> None:
    person = door.person(A, "p-1")
    fail(door, browser, person.username)
    assert browser.sign_in(door.address, person.username, "wrong").status == 429
    clock.forward(2 * 60)

    card = console.post("/console/people", login=person.username).text
    assert "приостановлен" in card
    assert "12:15" in card, re.findall("не принимается до[^<]*", card)
    other = console.post("/console/people", login=door.person(A, "p-2").username).text
    assert "приостановлен" not in other

    assert console.post("/console/people/reset", login=person.username).status_code == 200
    assert "приостановлен" not in console.post("/console/people", login=person.username).text
    assert door.come(browser, person).url == door.address


def test_a_reset_ends_the_pause_of_the_own_browser_too(
    door: OwnPage, browser: Browser, trial: Trial
) -> None:
    person = door.person(A, "p-1")
    door.come(browser, person)
    browser.open(f"{door.url}/auth/logout")
    browser.session.cookies.clear(domain="127.0.0.1", path="/", name="signin")
    fail(door, browser, person.username)  # in a browser that is known by now
    assert browser.sign_in(door.address, person.username, OWN).status == 429
    assert door.come(door.browser(), person, OWN).url == door.address, "another browser goes on"

    reset = run("reset-password", person.username, home=trial.application.settings.home)
    assert reset.code == 0
    assert door.come(browser, person).url == door.address


def test_the_pause_of_an_unknown_login_looks_the_same(
    door: OwnPage, browser: Browser, clock: Clock
) -> None:
    fail(door, browser, "9999p9999")
    clock.forward(5 * 60)
    assert wait_told(browser.sign_in(door.address, "9999p9999", "wrong")) == "10 минут"
