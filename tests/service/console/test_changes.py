"""The pages of changes and findings: what they show, filter, find and hide."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pytest

from provisioning.changes import Action, Kind
from service.models import Load
from tests.service.console_factories import Browser, ConsoleUnderTest
from tests.service.factories import (
    add_finding,
    add_load,
    add_plan,
    add_school,
    make_change,
    make_user_change,
)

CHANGES = "/console/loads/1/changes"
FINDINGS = "/console/loads/1/findings"
BIRTH_DATES = ("2012-09-01", "2011-09-01")


@pytest.fixture
def console(console: ConsoleUnderTest) -> ConsoleUnderTest:
    with console.rows() as rows:
        add_school(rows, "78-0153")
        add_school(rows)
        load = add_load(rows)
        cohort = {"idnumber": "class:8a", "name": "8А · Школа № 243"}
        corrected = make_user_change("p-2", Action.UPDATE)
        corrected.after |= {"lastname": "Щукина", "department": "7А"}
        corrected.before = corrected.after | {"birth_date": BIRTH_DATES[1]}
        refused = make_user_change("p-3", result="failed", code="username_taken")
        refused.after |= {"lastname": "Отказова"}
        made = make_change(Kind.COHORT, Action.CREATE, "class:8a", after=cohort)
        member = make_change(Kind.MEMBER, Action.ADD, "class:8a|p-1")
        changes = [made, make_user_change("p-1"), refused, corrected, member]
        add_plan(rows, load, changes=changes)
        add_plan(rows, load, "78-0153", [make_user_change(f"q-{n}") for n in range(120)])
        add_finding(rows, load)
        add_finding(rows, load, rule="match.key_reused", severity="error", school_code="78-0153")
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


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *((text, ["Щукина Пример Примерович"]) for text in ("Щукина", "щукин", "ЩУКИНА", "p-2")),
        ("%", []),  # no wildcard
    ],
)
def test_a_posted_text_finds_in_any_case(city: Browser, text: str, expected: list[str]) -> None:
    assert titles(city.post(CHANGES, text=text).text) == expected


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


DIFFERENCE = [f"<del>{BIRTH_DATES[1]}</del>", f"<ins>{BIRTH_DATES[0]}</ins>"]
MEMBERSHIP = ["Примеров Пример Примерович", "8А · Школа № 243"]
PLACE_AND_VALUE = ["students.xml, строка 7", "СНИЛС", "112-233-445 95", "Примеров Пример"]


@pytest.mark.parametrize(
    ("operator", "address", "filters", "shown", "hidden"),
    [
        ("school", CHANGES, "action=update", DIFFERENCE, ["<del>7А</del>"]),
        ("city", CHANGES, "kind=user&action=update", ["Дата рождения"], BIRTH_DATES),
        ("city", CHANGES, "kind=user&action=create", ["Дата рождения"], BIRTH_DATES),
        ("city", CHANGES, "result=failed", ["Логин в Moodle занят другим человеком"], []),
        ("city", CHANGES, "kind=member", MEMBERSHIP, []),
        ("school", FINDINGS, "", PLACE_AND_VALUE, []),
        ("city", FINDINGS, "", ["••••••"], ["112-233-445 95"]),
        ("city", FINDINGS, "severity=error", ["severity-error"], ["severity-warning"]),
        ("city", FINDINGS, "rule=match.key_reused", ["severity-error"], ["severity-warning"]),
        ("city", FINDINGS, "school=78-0153", ["severity-error"], ["severity-warning"]),
    ],
    ids=[
        "only changed fields", "birth dates before", "birth dates of the new", "outcomes in words",
        "a member and the group", "where and what", "private values", "severity", "rule", "school",
    ],
)  # fmt: skip
def test_each_operator_reads_what_concerns_the_own_part(
    console: ConsoleUnderTest, operator: str, address: str, filters: str, shown: Sequence[str],
    hidden: Sequence[str],
) -> None:  # fmt: skip
    page = console.client(operator).get(f"{address}?{filters}").text
    assert [text for text in shown if text not in page] == []
    assert [text for text in hidden if text in page] == []


def test_the_worst_findings_come_first(city: Browser) -> None:
    page = city.get(FINDINGS).text
    assert page.index("severity-error") < page.index("severity-warning")


def test_a_row_that_is_taken_without_its_number_is_not_called_set_aside(
    console: ConsoleUnderTest, city: Browser
) -> None:
    other = dict.fromkeys(("other_school", "other_file", "other_line", "other_id"), "0")
    with console.rows() as rows:
        load, code = rows.get_one(Load, 1), "78-0153"
        rule = {"rule": "match.snils_other_name", "severity": "error", "details": other}
        add_finding(rows, load, school_code=code, **rule)
    page = city.get(FINDINGS, rule="match.snils_other_name").text
    assert "Строка принята с ошибкой</span></h2>" in page
    assert "Строка отложена</span></h2>" not in page
    assert "Строка отложена</span></h2>" in city.get(FINDINGS, severity="error").text
    for verdict in ("taken", "error"):
        assert f"findings?severity={verdict}" in city.get("/console/loads/1").text
