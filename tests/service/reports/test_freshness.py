"""How recent the data of schools are (docs/facts/indicators.md A4)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from service.access import Scope
from service.models import Load, LoadStatus, OperatorRole, PlanStatus, SchoolPlan
from tests.service.coverage_city import add_school
from tests.service.factories import add
from tests.service.report_questions import IN_OCTOBER, NOW, built, by_key, check_queries

BEGIN = datetime(2026, 9, 30, 21, tzinfo=UTC)
AFTER = datetime(2026, 10, 31, 21, tzinfo=UTC)
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
    add_school(session, "1")
    add_school(session, "2")
    add_school(session, "3", last_applied_at=None)
    add_school(session, "4", last_applied_at=None)
    for at in (IN_OCTOBER, IN_OCTOBER + timedelta(days=1)):
        add_load(session, "1", at)
    add_load(session, "2", BEGIN - _MOMENT)
    line = by_key(built(session, "freshness"))["Невский"]
    assert (line["schools"], line["loaded"], line["loaded_share"]) == (4, 1, 0.25)
    assert (line["never"], line["loads"]) == (2, 2)


def test_loads_of_the_first_and_the_last_moment_are_inside(session: Session) -> None:
    for code, at in (("1", BEGIN - _MOMENT), ("2", BEGIN), ("3", AFTER - _MOMENT), ("4", AFTER)):
        add_school(session, code)
        add_load(session, code, at)
    lines = by_key(built(session, "freshness", by="school"))
    loads = {key: cells["loads"] for key, cells in lines.items()}
    assert loads == {"1": 0, "2": 1, "3": 1, "4": 0, "total": 2}
    assert lines["4"]["last"] is None


def test_days_are_counted_to_the_end_of_the_period_or_the_cut_off(session: Session) -> None:
    add_school(session, "1")
    add_load(session, "1", datetime(2026, 10, 10, 20, 59, tzinfo=UTC))
    add_load(session, "1", datetime(2026, 11, 5, tzinfo=UTC))
    line = by_key(built(session, "freshness", by="school"))["1"]
    assert line["days"] == 21
    at = datetime(2026, 10, 10, 21, tzinfo=UTC)
    assert by_key(built(session, "freshness", by="school", now=at))["1"]["days"] == 1


def test_a_school_never_loaded_has_no_days(session: Session) -> None:
    add_school(session, "1", last_applied_at=None)
    report = built(session, "freshness", by="school")
    line, columns = by_key(report)["1"], {column.key: column for column in report.columns}
    assert columns["days"].text(line["days"], report.zone) == "не загружено"
    assert line["loads"] == 0


def test_only_applied_loads_count(session: Session) -> None:
    add_school(session, "1")
    for status in set(PlanStatus) - {PlanStatus.APPLIED}:
        add_load(session, "1", IN_OCTOBER, status=status)
    assert by_key(built(session, "freshness"))["Невский"]["loaded"] == 0


def test_rejected_rows_are_those_of_the_loads_of_the_period(session: Session) -> None:
    add_school(session, "1")
    add_load(session, "1", BEGIN - _MOMENT, set_aside=100)
    add_load(session, "1", IN_OCTOBER, set_aside=3)
    add_load(session, "1", IN_OCTOBER + timedelta(days=1), set_aside=4)
    assert by_key(built(session, "freshness"))["total"]["set_aside"] == 7


def test_each_load_leads_to_its_run(session: Session) -> None:
    add_school(session, "1")
    first = add_load(session, "1", IN_OCTOBER, people=7)
    second = add_load(session, "1", IN_OCTOBER + timedelta(days=1), people=8)
    assert by_key(built(session, "freshness", by="school"))["1"]["run"] == second
    report = built(session, "freshness", by="load")
    assert report.keys == (f"1|{first}", f"1|{second}")
    assert [row[0] for row in report.rows] == [1, 2]
    lines = by_key(report)
    assert (lines[f"1|{first}"]["run"], lines["total"]["people"]) == (first, 15)


def test_a_district_without_open_schools_is_not_there(session: Session) -> None:
    add_school(session, "1", closed_on=date(2026, 9, 30))
    add_school(session, "2", district="Выборгский")
    report = built(session, "freshness")
    assert report.keys == ("Выборгский",)
    assert by_key(report)["Выборгский"]["loaded_share"] == 0.0
    scope = Scope(actor="test", role=OperatorRole.SCHOOL, items=frozenset({"1"}))
    empty = built(session, "freshness", now=NOW, scope=scope)
    assert empty.rows == ()
    assert by_key(empty)["total"]["loaded_share"] is None


@pytest.mark.parametrize("by", ["district", "school", "load"])
def test_queries_do_not_grow_with_schools(session: Session, engine: Engine, by: str) -> None:
    check_queries(session, engine, "freshness", by=by)
