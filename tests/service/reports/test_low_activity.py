"""Schools with low activity, and those on other systems (docs/facts/indicators.md A2, A3)."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from sqlalchemy.orm import Session

from service.reports.low_activity import Measure, Threshold
from service.reports.other_systems import Plan, Standing, plan
from tests.service.factories import add_school
from tests.service.report_questions import IN_OCTOBER, NOW, add_people, built, by_key, line


def make_school(session: Session, code: str, active: int, idle: int = 0, **fields: Any) -> None:
    add_school(session, code, **fields)
    names = [f"{code}-{number}" for number in range(active + idle)]
    add_people(session, code, *names[:active], signed_in=IN_OCTOBER)
    add_people(session, code, *names[active:])


@pytest.mark.parametrize(
    ("measure", "active", "provisioned", "low"),
    [
        (Measure.COUNT, 99, 100, True),
        (Measure.COUNT, 100, 1200, False),
        (Measure.COUNT, 0, 0, True),
        (Measure.COUNT, None, None, None),
        (Measure.SHARE, 100, 1200, True),
        (Measure.SHARE, 10, 100, False),
        (Measure.SHARE, 0, 0, None),
        (Measure.EITHER, 100, 1200, True),
        (Measure.EITHER, 99, 100, True),
        (Measure.EITHER, 100, 1000, False),
        (Measure.EITHER, 0, 0, True),
        (Measure.EITHER, None, 5, None),
    ],
)
def test_low_is_under_the_threshold_and_not_at_it(
    measure: Measure, active: int | None, provisioned: int | None, low: bool | None
) -> None:
    threshold = Threshold(measure=measure, below=100, share=0.1)
    assert threshold.is_low(active, provisioned) is low


def test_a_school_with_nobody_active_is_listed_and_one_at_the_threshold_is_not(
    session: Session,
) -> None:
    for code, active in (("none", 0), ("under", 2), ("at", 3)):
        make_school(session, code, active)
    report = built(session, "low-activity", options={"below": 3})
    assert set(report.keys) == {"none", "under"}
    assert line(report, "total")["active"] == 2
    assert "активных пользователей меньше 3" in report.definition


def test_the_share_is_of_the_people_with_an_account(session: Session) -> None:
    for code, active, idle in (("big", 2, 18), ("small", 1, 1)):
        make_school(session, code, active, idle)
    report = built(session, "low-activity", options={"measure": "share", "percent": 25.0})
    assert report.keys == ("big",)
    assert line(report, "big")["active_share"] == 0.1


def test_a_school_not_loaded_is_listed_but_not_judged(session: Session) -> None:
    """docs/facts/indicators.md F5."""
    add_school(session, "1")
    add_school(session, "2", last_applied_at=None)
    report = built(session, "low-activity")
    assert report.keys == ("1", "2")
    assert report.notes == ("Школ с низкой активностью: 1 из 2; не загружено: 1.",)
    assert built(session, "low-activity", options={"unloaded": False}).keys == ("1",)


def test_schools_are_counted_by_district(session: Session) -> None:
    for code, district in (("1", "Невский"), ("2", "Невский"), ("3", "Выборгский")):
        make_school(session, code, int(code), district=district)
    report = built(session, "low-activity", options={"below": 3})
    lines = by_key(report)
    assert report.chart is not None
    assert report.chart.labels == ("Выборгский", "Невский")
    assert report.chart.series[0].values == (0, 2)
    assert (lines["total"]["school"], lines["total"]["active"]) == ("ОО: 2", 3)


@pytest.fixture
def other_city(session: Session) -> None:
    add_school(session, "other", state_system=False, source_system="Иная система",
               esia_plan_on=date(2026, 11, 19), last_applied_at=None)  # fmt: skip
    make_school(session, "loads", 1, state_system=False, esia_plan_on=date(2026, 11, 20))
    add_school(session, "unknown", last_applied_at=None)
    add_school(session, "state", state_system=True, last_applied_at=None)
    add_school(session, "usual")


@pytest.mark.usefixtures("other_city")
def test_other_systems_are_those_of_the_registry_and_candidates_those_never_loaded(
    session: Session,
) -> None:
    lines = by_key(built(session, "other-systems"))
    # Why it is listed, whether activity is low, what is planned.
    names = ("standing", "low", "plan_date", "plan")
    assert {key: tuple(cells[name] for name in names) for key, cells in lines.items()} == {
        "other": (Standing.OTHER, None, "19.11.2026", Plan.PASSED),
        "loads": (Standing.OTHER, "yes", "20.11.2026", Plan.AHEAD),
        "unknown": (Standing.CANDIDATE, None, None, Plan.NONE),
        "total": ("", "да: 1", "", "с планом: 2"),
    }
    without = built(session, "other-systems", options={"candidates": False})
    assert set(without.keys) == {"other", "loads"}


@pytest.mark.usefixtures("other_city")
def test_the_threshold_of_low_activity_marks_other_systems_too(session: Session) -> None:
    report = built(session, "other-systems", options={"below": 1})
    assert line(report, "loads")["low"] == "no"


@pytest.mark.parametrize(
    ("planned_on", "state"),
    [(None, Plan.NONE), (date(2026, 11, 20), Plan.AHEAD), (date(2026, 11, 19), Plan.PASSED)],
)
def test_the_planned_day_itself_is_not_over(planned_on: date | None, state: Plan) -> None:
    assert plan(planned_on, NOW.date()) is state
