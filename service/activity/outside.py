"""Sign-ins that other systems recorded: kept as rows, rolled up as soon as they come in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, func, literal, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from auth.models import Result
from service.activity.rollups import add_events, lock, read_events
from service.models import EventSource, OutsideEvent

ROWS = 5_000
"""At a time: a key each in one statement."""


def outside_events(
    source: EventSource, *conditions: ColumnElement[bool]
) -> Select[*tuple[Any, ...]]:
    """The events of a source that count, as ``rollups.read_events`` takes them."""
    return select(
        OutsideEvent.key.label("key"),
        OutsideEvent.at,
        OutsideEvent.person_id,
        OutsideEvent.method,
        OutsideEvent.school_code,
        literal("").label("role"),
    ).where(
        OutsideEvent.source == source,
        OutsideEvent.person_id.is_not(None),
        OutsideEvent.result == Result.ALLOWED,
        *conditions,
    )


def store(session: Session, source: EventSource, rows: Sequence[dict[str, Any]]) -> set[str]:
    """Keep and roll up rows that are not there yet; the keys of these. At most ``ROWS``."""
    if not rows:
        return set()
    lock(session)
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    once = {row["key"]: {**row, "source": source} for row in rows}
    statement = dialect.insert(OutsideEvent).on_conflict_do_nothing().returning(OutsideEvent.key)
    new = set(session.scalars(statement, list(once.values())))
    events = read_events(session, outside_events(source, OutsideEvent.key.in_(new)))
    add_events(session, source, events)
    return new


def unmatched(session: Session, source: EventSource) -> dict[str, int]:
    """School code -> sign-ins of people whom we do not know."""
    rows = session.execute(
        select(OutsideEvent.school_code, func.count())
        .where(OutsideEvent.source == source, OutsideEvent.person_id.is_(None))
        .group_by(OutsideEvent.school_code)
        .order_by(OutsideEvent.school_code)
    )
    return {code: events for code, events in rows}  # noqa: C416 - rows are no pairs for dict
