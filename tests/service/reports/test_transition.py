"""The transition to ЕСИА: links, exemptions, who would be locked out, phases and steps."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from auth.models import Method
from auth.signin.phases import CITY, Phase, Target, Who
from service.access import Scope
from service.calendar.period import Period
from service.models import Milestone, OperatorRole
from service.reports.report import Report
from service.reports.suppression import hide_small
from service.settings import ReportSettings
from tests.service.coverage_city import add_person, add_school, sign_in
from tests.service.report_questions import built, check_people, check_queries, line
from tests.service.signin.test_phases import exemption, link, rule

pytestmark = pytest.mark.usefixtures("english")

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
TODAY = date(2026, 11, 20)
SWITCH = date(2027, 1, 8)
WEEK = Period(first=date(2026, 11, 7), last=date(2026, 11, 13))
TUESDAY = datetime(2026, 11, 10, 9, tzinfo=UTC)


def build(session: Session, **overrides: Any) -> Report:
    return built(session, "transition", **{"period": WEEK, "now": NOW} | overrides)


def plan_switch(session: Session) -> None:
    session.add(rule(CITY, Phase.BOTH, date(2026, 9, 1)))
    session.add(rule(CITY, Phase.ESIA_ONLY, SWITCH))
    session.flush()


def test_who_would_be_locked_out_is_counted_on_the_day_of_the_switch(session: Session) -> None:
    add_school(session, "1")
    plan_switch(session)
    for name in ("linked", "open", "child"):
        add_person(session, name, "1", birth_date=date(2016, 1, 1) if name == "child" else None)
    add_person(session, "no-account", "1", moodle_id=None)
    add_person(session, "gone", "1", suspended=True)
    session.add(link("linked"))
    session.add(exemption(CITY, who=Who.UNDER_14))
    session.flush()
    report = build(session)
    row = line(report, "1")
    assert (row["accounts"], row["exempt"], row["linked"], row["locked_out"]) == (3, 1, 1, 1)
    assert row["linked_share"] == 0.5
    assert "Passwords end on 08.01.2027." in report.notes
    (column,) = [each for each in report.columns if each.key == "locked_out"]
    assert column.title == "Could not sign in on 08.01.2027"


def test_exemptions_are_counted_apart_so_that_everybody_can_be_reached(session: Session) -> None:
    add_school(session, "1")
    plan_switch(session)
    add_person(session, "linked", "1")
    add_person(session, "exempt", "1")
    session.add(link("linked"))
    session.add(exemption(Target(school_code="1"), person_id="exempt"))
    session.flush()
    row = line(build(session), "1")
    assert (row["linked_share"], row["locked_out"]) == (1.0, 0)


def test_all_exempt_leaves_nothing_to_take_a_share_of(session: Session) -> None:
    add_school(session, "1")
    add_school(session, "never", last_applied_at=None)
    plan_switch(session)
    add_person(session, "exempt", "1")
    session.add(exemption(Target(school_code="1"), person_id="exempt"))
    session.flush()
    report = build(session)
    assert line(report, "1")["linked_share"] is None
    never = line(report, "never")
    assert [never[name] for name in ("accounts", "linked", "locked_out", "esia_share")] == [
        None, None, None, None,
    ]  # fmt: skip
    assert never["below"] == "no"


def test_without_a_planned_switch_nobody_knows_who_would_be_locked_out(session: Session) -> None:
    add_school(session, "1")
    add_person(session, "p", "1")
    report = build(session)
    assert line(report, "1")["locked_out"] is None
    (column,) = [each for each in report.columns if each.key == "locked_out"]
    assert column.absent == "no switch is planned"
    assert "It is not ruled when passwords end." in report.notes


def test_where_passwords_have_ended_those_locked_out_today_are_counted(session: Session) -> None:
    add_school(session, "1")
    add_person(session, "p", "1")
    report = build(session, settings=ReportSettings(phase="esia_only"))
    assert line(report, "1")["locked_out"] == 1
    assert "Passwords have ended already, for all or for some." in report.notes
    session.add(rule(CITY, Phase.BOTH, TODAY))
    session.add(rule(Target(school_code="1"), Phase.ESIA_ONLY, TODAY + timedelta(days=3)))
    session.flush()
    assert "Passwords end on 23.11.2026." in build(session).notes


def test_sign_ins_through_esia_leave_single_sign_on_out(session: Session) -> None:
    add_school(session, "1")
    add_school(session, "2")
    add_person(session, "p", "1")
    for method, count in ((Method.ESIA, 3), (Method.PASSWORD, 1), (Method.SESSION, 5)):
        for _number in range(count):
            sign_in(session, "p", TUESDAY, method=method, school_code="1")
    sign_in(session, "p", TUESDAY - timedelta(days=7), method=Method.ESIA, school_code="1")
    report = build(session)
    row = line(report, "1")
    assert (row["sign_ins"], row["esia_sign_ins"], row["esia_share"]) == (4, 3, 0.75)
    assert line(report, "2")["esia_share"] is None
    chart = report.chart
    assert chart
    assert len(chart.labels) == 12
    assert (chart.labels[-1], chart.target) == ("13.11.26", 1.0)
    assert chart.series[0].values == (*[None] * 10, 1.0, 0.75)


@pytest.mark.parametrize(
    ("moment", "counted"),
    [
        ("2026-11-06T20:59:59.999999+00:00", 0),
        ("2026-11-06T21:00:00+00:00", 1),
        ("2026-11-13T20:59:59.999999+00:00", 1),
        ("2026-11-13T21:00:00+00:00", 0),
    ],
)
def test_the_week_of_sign_ins_begins_on_saturday_and_ends_on_friday_in_moscow(
    session: Session, moment: str, counted: int
) -> None:
    add_school(session, "1")
    add_person(session, "p", "1")
    sign_in(session, "p", datetime.fromisoformat(moment), method=Method.ESIA, school_code="1")
    assert line(build(session), "1")["esia_sign_ins"] == counted


def test_schools_below_the_threshold_are_told_apart(session: Session) -> None:
    for code, people, linked in (("low", 3, 1), ("half", 2, 1), ("full", 1, 1)):
        add_school(session, code)
        for number in range(people):
            add_person(session, f"{code}-{number}", code)
            if number < linked:
                session.add(link(f"{code}-{number}"))
    session.flush()
    report = build(session)
    assert {key: line(report, key)["below"] for key in report.keys} == {
        "low": "yes", "half": "no", "full": "no",
    }  # fmt: skip
    assert "With less than 50 % of people linked: 1 of 3." in report.notes
    only = build(session, options={"only_below": True, "below": 60.0})
    assert set(only.keys) == {"low", "half"}
    assert line(only, "total")["linked"] == 3


def test_a_person_of_two_schools_counts_at_the_main_one_only(session: Session) -> None:
    add_school(session, "1")
    add_school(session, "2", district="Выборгский")
    add_person(session, "t", "1", "2", role="teacher")
    report = build(session)
    assert (line(report, "1")["accounts"], line(report, "2")["accounts"]) == (1, None)
    assert line(report, "total")["accounts"] == 1


def test_phases_in_force_and_to_come_stand_at_each_school_and_in_a_list(session: Session) -> None:
    add_school(session, "1")
    add_school(session, "2")
    session.add(rule(CITY, Phase.PASSWORD_ONLY, date(2026, 9, 1)))
    session.add(rule(Target(school_code="1"), Phase.BOTH, TODAY))
    plan = date(2026, 12, 1)
    session.add(rule(CITY, Phase.BOTH, date(2026, 10, 1)))
    session.add(rule(Target(district="Невский"), Phase.ESIA_ONLY, plan))
    session.flush()
    report = build(session)
    rows = [line(report, code) for code in "12"]
    assert [(row["phase"], row["next_phase"]) for row in rows] == [
        ("password and ЕСИА", "—"), ("password and ЕСИА", "ЕСИА only from 01.12.2026"),
    ]  # fmt: skip
    phases = build(session, by="phases")
    assert sorted(row[1:] for row in phases.rows) == sorted([
        ("password only", "", "default"), ("password only", "01.09.2026", "replaced"),
        ("password and ЕСИА", "01.10.2026", "in_force"),
        ("ЕСИА only", "01.12.2026", "to_come"), ("password and ЕСИА", "20.11.2026", "in_force"),
    ])  # fmt: skip
    assert len(set(phases.keys)) == 5


def test_steps_of_the_plan_name_who_is_responsible_and_what_is_overdue(session: Session) -> None:
    for number, due, done in (
        ("1.1", date(2026, 11, 19), None), ("1.2", TODAY, None), ("1.3", date(2026, 10, 1), TODAY),
    ):  # fmt: skip
        session.add(
            Milestone(
                number=number, title=f"Шаг {number}", due_on=due, done_on=done,
                responsible=["КО", "АР"],
            )
        )  # fmt: skip
    session.flush()
    steps = build(session, by="steps")
    assert [(row[0], row[4], row[6], row[7]) for row in steps.rows] == [
        ("1.1", "КО, АР", "overdue", 1), ("1.2", "КО, АР", "under way", None),
        ("1.3", "КО, АР", "done", None),
    ]  # fmt: skip
    assert "Overdue steps of the plan and who is responsible: 1.1 (КО, АР)." in steps.notes
    assert hide_small(build(session, by="steps"), 5).rows == steps.rows


@pytest.mark.parametrize("by", ["steps", "phases"])
def test_lists_without_anything_are_empty_and_can_be_published(session: Session, by: str) -> None:
    assert len(hide_small(build(session, by=by), 5).rows) == (by == "phases")


def test_a_hidden_small_number_cannot_be_computed_from_the_total(session: Session) -> None:
    for code, people in (("1", 2), ("2", 7), ("3", 9)):
        add_school(session, code)
        for number in range(people):
            add_person(session, f"{code}-{number}", code)

    def accounts(report: Report) -> dict[str, Any]:
        hidden = hide_small(report, 5)
        return {key: line(hidden, key)["accounts"] for key in (*hidden.keys, "total")}

    every = build(session)
    assert accounts(every) == {"1": "<5", "2": "hidden", "3": 9, "total": 18}
    session.add_all(link(f"3-{number}") for number in range(9))
    session.flush()
    below = build(session, options={"below": 10, "only_below": True})
    assert accounts(below) == {"1": "<5", "2": 7, "total": 18}


def test_a_district_sees_its_own_phases_and_people_only(session: Session) -> None:
    add_school(session, "1")
    add_school(session, "2", district="Выборгский")
    plan_switch(session)
    add_person(session, "a", "1")
    add_person(session, "b", "2")
    session.add(rule(Target(school_code="2"), Phase.BOTH, TODAY))
    sign_in(session, "b", TUESDAY, method=Method.ESIA, school_code="2")
    scope = Scope(actor="d", role=OperatorRole.DISTRICT, items=frozenset({"Невский"}))
    report = build(session, scope=scope)
    assert report.keys == ("1",)
    total = line(report, "total")
    assert (total["accounts"], total["locked_out"], total["sign_ins"]) == (1, 1, 0)
    assert report.chart
    assert set(report.chart.series[0].values) == {None}
    assert len(build(session, scope=scope, by="phases").rows) == 3


@pytest.mark.parametrize("by", ["school", "district"])
def test_as_many_people_are_behind_each_number_as_it_says(session: Session, by: str) -> None:
    add_school(session, "1")
    add_school(session, "2", district="Выборгский")
    plan_switch(session)
    for name, school in (("a", "1"), ("b", "1"), ("c", "2"), ("d", "2")):
        add_person(session, name, school)
    session.add(link("a"))
    session.add(exemption(Target(school_code="2"), person_id="c"))
    session.flush()
    assert check_people(session, "transition", by=by, period=WEEK, now=NOW) == 10


def test_queries_do_not_grow_with_schools(session: Session, engine: Engine) -> None:
    plan_switch(session)
    check_queries(session, engine, "transition", period=WEEK, now=NOW)
