"""The pages of changes and findings: what they show, filter, find and hide."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from provisioning.changes import Action, Kind
from service.models import Load, OperatorRole
from tests.service.console_factories import (
    Browser,
    ConsoleUnderTest,
    add_finding,
    add_operator,
    add_plan,
    add_run,
    add_school,
    make_change,
    make_console,
    make_user_change,
)

CHANGES = "/console/loads/1/changes"
FINDINGS = "/console/loads/1/findings"
BIRTH_DATES = ("2012-09-01", "2011-09-01")


@pytest.fixture
def console(tmp_path: Path) -> ConsoleUnderTest:
    console = make_console(tmp_path)
    with console.rows() as rows:
        add_operator(rows)
        add_operator(rows, "school", OperatorRole.SCHOOL, ["78-0243"])
        add_school(rows, "78-0153")
        add_school(rows, "78-0243")
        run = add_run(rows)
        cohort = {"idnumber": "class:8a", "name": "8А · Школа № 243"}
        corrected = make_user_change("p-2", Action.UPDATE)
        corrected.after |= {"lastname": "Щукина", "department": "7А"}
        corrected.before = corrected.after | {"birth_date": BIRTH_DATES[1]}
        refused = make_user_change("p-3", result="failed", code="username_taken")
        refused.after |= {"lastname": "Отказова"}
        add_plan(
            rows,
            run,
            "78-0243",
            [
                make_change(Kind.COHORT, Action.CREATE, "class:8a", after=cohort),
                make_user_change("p-1"),
                refused,
                corrected,
                make_change(Kind.MEMBER, Action.ADD, "class:8a|p-1"),
            ],
        )
        others = [make_user_change(f"q-{n}") for n in range(120)]
        add_plan(rows, run, "78-0153", others)
        add_finding(rows, run)
        add_finding(rows, run, rule="match.key_reused", severity="error", school_code="78-0153")
    return console


def titles(page: str) -> list[str]:
    """The row headings of the table of changes."""
    cells = page.split('<th scope="row"')[1:]
    return [cell.split(">", 1)[1].split("</th>", 1)[0] for cell in cells]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"kind": "cohort"}, ["8А · Школа № 243"]),
        ({"kind": "user", "action": "update"}, ["Щукина Пример Примерович"]),
        ({"result": "failed"}, ["Отказова Пример Примерович"]),
        ({"school": "78-0243", "kind": "member"}, ["Примеров Пример Примерович"]),
        ({"school": "78-9999"}, []),
    ],
)
def test_filters_in_the_address_narrow_the_list(
    city: Browser, filters: dict[str, str], expected: list[str]
) -> None:
    assert titles(city.get(CHANGES, **filters).text) == expected


@pytest.mark.parametrize("text", ["Щукина", "щукин", "ЩУКИНА", "p-2"])
def test_a_posted_text_finds_people_in_any_case(city: Browser, text: str) -> None:
    page = city.post(CHANGES, text=text).text
    assert titles(page) == ["Щукина Пример Примерович"]


def test_a_wildcard_in_the_text_is_a_plain_letter(city: Browser) -> None:
    assert titles(city.post(CHANGES, text="%").text) == []


def test_long_lists_are_paged_also_after_a_search(city: Browser) -> None:
    second = city.get(CHANGES, school="78-0153", page=2).text
    assert len(titles(second)) == 20
    assert "101–120 из 120" in second
    assert re.search(r'rel="prev" href="[^"]*page=1', second)
    found = city.post(CHANGES, text="Примеров", page="2").text
    assert "101–123 из 123" in found
    assert not re.search(r'(href|action)="[^"]*(Примеров|%D0%9F)', found), "never in an address"


def test_a_page_beyond_the_last_is_the_last(city: Browser) -> None:
    assert len(titles(city.get(CHANGES, school="78-0153", page=99).text)) == 20


def test_only_changed_fields_are_shown_with_before_and_after(console: ConsoleUnderTest) -> None:
    page = console.client("school").get(CHANGES, action="update").text
    assert f"<del>{BIRTH_DATES[1]}</del>" in page
    assert f"<ins>{BIRTH_DATES[0]}</ins>" in page
    assert "<del>7А</del>" not in page


def test_birth_dates_are_hidden_from_all_but_the_school(city: Browser) -> None:
    for filters in ({"action": "update"}, {"action": "create"}):
        page = city.get(CHANGES, kind="user", **filters).text
        assert "Дата рождения" in page
        assert not any(date in page for date in BIRTH_DATES)


def test_outcomes_are_told_in_words(city: Browser) -> None:
    page = city.get(CHANGES, result="failed").text
    assert "Логин в Moodle занят другим человеком" in page


def test_a_membership_names_the_person_and_the_group(city: Browser) -> None:
    page = city.get(CHANGES, kind="member").text
    assert "Примеров Пример Примерович" in page
    assert "8А · Школа № 243" in page


def test_findings_say_where_what_and_what_to_do(console: ConsoleUnderTest) -> None:
    page = console.client("school").get(FINDINGS).text
    assert "students.xml, строка 7" in page
    assert "СНИЛС" in page
    assert "112-233-445 95" in page
    assert "Примеров Пример" in page


def test_a_private_value_in_a_finding_is_hidden_from_the_city(city: Browser) -> None:
    page = city.get(FINDINGS).text
    assert "112-233-445 95" not in page
    assert "••••••" in page


def test_the_worst_findings_come_first(city: Browser) -> None:
    page = city.get(FINDINGS).text
    assert page.index("severity-error") < page.index("severity-warning")


@pytest.mark.parametrize(
    "filters", [{"severity": "error"}, {"rule": "match.key_reused"}, {"school": "78-0153"}]
)
def test_findings_can_be_filtered(city: Browser, filters: dict[str, str]) -> None:
    page = city.get(FINDINGS, **filters).text
    assert "severity-error" in page
    assert "severity-warning" not in page


def test_a_row_that_is_taken_without_its_number_is_not_called_set_aside(
    console: ConsoleUnderTest,
) -> None:
    other = dict.fromkeys(("other_school", "other_file", "other_line", "other_id"), "0")
    with console.rows() as rows:
        run = rows.get_one(Load, 1)
        add_finding(
            rows, run, rule="match.snils_other_name", severity="error", school_code="78-0153",
            details=other,
        )  # fmt: skip
    browser = console.client("city")
    page = browser.get(FINDINGS, rule="match.snils_other_name").text
    assert "Строка принята с ошибкой</span></h2>" in page
    assert "Строка отложена</span></h2>" not in page
    assert "Строка отложена</span></h2>" in browser.get(FINDINGS, severity="error").text
    for verdict in ("taken", "error"):
        assert f"findings?severity={verdict}" in browser.get("/console/loads/1").text
