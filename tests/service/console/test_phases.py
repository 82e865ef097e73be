"""Phases in the console: set, shown, moved, exempted, and who would be locked out."""

from __future__ import annotations

import csv
from datetime import date
from io import StringIO
from pathlib import Path

import pytest
from sqlalchemy import select

from auth.signin.phases import Phase, Who
from service.models import PhaseExemption, PhaseRule
from tests.service.console_factories import (
    ConsoleUnderTest,
    add_operators,
    add_school,
    make_console,
)
from tests.service.factories import add
from tests.service.slip_factories import add_person

OWN, FOREIGN = "78-0243", "78-0153"


@pytest.fixture
def console(tmp_path: Path) -> ConsoleUnderTest:
    """A school of two people, and one of another district; the city goes over on 1 November."""
    console = make_console(tmp_path)
    with console.rows() as rows:
        add_operators(rows, school=OWN, district="Адмиралтейский")
        add_school(rows, OWN, district="Адмиралтейский")
        add_school(rows, FOREIGN, district="Невский")
        add_person(rows, "a", OWN, family_name="Примеров", birth_date=date(2010, 5, 1))
        add_person(rows, "b", OWN, family_name="=Учителева", role="teacher")
        add_person(rows, "c", FOREIGN, family_name="Чужова")
        add(rows, PhaseRule, phase=Phase.ESIA_ONLY, starts_on=date(2026, 11, 1))
    return console


def test_a_phase_is_set_moved_and_removed(console: ConsoleUnderTest) -> None:
    city = console.client("city")
    page = city.post(
        "/console/phases/rules",
        **{"school": OWN, "class": "8А", "phase": "both", "starts_on": "2026-10-05"},
    )
    assert page.status_code == 303
    text = city.get("/console/phases").text
    assert f"Школа {OWN}, класс 8А" in text
    assert "через 3 дня" in text
    moved = city.post("/console/phases/rules/2/move", starts_on="2026-10-09")
    assert moved.status_code == 303
    assert "9 октября 2026" in city.get("/console/phases").text
    assert city.post("/console/phases/rules/2/remove").status_code == 303
    with console.rows() as rows:
        assert len(rows.scalars(select(PhaseRule)).all()) == 1


def test_esia_only_is_refused_in_words_where_nobody_could_sign_in(
    console: ConsoleUnderTest,
) -> None:
    page = console.client("city").post(
        "/console/phases/rules", phase="esia_only", starts_on="2026-12-01"
    )
    assert page.status_code == 409
    assert "вход через ЕСИА не настроен" in page.text


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"phase": "both", "starts_on": "2026-10-01"}, "этот день уже прошёл"),
        ({"phase": "both", "starts_on": "вчера"}, "этот день уже прошёл"),
        ({"phase": "none", "starts_on": "2026-10-05"}, "укажите район или школу"),
        ({"phase": "both", "starts_on": "2026-11-01"}, "уже назначен этап"),
        ({"phase": "both", "starts_on": "2026-11-02", "district": "Нет"}, "этого района"),
        ({"phase": "both", "starts_on": "2026-11-02", "class": "8А"}, "только вместе"),
    ],
)
def test_what_cannot_be_set_is_explained_beside_the_form(
    console: ConsoleUnderTest, fields: dict[str, str], says: str
) -> None:
    page = console.client("city").post("/console/phases/rules", **fields)
    assert page.status_code == 409
    assert says in page.text.lower()


def test_people_and_groups_are_exempted_with_a_reason(console: ConsoleUnderTest) -> None:
    district = console.client("district")
    one = district.post(
        "/console/phases/exemptions", login="48pa", who="all", reason="нет паспорта"
    )
    group = district.post(
        "/console/phases/exemptions",
        school=OWN, who="under_14", reason="дети", until="2027-05-31",
    )  # fmt: skip
    assert {one.status_code, group.status_code} == {303}
    text = district.get("/console/phases").text
    assert "нет паспорта" in text
    assert "ученики младше 14 лет" in text
    assert "31 мая 2027" in text
    with console.rows() as rows:
        assert {row.who for row in rows.scalars(select(PhaseExemption))} == {Who.ALL, Who.UNDER_14}
    foreign = district.post("/console/phases/exemptions", login="48pc", who="all", reason="чужой")
    assert foreign.status_code == 404
    assert "48pc" in foreign.text
    assert 'role="alert"' in foreign.text
    assert district.post("/console/phases/exemptions/1/remove").status_code == 303


def test_a_school_operator_looks_and_changes_nothing(console: ConsoleUnderTest) -> None:
    school = console.client("school")
    text = school.get("/console/phases").text
    assert "Только ЕСИА" in text
    assert "Новое правило" not in text
    assert "Удалить" not in text
    answers = [
        school.post("/console/phases/rules", school=OWN, phase="both", starts_on="2026-12-01"),
        school.post("/console/phases/rules/1/move", starts_on="2026-12-01"),
        school.post("/console/phases/rules/1/remove"),
    ]
    assert {answer.status_code for answer in answers} == {404}


def test_who_would_be_locked_out_is_listed_by_school_and_by_name(
    console: ConsoleUnderTest,
) -> None:
    city = console.client("city")
    assert "войти смогут все" in city.get("/console/phases/locked-out").text
    schools = city.get("/console/phases/locked-out", day="2026-11-01").text
    assert f"school={OWN}" in schools
    assert f"school={FOREIGN}" in schools
    people = city.get("/console/phases/locked-out", day="2026-11-01", school=OWN).text
    assert "Примеров" in people
    assert "Чужова" not in people


def test_others_people_are_on_no_list(console: ConsoleUnderTest) -> None:
    for operator in ("district", "school"):
        browser = console.client(operator)
        schools = browser.get("/console/phases/locked-out", day="2026-11-01").text
        assert OWN in schools
        assert FOREIGN not in schools
        foreign = browser.get("/console/phases/locked-out", day="2026-11-01", school=FOREIGN)
        assert foreign.status_code == 404
        file = browser.get("/console/phases/locked-out.csv", day="2026-11-01")
        assert "Чужова" not in file.text
        narrowed = browser.get("/console/phases/locked-out.csv", day="2026-11-01", school=FOREIGN)
        assert len(narrowed.text.splitlines()) == 1


def test_the_list_is_a_file_that_a_spreadsheet_reads(console: ConsoleUnderTest) -> None:
    answer = console.client("city").get("/console/phases/locked-out.csv", day="2026-11-01")
    assert answer.headers["Content-Type"].startswith("text/csv")
    rows = list(csv.DictReader(StringIO(answer.data.decode("utf-8-sig")), delimiter=";"))
    assert rows[0]["Логин"] == "48pc"
    assert {row["Фамилия"] for row in rows} == {"Примеров", "'=Учителева", "Чужова"}
    assert {row["Класс"] for row in rows} == {"8А", ""}
