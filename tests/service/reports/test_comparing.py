"""Comparison with the period before, and with the district and the city around."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from service.models import OperatorRole
from tests.service.console_factories import (
    NOW,
    Browser,
    ConsoleUnderTest,
    add_operator,
    add_school,
    make_console,
)
from tests.service.coverage_city import add_person, sign_in

COVERAGE = "/console/reports/coverage"
SEPTEMBER = {"from": "2026-09-01", "to": "2026-09-30"}


@pytest.fixture
def console(tmp_path: Path) -> ConsoleUnderTest:
    """Each school has two pupils; in "own" one signed in in August and both in September."""
    console = make_console(tmp_path)
    with console.rows() as rows:
        for code, district in (("own", "Невский"), ("sister", "Невский"), ("far", "Выборгский")):
            add_school(rows, code, district=district, last_applied_at=NOW)
            for number in (1, 2):
                add_person(rows, f"{code}-{number}", code)
        sign_in(rows, "own-1", datetime(2026, 8, 5, tzinfo=UTC))
        for number in (1, 2):
            sign_in(rows, f"own-{number}", datetime(2026, 9, 5, tzinfo=UTC))
        add_operator(rows, "city")
        add_operator(rows, "district", role=OperatorRole.DISTRICT, scope=["Невский"])
        add_operator(rows, "school", role=OperatorRole.SCHOOL, scope=["own"])
    return console


def figures(browser: Browser, **question: str) -> dict[str, Any]:
    answer = browser.get(f"{COVERAGE}.json", **SEPTEMBER | question)
    assert answer.status_code == 200
    data: dict[str, Any] = answer.json
    return data


def test_the_period_before_stands_beside_each_figure_as_a_change(console: ConsoleUnderTest) -> None:
    data = figures(console.client("city"), compare="previous", school="own")
    everybody = next(row for row in data["rows"] if row["role"] == "all")
    assert (everybody["in_period"], everybody["in_period_change"]) == (2, 1)
    assert (everybody["in_period_share"], everybody["in_period_share_change"]) == (1.0, 0.5)
    assert (everybody["ever"], everybody["ever_change"]) == (2, 1)
    staff = next(row for row in data["rows"] if row["role"] == "teacher")
    assert staff["in_period_share_change"] is None
    page = console.client("city").get(COVERAGE, compare="previous", **SEPTEMBER).text
    assert "01.08.2026–31.08.2026" in page


@pytest.mark.parametrize(
    ("operator", "rolls"), [("city", [2, 4, 6]), ("district", [2, 4, 4]), ("school", [2])]
)
def test_a_school_stands_beside_what_the_operator_may_see(
    console: ConsoleUnderTest, operator: str, rolls: list[int]
) -> None:
    data = figures(console.client(operator), compare="around", school="own")
    assert [row["roll"] for row in data["totals"] if row["role"] == "all"] == rolls
    page = console.client(operator).get(COVERAGE, compare="around", school="own", **SEPTEMBER)
    assert page.status_code == 200


def test_something_else_cannot_be_compared_with(console: ConsoleUnderTest) -> None:
    assert console.client("city").get(COVERAGE, compare="moon").status_code == 400
