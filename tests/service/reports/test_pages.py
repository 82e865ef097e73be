"""What every report has: filters in the address, order, search, print view, PDF, traces."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from service.models import OperatorRole
from service.problems import AskError
from service.reports import REPORTS
from service.reports.definition import PeriodUse
from service.reports.question import Choice, Flag, Number
from service.words.problems import sentence
from tests.service.console_factories import Browser, ConsoleUnderTest, make_console
from tests.service.factories import NOW, add_operator, add_person, add_school

COVERAGE = "/console/reports/coverage"
DOCS = Path(__file__).parents[3] / "docs"


@pytest.fixture
def console(tmp_path: Path) -> ConsoleUnderTest:
    console = make_console(tmp_path)
    with console.rows() as rows:
        add_operator(rows)
        add_operator(rows, "school", role=OperatorRole.SCHOOL, scope=["78-0001"])
        for number in range(1, 131):
            district = "Невский" if number % 2 else "Выборгский"
            add_school(rows, f"78-{number:04}", short_name=f"Школа № {number}", number=str(number),
                       district=district, last_applied_at=NOW)  # fmt: skip
    return console


@pytest.fixture
def browser(console: ConsoleUnderTest) -> Browser:
    return console.client("city")


def codes(page: str) -> list[str]:
    return re.findall(r">(78-\d{4})<", page)


def test_the_list_names_every_report(browser: Browser) -> None:
    page = browser.get("/console/reports/").text
    assert all(f'href="/console/reports/{name}"' in page for name in REPORTS)


def test_a_long_table_comes_in_pages_and_totals_stay(browser: Browser) -> None:
    first, second = browser.get(COVERAGE).text, browser.get(COVERAGE, page="2").text
    assert (len(codes(first)), len(codes(second))) == (100, 30)
    assert "Итого" in second
    assert len(codes(browser.get(f"{COVERAGE}/print").text)) == 130


@pytest.mark.parametrize("name", ["coverage", "funnel"])
def test_classes_come_school_by_school_and_totals_are_of_all(
    console: ConsoleUnderTest, browser: Browser, name: str
) -> None:
    with console.rows() as rows:
        for person_id, school in (("p-1", "78-0002"), ("p-2", "78-0010"), ("p-3", "78-0129")):
            add_person(rows, person_id, school)
    address = f"/console/reports/{name}"
    first, second = (browser.get(address, by="class", page=page).text for page in ("1", "2"))
    assert codes(first) == ["78-0002", "78-0004", "78-0006", "78-0008"]
    assert codes(second)[0] == "78-0010"
    assert "1–4 из 130" in first
    for page in (first, second):
        (total,) = re.findall(r'<tbody class="total">.*?</tbody>', page, re.S)
        assert re.search(r">Все роли<.*?>3<", total, re.S)
    whole = browser.get(address, by="class", sort="-roll").text
    assert set(codes(whole)[:3]) == {"78-0002", "78-0010", "78-0129"}
    assert len(codes(browser.get(f"{address}/print", by="class").text)) == 130


def test_rows_are_found_by_words_whatever_their_case(browser: Browser) -> None:
    assert codes(browser.get(COVERAGE, search="невский № 77").text) == ["78-0077"]
    assert "Строк с этими словами нет" in browser.get(COVERAGE, search="нет такой").text


def test_a_column_sorts_both_ways_and_says_so(browser: Browser) -> None:
    up = browser.get(COVERAGE, sort="school_code").text
    down = browser.get(COVERAGE, sort="-school_code").text
    assert (codes(up)[0], codes(down)[0]) == ("78-0001", "78-0130")
    assert 'aria-sort="descending"' in down
    assert browser.get(COVERAGE, sort="secret").status_code == 400


def test_a_district_or_school_narrows_figures_and_says_so(browser: Browser) -> None:
    page = browser.get(COVERAGE, district="Невский").text
    assert len(codes(page)) == 65
    assert "загружено школ: 65 из 65" in page
    assert set(codes(browser.get(COVERAGE, school="78-0002").text)) == {"78-0002"}


@pytest.mark.parametrize("form", ["", ".csv", ".xlsx", ".json", ".pdf", "/print"])
@pytest.mark.parametrize("where", [{"school": "78-0002"}, {"district": "Выборгский"},
                                   {"school": "no-such"}, {"district": "Чужой"}])  # fmt: skip
def test_a_filter_opens_nothing_outside(
    console: ConsoleUnderTest, form: str, where: dict[str, str]
) -> None:
    answer = console.client("school").get(COVERAGE + form, **where)
    assert answer.status_code == 404
    assert "Школа №" not in answer.text


def test_a_wrong_question_is_explained(browser: Browser) -> None:
    answer = browser.get(COVERAGE, by="planet")
    assert answer.status_code == 400
    assert "district, school, class" in answer.text


def test_every_file_is_audited(console: ConsoleUnderTest, browser: Browser) -> None:
    for form in (".csv", ".xlsx", ".json", "/print"):
        assert browser.get(COVERAGE + form, district="Невский").status_code == 200
    acts = [(one.action, one.details["form"], one.details["district"]) for one in console.audit()]
    forms = ("csv", "xlsx", "json", "print")
    assert acts == [("report.export", form, "Невский") for form in forms]


def test_a_page_of_figures_leaves_no_trace(console: ConsoleUnderTest, browser: Browser) -> None:
    browser.get(COVERAGE)
    assert console.audit() == []


@pytest.mark.parametrize("name", REPORTS)
def test_a_document_says_what_this_version_of_a_report_counts(name: str) -> None:
    named = f"(method `{REPORTS[name].version}`)"
    assert any(named in document.read_text("utf-8") for document in DOCS.glob("*.md"))


@pytest.mark.parametrize("name", REPORTS)
def test_names_of_options_fit_addresses_and_commands(name: str) -> None:
    definition = REPORTS[name]
    assert re.fullmatch(r"[a-z-]+", definition.name)
    assert all(re.fullmatch(r"[a-z_]+", option.name) for option in definition.options)
    assert definition.title()
    assert definition.purpose().endswith(".")


@pytest.mark.parametrize("wrong", [
    {"options": (Flag(name="school", label=str),)},
    {"levels": {"school": str}, "default_level": "planet"},
    {"period": PeriodUse.REQUIRED},
])  # fmt: skip
def test_a_definition_that_contradicts_itself_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="example"):
        replace(REPORTS["funnel"], name="example", **wrong)  # type: ignore[arg-type]


def test_options_read_what_people_type() -> None:
    number = Number(name="below", label=lambda: "Fewer than", default=100, maximum=500)
    share = Number(name="share", label=lambda: "Share", whole=False, maximum=100)
    choice = Choice(
        name="role", label=lambda: "Role", choices={"all": lambda: "all"}, default="all"
    )
    assert (number.read("7"), share.read("12,5"), choice.read("all")) == (7, 12.5, "all")
    assert Flag(name="extra", label=str).read("1") is True
    for option, text in ((number, "501"), (number, "1.5"), (share, "nan"), (choice, "teacher"),
                         (Flag(name="extra", label=str), "yes")):  # fmt: skip
        with pytest.raises(AskError) as refused:
            option.read(text)
        assert ": " in sentence(refused.value)
