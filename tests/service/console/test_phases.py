"""Phases in the console: set, shown, moved, exempted, and who would be locked out."""

from __future__ import annotations

import csv
from datetime import date
from io import StringIO

import pytest

from auth.signin.phases import Phase, Who
from service.models import PhaseExemption, PhaseRule
from tests.service.console_factories import Browser, ConsoleUnderTest, shows
from tests.service.factories import add, add_known_person, add_school

OWN, FOREIGN = "78-0243", "78-0153"
RULES, EXEMPTIONS = "/console/phases/rules", "/console/phases/exemptions"
LOCKED_OUT = "/console/phases/locked-out"


@pytest.fixture
def console(console: ConsoleUnderTest) -> ConsoleUnderTest:
    """A school of two people, and one of another district; the city goes over on 1 November."""
    with console.rows() as rows:
        add_school(rows, OWN)
        add_school(rows, FOREIGN, district="Адмиралтейский")
        add_known_person(rows, "a", OWN, birth_date=date(2010, 5, 1))
        add_known_person(rows, "b", OWN, family_name="=Учителева", role="teacher")
        add_known_person(rows, "c", FOREIGN, family_name="Чужова")
        add(rows, PhaseRule, phase=Phase.ESIA_ONLY, starts_on=date(2026, 11, 1))
    return console


def test_a_phase_is_set_moved_and_removed(console: ConsoleUnderTest, city: Browser) -> None:
    rule = {"school": OWN, "class": "8А", "phase": "both", "starts_on": "2026-10-05"}
    assert city.post(RULES, **rule).status_code == 303
    text = city.get("/console/phases").text
    shows(text, f"Школа {OWN}, класс 8А", "через 3 дня")
    assert city.post(f"{RULES}/2/move", starts_on="2026-10-09").status_code == 303
    assert "9 октября 2026" in city.get("/console/phases").text
    assert city.post(f"{RULES}/2/remove").status_code == 303
    assert [rule.id for rule in console.all(PhaseRule)] == [1]


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"phase": "both", "starts_on": "2026-10-01"}, "этот день уже прошёл"),
        ({"phase": "both", "starts_on": "вчера"}, "этот день уже прошёл"),
        ({"phase": "none", "starts_on": "2026-10-05"}, "укажите район или школу"),
        ({"phase": "both", "starts_on": "2026-11-01"}, "уже назначен этап"),
        ({"phase": "both", "starts_on": "2026-11-02", "district": "Нет"}, "этого района"),
        ({"phase": "both", "starts_on": "2026-11-02", "class": "8А"}, "только вместе"),
        ({"phase": "esia_only", "starts_on": "2026-12-01"}, "вход через есиа не настроен"),
    ],
)
def test_what_cannot_be_set_is_explained_beside_the_form(
    city: Browser, fields: dict[str, str], says: str
) -> None:
    page = city.post(RULES, **fields)
    assert page.status_code == 409
    assert says in page.text.lower()


def test_people_and_groups_are_exempted_with_a_reason(console: ConsoleUnderTest) -> None:
    district = console.client("district")
    one = {"login": "48pa", "who": "all", "reason": "нет паспорта"}
    group = {"school": OWN, "who": "under_14", "reason": "дети", "until": "2027-05-31"}
    assert {district.post(EXEMPTIONS, **each).status_code for each in (one, group)} == {303}
    text = district.get("/console/phases").text
    shows(text, "нет паспорта", "ученики младше 14 лет", "31 мая 2027")
    assert {row.who for row in console.all(PhaseExemption)} == {Who.ALL, Who.UNDER_14}
    foreign = district.post(EXEMPTIONS, login="48pc", who="all", reason="чужой")
    shows(foreign, "48pc", 'role="alert"', status=404)
    assert district.post(f"{EXEMPTIONS}/1/remove").status_code == 303


def test_a_school_operator_looks_and_changes_nothing(console: ConsoleUnderTest) -> None:
    school = console.client("school")
    text = school.get("/console/phases").text
    assert "Только ЕСИА" in text
    assert "Новое правило" not in text
    assert "Удалить" not in text
    for address in (RULES, f"{RULES}/1/move", f"{RULES}/1/remove"):
        answer = school.post(address, school=OWN, phase="both", starts_on="2026-12-01")
        assert answer.status_code == 404, address


def test_who_would_be_locked_out_is_listed_by_school_and_by_name(city: Browser) -> None:
    assert "войти смогут все" in city.get(LOCKED_OUT).text
    shows(city.get(LOCKED_OUT, day="2026-11-01").text, f"school={OWN}", f"school={FOREIGN}")
    people = city.get(LOCKED_OUT, day="2026-11-01", school=OWN).text
    assert "Примеров" in people
    assert "Чужова" not in people


@pytest.mark.parametrize("operator", ["district", "school"])
def test_others_people_are_on_no_list(console: ConsoleUnderTest, operator: str) -> None:
    browser = console.client(operator)
    schools = browser.get(LOCKED_OUT, day="2026-11-01").text
    assert OWN in schools
    assert FOREIGN not in schools
    assert browser.get(LOCKED_OUT, day="2026-11-01", school=FOREIGN).status_code == 404
    assert "Чужова" not in browser.get(f"{LOCKED_OUT}.csv", day="2026-11-01").text
    narrowed = browser.get(f"{LOCKED_OUT}.csv", day="2026-11-01", school=FOREIGN)
    assert len(narrowed.text.splitlines()) == 1


def test_the_list_is_a_file_that_a_spreadsheet_reads(city: Browser) -> None:
    answer = city.get(f"{LOCKED_OUT}.csv", day="2026-11-01")
    assert answer.headers["Content-Type"].startswith("text/csv")
    rows = list(csv.DictReader(StringIO(answer.data.decode("utf-8-sig")), delimiter=";"))
    assert rows[0]["Логин"] == "48pc"
    assert {row["Фамилия"] for row in rows} == {"Примеров", "'=Учителева", "Чужова"}
    assert {row["Класс"] for row in rows} == {"8А", ""}
