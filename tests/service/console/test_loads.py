"""The page of a load and the operator's decisions about it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from provisioning.changes import Action
from service.loads import claims
from service.models import KeptBefore, KeptWhat, Load, LoadStatus, PlanStatus, SchoolPlan
from tests.service.console_factories import Browser, ConsoleUnderTest, digest_on, shows
from tests.service.factories import (
    BREACH,
    NOW,
    add_file,
    add_finding,
    add_load,
    add_plan,
    add_school,
    make_user_change,
)

LOAD = "/console/loads/1"
APPROVE = f"{LOAD}/approve"


@pytest.fixture
def console(console: ConsoleUnderTest) -> ConsoleUnderTest:
    """Load 1: two schools wait for approval, the second one over its limits."""
    with console.rows() as rows:
        add_school(rows, "78-0153", last_applied_at=None)
        add_school(rows, "78-0243", last_applied_at=None)
        load = add_load(rows)
        add_file(rows, load, "78-0153")
        add_plan(rows, load, "78-0153", [make_user_change("p-1"), make_user_change("p-2")])
        suspension = make_user_change("p-3", Action.SUSPEND)
        add_plan(rows, load, "78-0243", [suspension], breaches=[BREACH], set_aside=4)
        add_finding(rows, load, school_code="78-0243")
    return console


def statuses(console: ConsoleUnderTest) -> tuple[str, ...]:
    """Of the plans of both schools, and of the load."""
    plans = {plan.school_code: plan.status for plan in console.all(SchoolPlan)}
    return plans["78-0153"], plans["78-0243"], console.one(Load, 1).status


def set_load(console: ConsoleUnderTest, status: LoadStatus, **values: object) -> None:
    """Everything of it was approved."""
    with console.rows() as rows:
        load = rows.get_one(Load, 1)
        for name, value in {"status": status, **values}.items():
            setattr(load, name, value)
        for plan in load.plans:
            plan.status = PlanStatus.APPROVED


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        (LOAD, ["Школа № 153", "Учётные записи: создать", "лишатся входа 57 из 300 человек"]),
        (LOAD, ["students-78-0153.xml", "severity=warning"]),
        ("/console/loads", ["№ 1"]),
        ("/console/", ["ждёт утверждения", "Ни разу не загружалась"]),
    ],
)
def test_pages_show_what_came_and_what_waits(city: Browser, address: str, shown: list[str]) -> None:
    page = city.get(address).text
    assert [text for text in shown if text not in page] == []


def test_the_list_is_filtered_by_state(city: Browser) -> None:
    assert LOAD not in city.get("/console/loads", status="applied").text


def test_a_missing_worker_is_told_to_whoever_can_start_one(console: ConsoleUnderTest) -> None:
    assert "Исполнитель заданий не запущен" in console.client("city").get("/console/").text
    assert "Исполнитель" not in console.client("school").get("/console/").text


def test_a_yes_leaves_out_what_is_over_limits(console: ConsoleUnderTest, city: Browser) -> None:
    city.post(APPROVE, digest=digest_on(city.get(LOAD).text))
    assert statuses(console) == ("approved", "planned", "approved")
    assert console.queue.applied == []


def test_what_is_ticked_is_approved_and_marked(console: ConsoleUnderTest, city: Browser) -> None:
    digest = digest_on(city.get(LOAD).text)
    answer = city.post(APPROVE, digest=digest, over_limits="78-0243", then="apply")
    assert statuses(console) == ("approved", "approved", "approved")
    confirmed = [plan.school_code for plan in console.all(SchoolPlan) if plan.limits_confirmed]
    assert confirmed == ["78-0243"]
    assert console.queue.applied == [1]
    assert "Ждёт исполнителя" in city.get(answer.location or "").text


def test_a_second_press_approves_nothing_unticked(console: ConsoleUnderTest, city: Browser) -> None:
    """Two schools are over their limits, one is confirmed, and the button is pressed twice."""
    with console.rows() as rows:
        for plan in rows.get_one(Load, 1).plans:
            plan.breaches = [BREACH]
    digest = digest_on(city.get(LOAD).text)
    for expected in (302, 409):
        answer = city.post(APPROVE, digest=digest, over_limits="78-0243", then="apply")
        assert answer.status_code == expected
        assert statuses(console) == ("planned", "approved", "approved")
    assert "city уже принял решение" in answer.text.replace("City", "city")
    assert console.queue.applied == [1]


def test_a_yes_without_a_digest_is_no_approval(console: ConsoleUnderTest, city: Browser) -> None:
    assert city.post(APPROVE, digest="").status_code == 400
    assert statuses(console)[2] == "planned"


def test_a_rejected_load_is_finished(console: ConsoleUnderTest, city: Browser) -> None:
    city.post(f"{LOAD}/reject")
    assert statuses(console)[2] == "rejected"
    assert 'name="digest"' not in city.get(LOAD).text


def test_a_decision_about_a_shared_load_touches_own_schools_only(console: ConsoleUnderTest) -> None:
    console.client("school").post(f"{LOAD}/reject")
    assert statuses(console) == ("planned", "rejected", "planned")


@pytest.mark.parametrize("status", [LoadStatus.APPROVED, LoadStatus.STOPPED])
def test_an_approved_or_stopped_load_can_be_applied(
    console: ConsoleUnderTest, city: Browser, status: LoadStatus
) -> None:
    set_load(console, status)
    city.post(f"{LOAD}/apply")
    assert console.queue.applied == [1]


def test_a_stopped_load_says_why_and_can_go_on(console: ConsoleUnderTest, city: Browser) -> None:
    problem = "moodle.MoodleUnavailable: core_user_create_users: timeout"
    set_load(console, LoadStatus.STOPPED, problem=problem)
    shows(city.get(LOAD).text, "Moodle не отвечает (core_user_create_users: timeout)", "Продолжить")


def test_progress_is_followed_while_at_work(console: ConsoleUnderTest, city: Browser) -> None:
    set_load(console, LoadStatus.APPLYING, claimed_by=claims.own_name(), claimed_at=NOW)
    page = city.get(LOAD).text
    assert "data-progress" in page
    assert "http-equiv=" in page, "without JavaScript the page loads itself again"
    assert city.get(f"{LOAD}/progress.json").json == {
        "status": "applying", "busy": True, "total": 3, "done": 0, "failed": 0, "skipped": 0,
        "waits": "",
    }  # fmt: skip
    set_load(console, LoadStatus.APPLYING, claimed_by="", claimed_at=None)
    page = city.get(LOAD).text
    assert "data-progress" not in page
    assert "Продолжить" in page


def test_a_load_that_waits_says_why_and_until_when(
    console: ConsoleUnderTest, city: Browser
) -> None:
    problem, at_work = "moodle.MoodleUnavailable: x: http_503", claims.own_name()
    until = NOW + timedelta(minutes=5)
    claimed = {"claimed_by": at_work, "claimed_at": NOW, "problem": problem, "waits_until": until}
    set_load(console, LoadStatus.APPLYING, **claimed)
    page = city.get(LOAD).text
    shows(page, "Moodle не отвечает (x: http_503)", "Следующая попытка: 2 окт. 2026, 12:35:00")
    assert f'data-waits="{until.isoformat()}"' in page, "the page is loaded anew when that changes"
    assert city.get(f"{LOAD}/progress.json").json["waits"] == until.isoformat()


def test_stop_is_a_wish_that_the_worker_reads(console: ConsoleUnderTest, city: Browser) -> None:
    set_load(console, LoadStatus.APPLYING)
    city.post(f"{LOAD}/stop")
    assert console.one(Load, 1).stop_requested


def test_a_load_that_was_read_is_not_read_again(console: ConsoleUnderTest, city: Browser) -> None:
    city.post(f"{LOAD}/plan")
    assert console.queue.planned == []


def test_an_address_of_an_earlier_version_leads_on(city: Browser) -> None:
    answer = city.get("/console/runs/1/findings?severity=error")
    assert (answer.status_code, answer.location) == (301, f"{LOAD}/findings?severity=error")
    assert city.get("/console/runs").location == "/console/loads"


@pytest.fixture
def too_much(console: ConsoleUnderTest) -> ConsoleUnderTest:
    """Both schools together lose more than the city may in a day; a third one loses nothing."""
    with console.rows() as rows:
        for plan in rows.get_one(Load, 1).plans:
            plan.breaches, plan.losses = [], {"suspended": 200}
            plan.unusual = [
                {"figure": "pupils", "compared": "own", "value": 90.0, "usual": 600.0},
            ]  # fmt: skip
        add_school(rows, "78-0999", last_applied_at=None)
        add_plan(rows, rows.get_one(Load, 1), "78-0999", [make_user_change("p-9")])
    return console


def test_a_plan_that_is_too_much_for_a_day_waits_for_the_city(
    too_much: ConsoleUnderTest, city: Browser
) -> None:
    page = city.get(LOAD).text
    assert "за сутки" in page
    assert "учащихся: 90, обычно 600" in page
    # Without the tick only the harmless school is approved.
    city.post(APPROVE, digest=digest_on(page))
    found = {one.school_code: one.status for one in too_much.all(SchoolPlan)}
    assert found == {"78-0153": "planned", "78-0243": "planned", "78-0999": "approved"}
    page = city.get(LOAD).text
    answer = city.post(APPROVE, digest=digest_on(page))
    assert answer.status_code == 409
    assert "ждут согласия города" in answer.text
    city.post(APPROVE, digest=digest_on(page), city_day="1")
    found = {one.school_code: one.city_confirmed for one in too_much.all(SchoolPlan)}
    assert found == {"78-0153": True, "78-0243": True, "78-0999": False}


def test_a_district_cannot_say_yes_for_the_city(too_much: ConsoleUnderTest) -> None:
    district = too_much.client("district")
    page = district.get(LOAD).text
    assert "ждут согласия города" in page
    assert 'name="city_day"' not in page
    answer = district.post(APPROVE, digest=digest_on(page), schools="78-0243", city_day="1")
    assert answer.status_code == 409


def test_an_applied_load_is_undone_by_a_new_one_that_is_looked_at_first(
    console: ConsoleUnderTest, city: Browser
) -> None:
    assert "Отменить эту загрузку" not in city.get(LOAD).text
    with console.rows() as rows:
        load = rows.get_one(Load, 1)
        load.status = LoadStatus.APPLIED
        for plan in load.plans:
            plan.status, plan.started, plan.counted_at = PlanStatus.APPLIED, True, NOW
            rows.add(KeptBefore(plan_id=plan.id, what=KeptWhat.SCHOOL, key="", before={}, after={}))
    assert "Отменить эту загрузку" in city.get(LOAD).text
    answer = city.post(f"{LOAD}/undo", also_changed="1")
    assert (answer.location or "").endswith("/console/loads/2")
    assert console.queue.planned == [2]
    undoing = console.one(Load, 2)
    assert undoing.undoes == {"loads": [1], "also_changed": True}
    assert undoing.only_schools == ["78-0153", "78-0243"]
    with console.rows() as rows:
        for plan in rows.get_one(Load, 1).plans:
            plan.status = PlanStatus.UNDONE
            plan.undone_by = add_plan(rows, rows.get_one(Load, 2), plan.school_code).id
        rows.get_one(Load, 1).status = LoadStatus.UNDONE
    page = city.get(LOAD).text
    assert "загрузкой № 2" in page
    assert "возвращает то, что изменили загрузки" in city.get("/console/loads/2").text
    # A school undoes its own part only.
    refused = console.client("school").post(f"{LOAD}/undo")
    assert refused.status_code == 409
