"""How recent the data of schools are (docs/facts/indicators.md A4)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from service.models import Load, LoadStatus, PlanStatus, SchoolPlan
from tests.service.factories import add, add_school
from tests.service.report_questions import (
    IN_OCTOBER,
    MOSCOW,
    OCTOBER,
    built,
    figures,
    line,
    of_school,
)

BEGIN, AFTER = OCTOBER.bounds(MOSCOW)
_MOMENT = timedelta(microseconds=1)


def add_load(session: Session, code: str, at: datetime, **overrides: Any) -> int:
    """A load of one school; its number."""
    load = add(session, Load, status=LoadStatus.APPLIED, created_at=at)
    fields: dict[str, Any] = {
        "status": PlanStatus.APPLIED, "exported_at": at, "people": 10, "applied_at": at,
    }  # fmt: skip
    add(session, SchoolPlan, load_id=load.id, school_code=code, **fields | overrides)
    return load.id


def test_schools_that_loaded_are_counted_among_all_of_the_registry(session: Session) -> None:
    for code, loaded_at in (("1", BEGIN), ("2", BEGIN), ("3", None), ("4", None)):
        add_school(session, code, last_applied_at=loaded_at)
    for at in (IN_OCTOBER, IN_OCTOBER + timedelta(days=1)):
        add_load(session, "1", at)
    add_load(session, "2", BEGIN - _MOMENT)
    names = "schools loaded loaded_share never loads"
    assert figures(built(session, "freshness"), "Невский", names) == (4, 1, 0.25, 2, 2)


def test_loads_of_the_first_and_the_last_moment_are_inside(session: Session) -> None:
    for code, at in (("1", BEGIN - _MOMENT), ("2", BEGIN), ("3", AFTER - _MOMENT), ("4", AFTER)):
        add_school(session, code)
        add_load(session, code, at)
    report = built(session, "freshness", by="school")
    assert [line(report, key)["loads"] for key in ("1", "2", "3", "4", "total")] == [0, 1, 1, 0, 2]
    assert line(report, "4")["last"] is None


def test_days_are_counted_to_the_end_of_the_period_or_the_cut_off(session: Session) -> None:
    add_school(session, "1")
    add_load(session, "1", datetime(2026, 10, 10, 20, 59, tzinfo=UTC))
    add_load(session, "1", datetime(2026, 11, 5, tzinfo=UTC))
    assert line(built(session, "freshness", by="school"), "1")["days"] == 21
    at = datetime(2026, 10, 10, 21, tzinfo=UTC)
    assert line(built(session, "freshness", by="school", now=at), "1")["days"] == 1


def test_a_school_never_loaded_has_no_loads(session: Session) -> None:
    add_school(session, "1", last_applied_at=None)
    assert figures(built(session, "freshness", by="school"), "1", "days loads") == (None, 0)


def test_only_applied_loads_count(session: Session) -> None:
    add_school(session, "1")
    for status in set(PlanStatus) - {PlanStatus.APPLIED}:
        add_load(session, "1", IN_OCTOBER, status=status)
    assert line(built(session, "freshness"), "Невский")["loaded"] == 0


def test_rejected_rows_are_those_of_the_loads_of_the_period(session: Session) -> None:
    add_school(session, "1")
    add_load(session, "1", BEGIN - _MOMENT, set_aside=100)
    add_load(session, "1", IN_OCTOBER, set_aside=3)
    add_load(session, "1", IN_OCTOBER + timedelta(days=1), set_aside=4)
    assert line(built(session, "freshness"), "total")["set_aside"] == 7


def test_each_load_leads_to_its_run(session: Session) -> None:
    add_school(session, "1")
    first = add_load(session, "1", IN_OCTOBER, people=7)
    second = add_load(session, "1", IN_OCTOBER + timedelta(days=1), people=8)
    assert line(built(session, "freshness", by="school"), "1")["run"] == second
    report = built(session, "freshness", by="load")
    assert report.keys == (f"1|{first}", f"1|{second}")
    assert [row[0] for row in report.rows] == [1, 2]
    assert line(report, f"1|{first}")["run"] == first
    assert line(report, "total")["people"] == 15


def test_a_district_without_open_schools_is_not_there(session: Session) -> None:
    add_school(session, "1", closed_on=date(2026, 9, 30))
    add_school(session, "2", district="Выборгский")
    report = built(session, "freshness")
    assert report.keys == ("Выборгский",)
    assert line(report, "Выборгский")["loaded_share"] == 0.0
    empty = built(session, "freshness", scope=of_school("1"))
    assert empty.rows == ()
    assert line(empty, "total")["loaded_share"] is None
