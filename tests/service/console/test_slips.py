"""The pages that show and reset passwords: what they show, to whom, and what they leave behind."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select

from auth.models import Credential
from provisioning.settings import MoodleSettings, PasswordSettings
from service.models import OperatorRole
from tests.service.console_factories import (
    Browser,
    ConsoleUnderTest,
    add_operator,
    add_school,
    make_console,
)
from tests.service.slip_factories import MOODLE, add_person, choose_own_password

SCHOOL = "78-0243"
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
        add_person(rows, "a", SCHOOL)
        add_person(rows, "b", SCHOOL, family_name="Образцов", class_id="c-9", class_title="9Б")
        choose_own_password(rows, "b")
    return console


@pytest.fixture
def console(tmp_path: Path) -> ConsoleUnderTest:
    return make_city(tmp_path)


def own_passwords(console: ConsoleUnderTest) -> list[str]:
    with console.rows() as rows:
        return list(rows.scalars(select(Credential.person_id)))


def test_a_school_operator_comes_straight_to_the_classes(console: ConsoleUnderTest) -> None:
    page = console.client("anna").get("/console/slips").text
    assert page.index("8А") < page.index("9Б") < page.index("Вся школа")
    assert FIRST not in page
    assert console.acts() == []


def test_the_city_chooses_a_school_first(console: ConsoleUnderTest) -> None:
    city = console.client("city")
    assert "8А" not in city.get("/console/slips").text
    assert "8А" in city.get("/console/slips", school=SCHOOL).text
    assert "пока ни у кого нет" in city.get("/console/slips", school="78-0500").text
    assert "нет школы" in city.get("/console/slips", school="none").text


def test_a_sheet_is_never_kept_and_each_look_is_written_down(console: ConsoleUnderTest) -> None:
    answer = console.client("anna").get(
        "/console/slips/sheet", **{"school": SCHOOL, "class": "c-8a"}
    )
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Примеров Пример" in answer.text
    assert "48pa" in answer.text
    assert FIRST in answer.text
    assert "латинская" in answer.text
    assert MOODLE in answer.text
    assert "Образцов" not in answer.text
    assert console.acts() == [("anna", "slip.show")]


def test_an_own_password_is_not_replaced_on_the_sheet(console: ConsoleUnderTest) -> None:
    page = console.client("anna").get("/console/slips/sheet", **{"school": SCHOOL, "class": "c-9"})
    assert "Ваш собственный пароль" in page.text
    assert FIRST not in page.text


@pytest.mark.parametrize("school", [SCHOOL, "none", ""])
def test_slips_of_others_do_not_exist(console: ConsoleUnderTest, school: str) -> None:
    answer = console.client("boris").get("/console/slips/sheet", school=school)
    assert answer.status_code == 404
    assert "8А" not in console.client("boris").get("/console/slips", school=school).text
    assert console.acts() == []


def test_a_person_is_found_by_login_and_reset(console: ConsoleUnderTest) -> None:
    anna = console.client("anna")
    found = anna.post("/console/people", login="48рb")
    assert "Образцов Пример" in found.text
    assert "свой, задан самим человеком" in found.text
    assert own_passwords(console) == ["b"]
    answer = anna.post("/console/people/reset", login="48pb")
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert FIRST in answer.text
    assert own_passwords(console) == []
    assert console.acts() == [("anna", "password.reset"), ("anna", "slip.show")]


def test_a_reset_of_a_random_password_shows_a_new_one(tmp_path: Path) -> None:
    console = make_city(tmp_path, first="random")
    anna = console.client("anna")

    def shown(page: str) -> set[str]:
        return {word for word in page.replace("<", ">").split(">") if word.count("-") == 2 and
                len(word) == 14}  # fmt: skip

    once = shown(anna.post("/console/people/reset", login="48pa").text)
    again = shown(anna.post("/console/people/reset", login="48pa").text)
    assert len(once) == len(again) == 1
    assert once != again


@pytest.mark.parametrize("address", ["/console/people", "/console/people/reset"])
def test_people_of_other_schools_are_nobody(console: ConsoleUnderTest, address: str) -> None:
    answer = console.client("boris").post(address, login="48pb")
    assert answer.status_code == 404
    assert "Образцов" not in answer.text
    assert own_passwords(console) == ["b"]
    assert console.acts() == []


def test_a_reset_needs_the_token_of_the_form(console: ConsoleUnderTest) -> None:
    anna = console.client("anna")
    answer = anna.client.post("/console/people/reset", data={"login": "48pb"})
    assert answer.status_code == 400
    assert anna.get("/console/people/reset").status_code == 405
    assert own_passwords(console) == ["b"]


def test_where_moodle_holds_the_passwords_the_page_leads_there(tmp_path: Path) -> None:
    console = make_city(tmp_path, kept_in="moodle")
    anna: Browser = console.client("anna")
    page = anna.post("/console/people", login="48pb").text
    assert f"{MOODLE}/user/editadvanced.php?id=1" in page
    assert "Сбросить пароль" not in page
    refused = anna.post("/console/people/reset", login="48pb")
    assert refused.status_code == 409
    assert own_passwords(console) == ["b"]
    sheet = anna.get("/console/slips/sheet", school=SCHOOL).text
    assert sheet.count("на странице Moodle") == 2
