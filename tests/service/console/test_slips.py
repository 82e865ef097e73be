"""The pages that show and reset passwords: what they show, to whom, and what they leave behind."""

from __future__ import annotations

from pathlib import Path

import pytest

from auth.models import Credential
from provisioning.settings import MoodleSettings, PasswordSettings
from service.models import OperatorRole
from tests.service.console_factories import Browser, ConsoleUnderTest, make_console, shows
from tests.service.factories import (
    SCHOOL,
    add_known_person,
    add_operator,
    add_school,
    choose_own_password,
)

MOODLE = "https://moodle.example.org"
SHEET, RESET = "/console/slips/sheet", "/console/people/reset"
FIRST = "01092012"


def make_city(home: Path, **passwords: str) -> ConsoleUnderTest:
    settings = PasswordSettings(**passwords)  # type: ignore[arg-type]
    console = make_console(home, passwords=settings, moodle=MoodleSettings(url=MOODLE))
    with console.rows() as rows:
        add_school(rows)
        add_school(rows, "78-0500")
        add_operator(rows)
        add_operator(rows, "anna", OperatorRole.SCHOOL, [SCHOOL])
        add_operator(rows, "boris", OperatorRole.SCHOOL, ["78-0500"])
        add_known_person(rows, "a", SCHOOL)
        of_another_class = {"class_id": "c-9", "class_title": "9Б", "family_name": "Образцов"}
        add_known_person(rows, "b", SCHOOL, **of_another_class)
        choose_own_password(rows, "b")
    return console


@pytest.fixture
def console(tmp_path: Path) -> ConsoleUnderTest:
    return make_city(tmp_path)


@pytest.fixture
def anna(console: ConsoleUnderTest) -> Browser:
    """The browser of the operator of ``SCHOOL``; that of ``boris`` is another's."""
    return console.client("anna")


def own_passwords(console: ConsoleUnderTest) -> list[str]:
    return [one.person_id for one in console.all(Credential)]


def test_a_school_operator_comes_to_the_classes(console: ConsoleUnderTest, anna: Browser) -> None:
    page = anna.get("/console/slips").text
    assert page.index("8А") < page.index("9Б") < page.index("Вся школа")
    assert FIRST not in page
    assert console.acts() == []


def test_the_city_chooses_a_school_first(city: Browser) -> None:
    assert "8А" not in city.get("/console/slips").text
    assert "8А" in city.get("/console/slips", school=SCHOOL).text
    assert "пока ни у кого нет" in city.get("/console/slips", school="78-0500").text
    assert "нет школы" in city.get("/console/slips", school="none").text


def test_a_sheet_is_not_kept_but_audited(console: ConsoleUnderTest, anna: Browser) -> None:
    answer = anna.get(SHEET, **{"school": SCHOOL, "class": "c-8a"})
    assert answer.headers["Cache-Control"] == "no-store"
    for shown in ("Примеров Пример", "48pa", FIRST, "латинская", MOODLE):
        assert shown in answer.text
    assert "Образцов" not in answer.text
    assert console.acts() == [("anna", "slip.show")]


def test_an_own_password_is_not_replaced_on_the_sheet(anna: Browser) -> None:
    page = anna.get(SHEET, **{"school": SCHOOL, "class": "c-9"})
    assert "Ваш собственный пароль" in page.text
    assert FIRST not in page.text


@pytest.mark.parametrize("school", [SCHOOL, "none", ""])
def test_slips_of_others_do_not_exist(console: ConsoleUnderTest, school: str) -> None:
    boris = console.client("boris")
    assert boris.get(SHEET, school=school).status_code == 404
    assert "8А" not in boris.get("/console/slips", school=school).text
    assert console.acts() == []


def test_a_person_is_found_by_login_and_reset(console: ConsoleUnderTest, anna: Browser) -> None:
    found = anna.post("/console/people", login="48рb")
    shows(found.text, "Образцов Пример", "свой, задан самим человеком")
    assert own_passwords(console) == ["b"]
    answer = anna.post(RESET, login="48pb")
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
    assert FIRST in answer.text
    assert own_passwords(console) == []
    assert console.acts() == [("anna", "password.reset"), ("anna", "slip.show")]


@pytest.mark.parametrize("address", ["/console/people", RESET])
def test_people_of_other_schools_are_nobody(console: ConsoleUnderTest, address: str) -> None:
    answer = console.client("boris").post(address, login="48pb")
    assert answer.status_code == 404
    assert "Образцов" not in answer.text
    assert own_passwords(console) == ["b"]
    assert console.acts() == []


def test_a_reset_needs_the_token_of_the_form(console: ConsoleUnderTest, anna: Browser) -> None:
    assert anna.client.post(RESET, data={"login": "48pb"}).status_code == 400
    assert anna.get(RESET).status_code == 405
    assert own_passwords(console) == ["b"]


def test_where_moodle_holds_the_passwords_the_page_leads_there(tmp_path: Path) -> None:
    console = make_city(tmp_path, kept_in="moodle")
    anna = console.client("anna")
    page = anna.post("/console/people", login="48pb").text
    assert f"{MOODLE}/user/editadvanced.php?id=1" in page
    assert "Сбросить пароль" not in page
    assert anna.post(RESET, login="48pb").status_code == 409
    assert own_passwords(console) == ["b"]
    assert anna.get(SHEET, school=SCHOOL).text.count("на странице Moodle") == 2
