"""People are found by any part of name, login or class, and only those an operator may see."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest

from service.models import OperatorRole
from service.people.search import SHOWN
from service.sample.rows import Row
from tests.service.console_factories import Browser
from tests.service.factories import PASSWORD, add_operator
from tests.service.own_page import OwnPage, serving
from tests.service.trial import CLASSES, A, B, Trial, make_class, on_both_databases, pupil, teacher


def named(row: Row, family: str, given: str = "Проба") -> Row:
    changed = replace(row.person, family_name=family, given_name=given, middle_name="")
    return replace(row, person=changed)


@pytest.fixture(autouse=True)
def _anna(trial: Trial) -> None:
    with trial.rows() as session:
        add_operator(session, "anna", OperatorRole.SCHOOL, [A])


@pytest.fixture
def door(trial: Trial) -> Iterator[OwnPage]:
    """Two schools of two districts, each with an operator."""
    mine = [
        named(pupil("s-1"), "Щёткина-Ёлкина", "Алёна"),
        named(pupil("s-2", "c-2"), "Щеткин"),
        named(teacher("t-1"), "Процентова"),
    ]
    foreign = [named(pupil("f-1", "c-9"), "Щёткина", "Чужая")]
    trial.sync(trial.write(A, mine, classes=CLASSES))
    trial.sync(trial.write(B, foreign, classes=[make_class("c-9", "11-Ы")]))
    with trial.rows() as session:
        add_operator(session, "boris", OperatorRole.DISTRICT, ["Кировский"])
        add_operator(session, "city", OperatorRole.CITY)
    with serving(trial) as door:
        yield door


def console(door: OwnPage, who: str = "anna") -> Browser:
    browser = Browser(door.app.test_client())
    browser.post("/console/signin", username=who, password=PASSWORD)
    return browser


def found(browser: Browser, text: str) -> set[str]:
    """Family names of the answer, in a list or on the card of the only one."""
    answer = browser.post("/console/people", text=text)
    assert answer.status_code in {200, 404}, answer.status_code
    names = re.findall(r'<th scope="row">([^<]+)</th>|<h2 id="found">([^<]+)</h2>', answer.text)
    assert bool(names) is (answer.status_code == 200)
    return {"".join(pair).split()[0] for pair in names}


@on_both_databases
def test_a_part_of_name_login_or_class_finds_whoever_may_be_seen(door: OwnPage) -> None:
    browser = console(door)
    pupil_login = door.person(A, "s-2").username
    expected: dict[str, set[str]] = {
        "щетк": {"Щёткина-Ёлкина", "Щеткин"},
        "ЩЁТКИН": {"Щёткина-Ёлкина", "Щеткин"},
        "ёлкина": {"Щёткина-Ёлкина"},
        "Щеткина-Елкина алена": {"Щёткина-Ёлкина"},
        "алена щетк": {"Щёткина-Ёлкина"},
        "8б": {"Щеткин"},
        "8-Б": {"Щеткин"},
        "щетк 8а": {"Щёткина-Ёлкина"},
        "щетк 8б проба": {"Щеткин"},
        pupil_login: {"Щеткин"},
        pupil_login[1:].upper(): {"Щеткин"},
        pupil_login.replace("p", "р"): {"Щеткин"},
        # Not of this school, though the city has them.
        "чужая": set(),
        "11ы": set(),
        door.person(B, "f-1").username: set(),
        # Nothing means everybody.
        "": set(),
        "   ": set(),
        "%": set(),
        "_": set(),
        "\\": set(),
        "щ%н": set(),
        "ще_кин": set(),
        "щетк'": {"Щеткин", "Щёткина-Ёлкина"},
        "щетк" * 500: set(),
    }
    assert {text: found(browser, text) for text in expected} == expected
    assert found(console(door, "boris"), "щетк") == {"Щёткина"}
    assert found(console(door, "city"), "щетк") == {"Щёткина-Ёлкина", "Щеткин", "Щёткина"}


def test_a_list_leads_to_the_card_and_no_name_stands_in_an_address(door: OwnPage) -> None:
    browser = console(door)
    page = browser.post("/console/people", text="щетк").text
    assert "Сбросить пароль" not in page
    login = door.person(A, "s-2").username
    assert f'name="login" value="{login}"' in page
    card = browser.post("/console/people", login=login).text
    assert "Сбросить пароль" in card
    for address in re.findall(r'(?:href|action)="([^"]*)"', page + card):
        assert login not in address
    unasked = browser.get("/console/people", text="щетк").text
    assert "Щеткин" not in unasked


def test_the_class_at_another_school_finds_nobody_here(trial: Trial) -> None:
    here = named(pupil("both", who="both"), "Обоюдова")
    there = replace(here, class_id="c-9")
    other = named(pupil("o-1"), "Другова")
    trial.sync(trial.write(A, [here, other], classes=CLASSES))
    trial.sync(trial.write(B, [there, other], classes=[make_class("c-9", "11Ы"), CLASSES[0]]))
    with serving(trial) as door:
        browser = console(door)
        assert door.person(A, "both").person_id == door.person(B, "both").person_id
        assert found(browser, "обоюдова") == found(browser, "обоюд 8а") == {"Обоюдова"}
        assert found(browser, "11ы") == found(browser, "обоюдова 11ы") == set()


def test_of_very_many_the_first_are_shown_with_what_to_do(trial: Trial) -> None:
    rows = [named(pupil(f"m-{number}"), "Многова") for number in range(SHOWN + 5)]
    trial.sync(trial.write(A, rows))
    with serving(trial) as door:
        page = console(door).post("/console/people", text="многова").text
    assert page.count('<th scope="row">') == SHOWN
    assert "Людей больше, чем показано" in page
