"""From a number to the people behind it: as many as counted, for those who may see them."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from service.models import AuditEntry, OperatorRole
from service.settings import ReportSettings
from tests.service.console_factories import (
    NOW,
    Browser,
    ConsoleUnderTest,
    add_operator,
    make_console,
)
from tests.service.coverage_city import add_person, add_school, sign_in
from tests.service.report_questions import check_people
from tests.service.reports.test_coverage_recount import make_city

PEOPLE = "/console/reports/coverage/people"


@pytest.mark.parametrize("by", ["district", "school", "class"])
def test_as_many_people_are_behind_each_number_as_it_says(session: Session, by: str) -> None:
    make_city(session, random.Random(7))
    assert check_people(session, "coverage", by=by) > 40


@pytest.fixture
def console(tmp_path: Path) -> ConsoleUnderTest:
    return filled(make_console(tmp_path))


def filled(console: ConsoleUnderTest) -> ConsoleUnderTest:
    """Two schools of two districts; a teacher of both."""
    with console.rows() as rows:
        for code, district in (("own", "Невский"), ("other", "Выборгский")):
            add_school(rows, code, district=district, last_applied_at=NOW)
            add_person(rows, f"pupil-{code}", code, family_name=f"Ученик-{code}")
            sign_in(rows, f"pupil-{code}", NOW)
        add_person(rows, "teacher", "other", "own", role="teacher", family_name="Учитель")
        add_operator(rows, "city")
        add_operator(rows, "school", role=OperatorRole.SCHOOL, scope=["own"])
        add_operator(rows, "district", role=OperatorRole.DISTRICT, scope=["Невский"])
    return console


def look(browser: Browser, row: str, column: str = "roll", **more: str) -> tuple[int, str]:
    answer = browser.get(PEOPLE, row=row, column=column, **more)
    return answer.status_code, answer.text


def test_a_number_of_the_page_leads_to_the_people_behind_it(console: ConsoleUnderTest) -> None:
    browser = console.client("city")
    page = browser.get("/console/reports/coverage").text
    assert "people?row=own%7Call&amp;column=ever" in page
    status, text = look(browser, "own|all", "ever")
    assert status == 200
    assert "Ученик-own" in text
    assert "Ученик-other" not in text


def test_every_look_is_audited_with_counts_and_without_names(console: ConsoleUnderTest) -> None:
    look(console.client("school"), "own|all", **{"by": "school"})
    with console.rows() as rows:
        shown = AuditEntry.action == "report.show_people"
        entry = rows.scalars(select(AuditEntry).where(shown)).one()
        assert entry.actor == "school"
        assert entry.details == {
            "report": "coverage", "by": "school", "row": "own|all", "column": "roll", "people": 2,
        }  # fmt: skip


@pytest.mark.parametrize("operator", ["school", "district"])
@pytest.mark.parametrize(
    ("row", "by"),
    [
        ("other|all", "school"),
        ("Выборгский|all", "district"),
        ("other|c-8a|student", "class"),
    ],
)
def test_nobody_sees_people_of_others(
    console: ConsoleUnderTest, operator: str, row: str, by: str
) -> None:
    status, text = look(console.client(operator), row, by=by)
    assert status == 404
    assert "Ученик" not in text


def test_the_other_school_of_a_teacher_is_not_named(console: ConsoleUnderTest) -> None:
    _status, text = look(console.client("school"), "own|teacher")
    assert "Учитель" in text
    assert "Школа № other" not in text
    assert "Школа № own" in text


@pytest.mark.parametrize(
    ("row", "column"),
    [
        ("own|all", "loaded"),
        ("own|all", "account_share"),
        ("own|guardian", "roll"),
        ("", "roll"),
        ("own|all", "in_period"),
        ("own|all", "nothing"),
    ],
)
def test_what_is_no_number_of_people_is_not_found(
    console: ConsoleUnderTest, row: str, column: str
) -> None:
    assert look(console.client("city"), row, column)[0] == 404


def test_names_are_shown_only_to_the_roles_of_the_settings(tmp_path: Path) -> None:
    console = filled(make_console(tmp_path, reports=ReportSettings(names_for=("school",))))
    city = console.client("city")
    assert "people?" not in city.get("/console/reports/coverage").text
    assert look(city, "own|all")[0] == 404
    assert look(console.client("school"), "own|all")[0] == 200


def test_published_figures_lead_to_nobody(console: ConsoleUnderTest) -> None:
    browser = console.client("city")
    assert "people?" not in browser.get("/console/reports/coverage", publish="1").text
