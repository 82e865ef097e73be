"""An operator of another school walks every page of the console and finds nothing foreign."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import pytest
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from auth.models import LoginEvent
from service.models import KnownUser, Load, LoadStatus, OperatorRole, SchoolMembership
from tests.service.console_factories import (
    NOW,
    ConsoleUnderTest,
    add_file,
    add_finding,
    add_operator,
    add_plan,
    add_run,
    add_school,
    make_console,
    make_user_change,
)

FOREIGN = (
    "78-0153",
    "Школа № 153",
    "Чужова",
    "9999p9999",
    "students-78-0153.xml",
    "Невский",
    "7777",
)
"""What nobody outside the school 78-0153 may read anywhere."""

OPERATORS = {
    "school": (OperatorRole.SCHOOL, ["78-0243"]),
    "district": (OperatorRole.DISTRICT, ["Адмиралтейский"]),
    "nobody": (OperatorRole.SCHOOL, []),
}


@pytest.fixture
def console(tmp_path: Path) -> ConsoleUnderTest:
    """Run 7777 is of the foreign school alone, run 2 of both, made by the city."""
    console = make_console(tmp_path)
    with console.rows() as rows:
        add_operator(rows)
        for name, (role, scope) in OPERATORS.items():
            add_operator(rows, name, role, scope)
        add_school(rows, "78-0243", last_applied_at=NOW)
        add_school(rows, "78-0153", district="Невский")
        for run in (add_run(rows, id=7777), add_run(rows, id=2)):
            foreign = make_user_change("p-9")
            foreign.after |= {"lastname": "Чужова", "username": "9999p9999"}
            add_plan(rows, run, "78-0153", [foreign])
            add_file(rows, run, "78-0153")
            add_finding(rows, run, school_code="78-0153", person="Чужова", field_name="lastname")
        add_plan(rows, run, "78-0243", [make_user_change("p-1")])
        add_file(rows, run, "78-0243")
        person = {"firstname": "Проба", "lastname": "Чужова", "email": "x@school.invalid"}
        names = {"family_name": "Чужова", "given_name": "Проба", "role": "student"}
        rows.add(
            KnownUser(
                person_id="p-9", moodle_id=9, username="9999p9999", auth="oauth2",
                school_code="78-0153", created_at=NOW, updated_at=NOW, **person, **names,
            )
        )  # fmt: skip
        rows.flush()
        rows.add(SchoolMembership(school_code="78-0153", person_id="p-9", role="student"))
        rows.add(
            LoginEvent(
                at=NOW, person_id="p-9", client_id="moodle", method="password", result="allowed",
                reason="", school_code="78-0153", role="student", class_title="",
            )
        )  # fmt: skip
    return console


FILTERS = ({}, {"school": "78-0153"}, {"by": "class"}, {"by": "district"})


def every_request(console: ConsoleUnderTest) -> Iterator[tuple[Rule, str, str]]:
    """Each route of the console, with its addresses about both runs, and each method."""
    for rule in console.app.url_map.iter_rules():
        if not rule.endpoint.startswith("console.") or rule.endpoint == "console.signin.sign_out":
            continue
        for load_id in ("7777", "2") if "load_id" in rule.arguments else ("",):
            for kind in ("csv", "xlsx", "json") if "kind" in rule.arguments else ("",):
                address = rule.rule.replace("<int:load_id>", load_id).replace("<name>", "coverage")
                address = address.replace("<any(csv, xlsx, json):kind>", kind)
                for method in {"GET", "POST"} & (rule.methods or set()):
                    yield rule, address, method


@pytest.mark.parametrize("operator", OPERATORS)
def test_no_page_tells_anything_of_a_foreign_school(
    console: ConsoleUnderTest, operator: str
) -> None:
    browser = console.client(operator)
    requests = list(every_request(console))
    assert len(requests) >= 30
    for rule, address, method in requests:
        for filters in FILTERS:
            if method == "GET":
                answer, own_words = browser.get(address, **filters), {*filters.values()}
            else:
                answer = browser.post(address, text="Чужова", digest="0" * 64, **filters)
                own_words = {"Чужова", *filters.values()}
            text = readable(answer)
            if "7777" in address:
                own_words.add("7777")
            for word in set(FOREIGN) - own_words:
                assert word not in text, (rule, filters)
            if "7777" in address:
                assert answer.status_code == 404, (rule, method)


def readable(answer: TestResponse) -> str:
    """The text of an answer; of a workbook that of its parts."""
    content = answer.get_data()
    if not content.startswith(b"PK"):
        return content.decode("utf-8-sig")
    with ZipFile(BytesIO(content)) as parts:
        return "".join(parts.read(name).decode() for name in parts.namelist())


def test_the_city_sees_what_the_walk_looks_for(console: ConsoleUnderTest) -> None:
    browser = console.client("city")
    pages = [
        browser.get(address).text
        for address in (
            "/console/loads/7777",
            "/console/loads/7777/changes",
            "/console/loads/7777/findings",
            "/console/reports/coverage",
        )
    ]  # fmt: skip
    for word in FOREIGN:
        assert any(word in page for page in pages), word


def test_a_decision_about_a_shared_run_touches_own_schools_only(
    console: ConsoleUnderTest,
) -> None:
    console.client("school").post("/console/loads/2/reject")
    with console.rows() as rows:
        run = rows.get_one(Load, 2)
        assert {p.school_code: p.status for p in run.plans} == {
            "78-0153": "planned",
            "78-0243": "rejected",
        }
        assert run.status == LoadStatus.PLANNED
