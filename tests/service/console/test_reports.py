"""Reports in the console: the page, its filters and its files."""

from __future__ import annotations

from io import BytesIO

import openpyxl
import pytest

from tests.service.console_factories import Browser, ConsoleUnderTest, shows
from tests.service.factories import add_school

COVERAGE = "/console/reports/coverage"


@pytest.fixture
def browser(console: ConsoleUnderTest, city: Browser) -> Browser:
    with console.rows() as rows:
        add_school(rows, "78-0153")
        add_school(rows, last_applied_at=None)
    return city


def test_the_page_says_no_data_rather_than_zero_per_cent(browser: Browser) -> None:
    page = browser.get(COVERAGE).text
    shows(page, "Школа № 153", "нет данных", "не загружено", "Версия методики")


def test_the_address_chooses_rows_and_period(browser: Browser) -> None:
    page = browser.get(COVERAGE, by="district", **{"from": "2026-09-01", "to": "2026-09-30"}).text
    assert "Школа № 153" not in page
    shows(page, "01.09.2026–30.09.2026", 'value="2026-09-01"')


@pytest.mark.parametrize("kind", ["", ".csv", ".xlsx", ".json"])
def test_impossible_dates_are_explained(browser: Browser, kind: str) -> None:
    answer = browser.get(COVERAGE + kind, **{"from": "2026-09-31", "to": "2026-10-01"})
    shows(answer, "В календаре нет дня", status=400)


def test_the_files_hold_the_figures_of_the_page(browser: Browser) -> None:
    csv = browser.get(f"{COVERAGE}.csv", by="district")
    assert "attachment" in csv.headers["Content-Disposition"]
    assert "Невский" in csv.get_data().decode("utf-8-sig")
    book = openpyxl.load_workbook(BytesIO(browser.get(f"{COVERAGE}.xlsx").get_data()))
    cells = [cell.value for row in book.worksheets[0].iter_rows() for cell in row]
    assert "78-0153" in cells
    assert browser.get(f"{COVERAGE}.json").json


def test_an_unknown_report_is_not_found(browser: Browser) -> None:
    assert browser.get("/console/reports/secrets").status_code == 404
    assert browser.get(f"{COVERAGE}.exe").status_code == 404
