"""What the console adds to figures: comparison, the people behind them, publication."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from service.models import OperatorRole, PublishedReport
from tests.service.console_factories import Browser, ConsoleUnderTest, make_console
from tests.service.factories import NOW, add_operator, add_person, add_school, sign_in

COVERAGE = "/console/reports/coverage"
PUBLISHED = "/console/reports/published"
SEPTEMBER = {"from": "2026-09-01", "to": "2026-09-30"}


@pytest.fixture
def console(tmp_path: Path) -> ConsoleUnderTest:
    """Two pupils in each of the schools "own" and "sister" of one district and "far" of another; of
    "own" one signed in in August and both in September. A teacher of "far" works in "own" too. An
    operator of the city, of the district, and of "own"."""
    console = make_console(tmp_path)
    with console.rows() as rows:
        for code, district in (("own", "Невский"), ("sister", "Невский"), ("far", "Выборгский")):
            add_school(rows, code, district=district, last_applied_at=NOW)
            for number in (1, 2):
                add_person(rows, f"{code}-{number}", code, family_name=f"Ученик-{code}")
        for name, month in (("own-1", 8), ("own-1", 9), ("own-2", 9)):
            sign_in(rows, name, datetime(2026, month, 5, tzinfo=UTC))
        add_person(rows, "teacher", "far", "own", role="teacher", family_name="Учитель")
        add_operator(rows, "city")
        add_operator(rows, "district", OperatorRole.DISTRICT, ["Невский"])
        add_operator(rows, "school", OperatorRole.SCHOOL, ["own"])
    return console


def figures(browser: Browser, **question: str) -> dict[str, Any]:
    """Of the school "own"; the page is there too."""
    asked = {**SEPTEMBER, "school": "own", **question}
    assert browser.get(COVERAGE, **asked).status_code == 200
    return browser.get(f"{COVERAGE}.json", **asked).json


def test_the_period_before_stands_beside_each_figure_as_a_change(console: ConsoleUnderTest) -> None:
    rows = figures(console.client("city"), compare="previous")["rows"]
    pupils, staff = (
        next(row for row in rows if row["role"] == role) for role in ("student", "administrator")
    )
    assert (pupils["in_period"], pupils["in_period_change"]) == (2, 1)
    assert (pupils["in_period_share"], pupils["in_period_share_change"]) == (1.0, 0.5)
    assert (pupils["ever"], pupils["ever_change"]) == (2, 1)
    assert staff["in_period_share_change"] is None
    page = console.client("city").get(COVERAGE, compare="previous", **SEPTEMBER).text
    assert "01.08.2026–31.08.2026" in page


@pytest.mark.parametrize(
    ("operator", "rolls"), [("city", [3, 5, 7]), ("district", [3, 5, 5]), ("school", [3])]
)
def test_a_school_stands_beside_what_the_operator_may_see(
    console: ConsoleUnderTest, operator: str, rolls: list[int]
) -> None:
    data = figures(console.client(operator), compare="around")
    assert [row["roll"] for row in data["totals"] if row["role"] == "all"] == rolls


def test_something_else_cannot_be_compared_with(console: ConsoleUnderTest) -> None:
    assert console.client("city").get(COVERAGE, compare="moon").status_code == 400


def look(browser: Browser, row: str, column: str = "roll", **more: str) -> tuple[int, str]:
    answer = browser.get(f"{COVERAGE}/people", row=row, column=column, **more)
    return answer.status_code, answer.text


def test_a_number_of_the_page_leads_to_the_people_behind_it(console: ConsoleUnderTest) -> None:
    browser = console.client("city")
    assert "people?row=own%7Call&amp;column=ever" in browser.get(COVERAGE).text
    status, text = look(browser, "own|all", "ever")
    assert status == 200
    assert "Ученик-own" in text
    assert "Ученик-far" not in text
    assert "people?" not in browser.get(COVERAGE, publish="1").text


def test_every_look_is_audited_with_counts_and_without_names(console: ConsoleUnderTest) -> None:
    look(console.client("school"), "own|all", by="school")
    (entry,) = console.audit()
    assert (entry.action, entry.actor) == ("report.show_people", "school")
    assert entry.details == {
        "report": "coverage", "by": "school", "row": "own|all", "column": "roll", "people": 3,
    }  # fmt: skip


@pytest.mark.parametrize("operator", ["school", "district"])
@pytest.mark.parametrize(
    ("row", "by"),
    [("far|all", "school"), ("Выборгский|all", "district"), ("far|c-8a|student", "class")],
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
    assert "Школа № far" not in text
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


def test_names_are_shown_only_to_the_roles_of_the_settings(console: ConsoleUnderTest) -> None:
    settings = console.application.settings
    shown = replace(settings.reports, names_for=("school",))
    console.application.settings = replace(settings, reports=shown)
    city = console.client("city")
    assert "people?" not in city.get(COVERAGE).text
    assert look(city, "own|all")[0] == 404
    assert look(console.client("school"), "own|all")[0] == 200


def publish_as(console: ConsoleUnderTest, operator: str, **more: str) -> int:
    answered = console.client(operator).post(PUBLISHED, name="coverage", **SEPTEMBER | more)
    assert answered.status_code == 302, answered.text
    return int(answered.headers["Location"].rpartition("/")[2])


def test_the_console_publishes_and_shows_versions(console: ConsoleUnderTest) -> None:
    number = publish_as(console, "city")
    browser = console.client("city")
    page = browser.get(COVERAGE, **SEPTEMBER).text
    assert "Показатели опубликованы" in page
    refused = browser.post(PUBLISHED, name="coverage", **SEPTEMBER)
    assert (refused.status_code, "нужна причина" in refused.text) == (409, True)
    publish_as(console, "city", reason="опоздала загрузка")
    assert "опоздала загрузка" in browser.get(f"{PUBLISHED}/{number}").text
    assert "совпадают" in browser.get(COVERAGE, live="1", **SEPTEMBER).text


def test_every_file_of_a_published_report_is_the_stored_one(console: ConsoleUnderTest) -> None:
    number = publish_as(console, "city")
    with console.rows() as rows:
        add_person(rows, "new", "own")
        stored = rows.get_one(PublishedReport, number).csv
    browser = console.client("city")
    assert browser.get(f"{PUBLISHED}/{number}.csv").data == stored
    assert browser.get(f"{COVERAGE}.csv", **SEPTEMBER).data == stored
    assert browser.get(f"{COVERAGE}.csv", live="1", **SEPTEMBER).data != stored
    assert browser.get(f"{PUBLISHED}/{number}.xlsx").status_code == 200
    forms = [one.details["form"] for one in console.audit() if one.action == "report.export"]
    assert forms == ["csv", "csv", "csv", "xlsx"]


@pytest.mark.parametrize(
    ("operator", "seen"),
    [
        ("city", {"city", "district", "school", "sister"}),
        ("district", {"district", "school", "sister"}),
        ("school", {"school"}),
    ],
)
def test_operators_see_what_is_published_of_their_schools(
    console: ConsoleUnderTest, operator: str, seen: set[str]
) -> None:
    numbers = {who: publish_as(console, who) for who in ("city", "district", "school")}
    numbers["sister"] = publish_as(console, "city", school="sister")
    browser = console.client(operator)
    for name, number in numbers.items():
        expected = 200 if name in seen else 404
        for address in ("", ".csv", ".json"):
            got = browser.get(f"{PUBLISHED}/{number}{address}").status_code
            assert got == expected, (name, address)
    listed = browser.get(PUBLISHED).text
    assert {name for name, n in numbers.items() if f'published/{n}"' in listed} == seen


def test_the_frozen_figures_of_the_city_answer_nobody_else(console: ConsoleUnderTest) -> None:
    publish_as(console, "city")
    page = console.client("school").get(COVERAGE, **SEPTEMBER).text
    assert "Показатели опубликованы" not in page
    assert "far" not in page
