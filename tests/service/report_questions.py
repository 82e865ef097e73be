"""Questions to reports, and what has to hold for the answer of every report."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import Engine, event, func, select
from sqlalchemy.orm import Session

from service.activity.rolls import bring_up_to_date
from service.calendar.period import Period
from service.reports import REPORTS
from service.reports.definition import Cell, make, usual_options
from service.reports.people import people_behind
from service.reports.question import Question
from service.reports.report import Report
from tests.service.coverage_city import add_person, add_school, asking, sign_in

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
OCTOBER = Period(first=date(2026, 10, 1), last=date(2026, 10, 31))
IN_OCTOBER = datetime(2026, 10, 15, 9, tzinfo=UTC)


def question(name: str, **overrides: Any) -> Question:
    """A question to a report with its usual options; ``options`` overrides some of these."""
    definition = REPORTS[name]
    fields: dict[str, Any] = {"period": OCTOBER, "now": NOW, "by": definition.default_level}
    options = overrides.pop("options", {})
    asked = asking(**fields | overrides)
    return replace(asked, options=usual_options(definition, asked.settings) | options)


def built(session: Session, name: str, **overrides: Any) -> Report:
    return make(session, REPORTS[name], question(name, **overrides))


def by_key(report: Report) -> dict[str, dict[str, Any]]:
    """Lines by their key, totals too; cells by the key of their column."""
    names = [column.key for column in report.columns]
    lines = zip((*report.keys, *report.total_keys), (*report.rows, *report.totals), strict=True)
    return {key: dict(zip(names, row, strict=True)) for key, row in lines}


def line(report: Report, key: str) -> dict[str, Any]:
    """The row or total of ``key``."""
    return by_key(report)[key]


def check_people(session: Session, name: str, **overrides: Any) -> int:
    """As many people are behind each number as it says; how many numbers lead somewhere."""
    bring_up_to_date(session)
    asked, definition = question(name, **overrides), REPORTS[name]
    report, seen = make(session, definition, asked), 0
    for key, cells in by_key(report).items():
        for column in report.columns:
            value = cells[column.key]
            if column.people and isinstance(value, int) and definition.knows_people_of(key):
                query = people_behind(session, definition, asked, Cell(row=key, column=column.key))
                found = session.scalar(select(func.count()).select_from(query.subquery()))
                assert found == value, (key, column.key)
                seen += bool(value)
    return seen


@contextmanager
def counted_queries(engine: Engine) -> Iterator[list[str]]:
    statements: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        statements.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    yield statements
    event.remove(engine, "before_cursor_execute", note)


def check_queries(
    session: Session, engine: Engine, name: str, *, most: int = 39, **overrides: Any
) -> None:
    """Asks twice, the second time with four times as many schools, each with people."""
    at = question(name, **overrides).bounds()[0] + timedelta(hours=1)
    counts = []
    for size in (range(5), range(5, 20)):
        for number in size:
            add_school(session, f"q{number}", district=f"Район {number % 3}", type="general")
            for role in ("student", "teacher"):
                person_id = f"q-{number}-{role}"
                add_person(session, person_id, f"q{number}", role=role)
                sign_in(session, person_id, at, school_code=f"q{number}")
        bring_up_to_date(session)
        with counted_queries(engine) as statements:
            built(session, name, **overrides)
        counts.append(len(statements))
    assert counts[0] == counts[1] <= most, counts
