"""The page of a run and the operator's decisions about it."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select

from provisioning.changes import Action
from service.loads import claims
from service.models import Load, LoadStatus, OperatorRole, PlanStatus, SchoolPlan
from tests.service.console_factories import (
    BREACH,
    NOW,
    Browser,
    ConsoleUnderTest,
    add_file,
    add_finding,
    add_operator,
    add_plan,
    add_run,
    add_school,
    digest_on,
    make_console,
    make_user_change,
)


@pytest.fixture
def console(tmp_path: Path) -> ConsoleUnderTest:
    """Run 1: two schools wait for approval, the second one over its limits."""
    console = make_console(tmp_path)
    with console.rows() as rows:
        add_operator(rows)
        add_school(rows, "78-0153", last_applied_at=None)
        add_school(rows, "78-0243", last_applied_at=None)
        run = add_run(rows)
        add_file(rows, run, "78-0153")
        add_plan(rows, run, "78-0153", [make_user_change("p-1"), make_user_change("p-2")])
        suspension = make_user_change("p-3", Action.SUSPEND)
        add_plan(rows, run, "78-0243", [suspension], breaches=[BREACH], set_aside=4)
        add_finding(rows, run, school_code="78-0243")
    return console


def shown_digest(city: Browser) -> str:
    return digest_on(city.get("/console/loads/1").text)


def statuses(console: ConsoleUnderTest) -> dict[str, str]:
    with console.rows() as rows:
        plans = rows.execute(select(SchoolPlan.school_code, SchoolPlan.status)).all()
        return {**dict(plans), "run": rows.get_one(Load, 1).status}


def set_run(console: ConsoleUnderTest, status: LoadStatus, **values: object) -> None:
    with console.rows() as rows:
        run = rows.get_one(Load, 1)
        run.status = status
        for name, value in values.items():
            setattr(run, name, value)


def approve_plans(console: ConsoleUnderTest) -> None:
    with console.rows() as rows:
        for plan in rows.scalars(select(SchoolPlan)):
            plan.status = PlanStatus.APPROVED


def test_the_page_shows_schools_counts_limits_findings_and_files(city: Browser) -> None:
    page = city.get("/console/loads/1").text
    assert "Школа № 153" in page
    assert "Учётные записи: создать" in page
    assert "Вход закроется у 57 из 300 человек" in page
    assert "students-78-0153.xml" in page
    assert "severity=warning" in page


def test_the_list_shows_runs_and_filters_by_state(city: Browser) -> None:
    everything = city.get("/console/loads").text
    assert "№ 1" in everything
    assert "/console/loads/1" not in city.get("/console/loads", status="applied").text


def test_the_first_page_shows_what_waits(city: Browser) -> None:
    page = city.get("/console/").text
    assert "ждёт утверждения" in page
    assert "Ни разу не загружалась" in page


def test_a_missing_worker_is_told_to_whoever_can_start_one(
    console: ConsoleUnderTest, city: Browser
) -> None:
    with console.rows() as rows:
        add_operator(rows, "school", OperatorRole.SCHOOL, ["78-0243"])
    assert "Исполнитель заданий не запущен" in city.get("/console/").text
    assert "Исполнитель" not in console.client("school").get("/console/").text


def test_an_approval_leaves_out_a_school_over_its_limits(
    console: ConsoleUnderTest, city: Browser
) -> None:
    city.post("/console/loads/1/approve", digest=shown_digest(city))
    assert statuses(console) == {"78-0153": "approved", "78-0243": "planned", "run": "approved"}
    assert console.queue.applied == []


def test_a_ticked_school_over_its_limits_is_approved_and_marked(
    console: ConsoleUnderTest, city: Browser
) -> None:
    digest = shown_digest(city)
    answer = city.post(
        "/console/loads/1/approve", digest=digest, over_limits="78-0243", then="apply"
    )
    assert statuses(console) == {"78-0153": "approved", "78-0243": "approved", "run": "approved"}
    with console.rows() as rows:
        confirmed = select(SchoolPlan.school_code).where(SchoolPlan.limits_confirmed)
        assert rows.scalars(confirmed).all() == ["78-0243"]
    assert console.queue.applied == [1]
    assert "Ждёт исполнителя" in city.get(answer.location or "").text


def test_a_second_press_approves_no_school_that_nobody_ticked(
    console: ConsoleUnderTest, city: Browser
) -> None:
    """Two schools are over their limits, one is confirmed, and the button is pressed twice."""
    with console.rows() as rows:
        first = rows.scalars(select(SchoolPlan).where(SchoolPlan.school_code == "78-0153")).one()
        first.breaches = [BREACH]
    fields = {"digest": shown_digest(city), "over_limits": "78-0243", "then": "apply"}
    decided = {"78-0153": "planned", "78-0243": "approved", "run": "approved"}
    assert city.post("/console/loads/1/approve", **fields).status_code == 302
    assert statuses(console) == decided
    answer = city.post("/console/loads/1/approve", **fields)
    assert answer.status_code == 409
    assert "city уже принял решение" in answer.text.replace("City", "city")
    assert statuses(console) == decided
    assert console.queue.applied == [1]


def test_an_approval_without_a_digest_is_no_approval(
    console: ConsoleUnderTest, city: Browser
) -> None:
    assert city.post("/console/loads/1/approve", digest="").status_code == 400
    assert statuses(console)["run"] == "planned"


def test_a_rejected_run_is_finished(console: ConsoleUnderTest, city: Browser) -> None:
    city.post("/console/loads/1/reject")
    assert statuses(console)["run"] == "rejected"
    assert 'name="digest"' not in city.get("/console/loads/1").text


def test_a_decision_about_a_shared_run_touches_own_schools_only(console: ConsoleUnderTest) -> None:
    with console.rows() as rows:
        add_operator(rows, "school", OperatorRole.SCHOOL, ["78-0243"])
    console.client("school").post("/console/loads/1/reject")
    assert statuses(console) == {"78-0153": "planned", "78-0243": "rejected", "run": "planned"}


@pytest.mark.parametrize("status", [LoadStatus.APPROVED, LoadStatus.STOPPED])
def test_an_approved_or_stopped_run_can_be_applied(
    console: ConsoleUnderTest, city: Browser, status: LoadStatus
) -> None:
    approve_plans(console)
    set_run(console, status)
    city.post("/console/loads/1/apply")
    assert console.queue.applied == [1]


def test_a_stopped_run_says_why_and_offers_to_go_on(
    console: ConsoleUnderTest, city: Browser
) -> None:
    approve_plans(console)
    problem = "moodle.MoodleUnavailable: core_user_create_users: timeout"
    set_run(console, LoadStatus.STOPPED, problem=problem)
    page = city.get("/console/loads/1").text
    assert "Moodle не отвечает (core_user_create_users: timeout)" in page
    assert "Продолжить" in page


def test_progress_is_followed_only_while_somebody_works_on_the_run(
    console: ConsoleUnderTest, city: Browser
) -> None:
    approve_plans(console)
    working = {"claimed_by": claims.own_name(), "claimed_at": NOW}
    set_run(console, LoadStatus.APPLYING, **working)
    page = city.get("/console/loads/1").text
    assert "data-progress" in page
    assert "http-equiv=" in page, "without JavaScript the page loads itself again"
    figures = city.get("/console/loads/1/progress.json").json
    assert figures == {
        "status": "applying", "busy": True, "total": 3, "done": 0, "failed": 0, "skipped": 0
    }  # fmt: skip
    set_run(console, LoadStatus.APPLYING, claimed_by="", claimed_at=None)
    page = city.get("/console/loads/1").text
    assert "data-progress" not in page
    assert "Продолжить" in page


def test_stop_is_a_wish_that_the_worker_reads(console: ConsoleUnderTest, city: Browser) -> None:
    set_run(console, LoadStatus.APPLYING)
    city.post("/console/loads/1/stop")
    with console.rows() as rows:
        assert rows.get_one(Load, 1).stop_requested


def test_a_run_that_was_read_is_not_read_again(console: ConsoleUnderTest, city: Browser) -> None:
    city.post("/console/loads/1/plan")
    assert console.queue.planned == []


def test_an_address_of_an_earlier_version_leads_on(city: Browser) -> None:
    answer = city.get("/console/runs/1/findings?severity=error")
    assert answer.status_code == 301
    assert answer.headers["Location"] == "/console/loads/1/findings?severity=error"
    assert city.get("/console/runs").headers["Location"] == "/console/loads"
