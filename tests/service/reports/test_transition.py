"""The transition to ЕСИА: links, exemptions, who would be locked out, phases and steps."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.orm import Session

from auth.models import Method
from auth.signin.phases import Phase, Who
from service.calendar.weeks import week_of
from service.models import Milestone, PhaseExemption, PhaseRule
from service.reports.report import Report
from service.reports.suppression import hide_small
from service.settings import ReportSettings
from tests.service.factories import add, add_person, add_school, sign_in
from tests.service.report_questions import (
    add_people,
    add_schools,
    built,
    figures,
    line,
    link,
    of_district,
    shown,
)

pytestmark = pytest.mark.usefixtures("english")

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
TODAY = date(2026, 11, 20)
SWITCH = date(2027, 1, 8)
TUESDAY = datetime(2026, 11, 10, 9, tzinfo=UTC)


def build(session: Session, **overrides: Any) -> Report:
    """Of the week of Tuesday, 7 to 13 November."""
    week = week_of(TUESDAY.date())
    return built(session, "transition", **{"period": week, "now": NOW} | overrides)


def rule(session: Session, phase: Phase, day: date, **target: str) -> None:
    add(session, PhaseRule, phase=phase, starts_on=day, **target)


def plan_switch(session: Session) -> None:
    rule(session, Phase.BOTH, date(2026, 9, 1))
    rule(session, Phase.ESIA_ONLY, SWITCH)


def test_who_would_be_locked_out_is_counted_on_the_day_of_the_switch(session: Session) -> None:
    plan_switch(session)
    add_people(session, "1", "linked", "open")
    add_person(session, "child", "1", birth_date=date(2016, 1, 1))
    add_person(session, "no-account", "1", moodle_id=None)
    add_person(session, "gone", "1", suspended=True)
    link(session, "linked")
    add(session, PhaseExemption, who=Who.UNDER_14)
    report = build(session)
    names = "accounts exempt linked locked_out linked_share"
    assert figures(report, "1", names) == (3, 1, 1, 1, 0.5)
    assert "Passwords end on 08.01.2027." in report.notes
    (column,) = [each for each in report.columns if each.key == "locked_out"]
    assert column.title == "Could not sign in on 08.01.2027"


def test_exemptions_are_counted_apart_so_that_everybody_can_be_reached(session: Session) -> None:
    plan_switch(session)
    add_people(session, "1", "linked", "exempt")
    link(session, "linked")
    add(session, PhaseExemption, school_code="1", person_id="exempt")
    assert figures(build(session), "1", "linked_share locked_out") == (1.0, 0)


def test_all_exempt_leaves_nothing_to_take_a_share_of(session: Session) -> None:
    add_school(session, "1")
    add_school(session, "never", last_applied_at=None)
    plan_switch(session)
    add_person(session, "exempt", "1")
    add(session, PhaseExemption, school_code="1", person_id="exempt")
    report = build(session)
    assert line(report, "1")["linked_share"] is None
    assert line(report, "never")["below"] == "no"


def test_without_a_planned_switch_nobody_knows_who_would_be_locked_out(session: Session) -> None:
    add_people(session, "1", "p")
    report = build(session)
    assert line(report, "1")["locked_out"] is None
    assert shown(report, "1", "locked_out") == "no switch is planned"
    assert "It is not ruled when passwords end." in report.notes


def test_where_passwords_have_ended_those_locked_out_today_are_counted(session: Session) -> None:
    add_people(session, "1", "p")
    report = build(session, settings=ReportSettings(phase="esia_only"))
    assert line(report, "1")["locked_out"] == 1
    assert "Passwords have ended already, for all or for some." in report.notes
    rule(session, Phase.BOTH, TODAY)
    rule(session, Phase.ESIA_ONLY, TODAY + timedelta(days=3), school_code="1")
    assert "Passwords end on 23.11.2026." in build(session).notes


def test_sign_ins_through_esia_leave_single_sign_on_out(session: Session) -> None:
    add_schools(session, "1", "2")
    add_person(session, "p", "1")
    for method, count in ((Method.ESIA, 3), (Method.PASSWORD, 1), (Method.SESSION, 5)):
        for _number in range(count):
            sign_in(session, "p", TUESDAY, method=method, school_code="1")
    sign_in(session, "p", TUESDAY - timedelta(days=7), method=Method.ESIA, school_code="1")
    report = build(session)
    assert figures(report, "1", "sign_ins esia_sign_ins esia_share") == (4, 3, 0.75)
    assert line(report, "2")["esia_share"] is None
    chart = report.chart
    assert chart
    assert (len(chart.labels), chart.labels[-1], chart.target) == (12, "13.11.26", 1.0)
    assert chart.series[0].values == (*[None] * 10, 1.0, 0.75)


def test_schools_below_the_threshold_are_told_apart(session: Session) -> None:
    for code, people in (("low", 3), ("half", 2), ("full", 1)):
        add_people(session, code, *(f"{code}-{number}" for number in range(people)))
        link(session, f"{code}-0")
    report = build(session)
    below = {key: line(report, key)["below"] for key in report.keys}
    assert below == {"low": "yes", "half": "no", "full": "no"}
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
    add_schools(session, "1", "2")
    rule(session, Phase.PASSWORD_ONLY, date(2026, 9, 1))
    rule(session, Phase.BOTH, TODAY, school_code="1")
    rule(session, Phase.BOTH, date(2026, 10, 1))
    rule(session, Phase.ESIA_ONLY, date(2026, 12, 1), district="Невский")
    report = build(session)
    assert [figures(report, code, "phase next_phase") for code in "12"] == [
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
        add(session, Milestone, number=number, title=f"Шаг {number}", due_on=due, done_on=done,
            responsible=["КО", "АР"])  # fmt: skip
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
        add_people(session, code, *(f"{code}-{number}" for number in range(people)))

    def accounts(report: Report) -> dict[str, Any]:
        hidden = hide_small(report, 5)
        return {key: line(hidden, key)["accounts"] for key in (*hidden.keys, "total")}

    every = build(session)
    assert accounts(every) == {"1": "<5", "2": "hidden", "3": 9, "total": 18}
    for number in range(9):
        link(session, f"3-{number}")
    below = build(session, options={"below": 10, "only_below": True})
    assert accounts(below) == {"1": "<5", "2": 7, "total": 18}


def test_a_district_sees_its_own_phases_and_people_only(session: Session) -> None:
    plan_switch(session)
    add_people(session, "1", "a")
    add_school(session, "2", district="Выборгский")
    add_people(session, "2", "b")
    rule(session, Phase.BOTH, TODAY, school_code="2")
    sign_in(session, "b", TUESDAY, method=Method.ESIA, school_code="2")
    scope = of_district("Невский")
    report = build(session, scope=scope)
    assert report.keys == ("1",)
    assert figures(report, "total", "accounts locked_out sign_ins") == (1, 1, 0)
    assert report.chart
    assert set(report.chart.series[0].values) == {None}
    assert len(build(session, scope=scope, by="phases").rows) == 3
