"""The page of the new school year."""

from __future__ import annotations

from datetime import date

import pytest

from service.models import OperatorRole, PlanStatus, SchoolPlan, StoredRehearsal, YearTurn
from tests.service.console_factories import Browser, ConsoleUnderTest, digest_on
from tests.service.factories import add_load, add_operator, add_plan, add_school, make_user_change

ADDRESS = "/console/years?year=2027/2028"


@pytest.fixture
def console(console: ConsoleUnderTest) -> ConsoleUnderTest:
    """A school whose file of the next year waits, and one without."""
    with console.rows() as rows:
        add_school(rows, "78-0153", short_name="Школа № 153", district="Невский")
        add_school(rows, "78-0243", short_name="Школа № 243", district="Кировский")
        load = add_load(rows)
        plan = add_plan(rows, load, "78-0153", [make_user_change("p-1")])
        plan.status, plan.school_year = PlanStatus.PENDING, "2027/2028"
        plan.begins_on = date(2027, 9, 1)
        add_operator(rows, "one", role=OperatorRole.SCHOOL, scope=["78-0243"])
    return console


def test_the_page_tells_how_far_each_school_is(console: ConsoleUnderTest, city: Browser) -> None:
    page = city.get(ADDRESS).text
    assert "Ждёт утверждения" in page
    assert "Файла нового года нет" in page
    alone = console.client("one").get(ADDRESS).text
    assert "Школа № 153" not in alone
    assert "Школа № 243" in alone


def test_a_yes_to_the_next_year_waits_for_its_day(console: ConsoleUnderTest, city: Browser) -> None:
    page = city.get("/console/loads/1").text
    assert "только готовится" in page
    city.post("/console/loads/1/approve", digest=digest_on(page), then="apply")
    plan = console.one(SchoolPlan, 1)
    assert (plan.status, plan.year_confirmed) == ("pending", True)
    assert console.queue.applied == []
    assert "Ваше решение" not in city.get("/console/loads/1").text


def test_a_day_is_set_and_a_wrong_one_is_told(console: ConsoleUnderTest, city: Browser) -> None:
    form = {"year": "2027/2028", "school": "78-0153"}
    city.post("/console/years", turn_on="2027-09-03", **form)
    assert [one.turn_on.isoformat() for one in console.all(YearTurn)] == ["2027-09-03"]
    assert "3 сентября 2027" in city.get(ADDRESS).text
    answer = city.post("/console/years", turn_on="2029-09-03", **form)
    assert answer.status_code == 409
    assert "слишком далёк" in answer.text
    answer = city.post("/console/years", turn_on="2027-09-03", year="2027/2028", district="Невсикй")
    assert (answer.status_code, "«Невсикй»" in answer.text) == (409, True)
    outside = console.client("one").post("/console/years", turn_on="2027-09-03", **form)
    assert outside.status_code == 404


def test_a_load_is_tried_first_with_a_button(console: ConsoleUnderTest, city: Browser) -> None:
    assert "Сначала попробовать" in city.get("/console/loads/1").text
    city.post("/console/loads/1/rehearse")
    assert console.queue.rehearsed == [1]
    page = city.get("/console/loads/1").text
    assert "Проба идёт с" in page
    with console.rows() as rows:
        row = rows.get_one(StoredRehearsal, 1)
        failed = {"kind": "user", "action": "create", "key": "p-1", "code": "username_taken"}
        school = {"code": "78-0153", "status": "applied", "done": {"user.update": 2},
                  "failed": [failed], "skipped": 0, "breaches": []}  # fmt: skip
        row.ended_at, row.result = (
            row.asked_at,
            {"status": "applied_with_failures", "problem": "", "schools": [school]},
        )
    page = city.get("/console/loads/1").text
    assert "Логин в Moodle занят другим человеком" in page
    assert console.client("one").post("/console/loads/1/rehearse").status_code == 404
