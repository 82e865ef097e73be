"""Whoever signs in at the address on the slip is counted once, and finds the way on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import lxml.html
import pytest

from auth.clients.client import Client
from service.calendar.period import Period
from service.db import transaction
from tests.relying_party import Page
from tests.service.own_page import MOODLE, OWN, OwnPage, serving
from tests.service.report_questions import built, by_key
from tests.service.trial import A, Trial, on_both_databases, pupils, teacher

FOR_TEACHERS = Client(
    client_id="journal",
    client_secret="journal-secret",
    redirect_uris=("https://journal.example/callback",),
    home_url="https://journal.example/",
    roles=("teacher",),
)
WITHOUT_HOME = Client(
    client_id="phone", redirect_uris=("https://phone.example/back",), name="Приложение"
)


@pytest.fixture
def door(trial: Trial) -> Iterator[OwnPage]:
    """Two pupils and a teacher are loaded, and have accounts."""
    trial.sync(trial.write(A, [*pupils("p", 2), teacher("t-1")]))
    with serving(trial, clients=(FOR_TEACHERS, WITHOUT_HOME, MOODLE)) as page:
        yield page


def buttons(page: Page) -> dict[str, str]:
    """Titles and addresses of the ways on."""
    found = lxml.html.fromstring(page.text).xpath("//ul[@class='applications']//a")
    return {one.text_content(): one.get("href") for one in found}


def figures(trial: Trial, name: str) -> dict[str, Any]:
    """The first total of a report of now: everybody, in the whole city."""
    now = trial.application.clock()
    today = now.date()
    with transaction(trial.application.sessions) as session:
        report = built(session, name, now=now, period=Period(first=today, last=today))
        return by_key(report)[report.total_keys[0]]


@on_both_databases
def test_a_sign_in_without_an_application_is_an_event_and_counts_in_reports(
    door: OwnPage, trial: Trial
) -> None:
    assert door.come(door.browser(), door.person(A, "p-1")).url == door.address
    assert door.events() == [("", "password", "allowed")]

    funnel = figures(trial, "funnel")
    assert (funnel["first_login"], funnel["own_password"]) == (1, 1)
    coverage = figures(trial, "coverage")
    assert (coverage["ever"], coverage["in_period"], coverage["own_password"]) == (1, 1, 1)
    assert figures(trial, "activity")["active"] == 1
    assert figures(trial, "transition")["sign_ins"] == 1


def test_an_application_opened_afterwards_is_an_event_beside_it_and_no_second_sign_in(
    door: OwnPage, trial: Trial
) -> None:
    pupil, moodle = door.person(A, "p-1"), door.moodle()
    both = [("", "password", "allowed"), ("moodle", "session", "allowed")]
    browser = door.browser()
    door.come(browser, pupil)
    assert "code" in browser.open(moodle.start().url).parameters
    assert door.events() == both

    back = door.browser().sign_in(moodle.start().url, pupil.username, OWN)
    assert "code" in back.parameters
    assert door.events()[2:] == both

    transition = figures(trial, "transition")
    assert (transition["sign_ins"], transition["esia_sign_ins"]) == (2, 0)
    assert figures(trial, "activity")["active"] == 1
    assert figures(trial, "coverage")["ever"] == 1


def test_the_page_names_the_person_and_leads_to_the_applications_that_let_them_in(
    door: OwnPage,
) -> None:
    pupil = door.person(A, "p-1")
    page = door.come(door.browser(), pupil)
    (who,) = lxml.html.fromstring(page.text).xpath("//p[@class='who']/text()")
    assert who == f"{pupil.family_name} {pupil.given_name} {pupil.middle_name}".strip()
    assert buttons(page) == {"Moodle школ": "https://moodle.example/"}
    assert buttons(door.come(door.browser(), door.person(A, "t-1"))) == {
        "journal": "https://journal.example/",
        "Moodle школ": "https://moodle.example/",
    }


def test_where_no_application_says_where_it_begins_the_page_still_says_what_to_do(
    trial: Trial,
) -> None:
    trial.sync(trial.write(A, pupils("p", 1)))
    with serving(trial, clients=(WITHOUT_HOME,)) as door:
        page = door.come(door.browser(), door.person(A, "p-1"))
    assert buttons(page) == {}
    assert "откройте нужное приложение" in page.text
