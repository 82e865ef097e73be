"""Sign-ins that other systems recorded: kept as rows, rolled up as soon as they come in."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, literal, select
from sqlalchemy.orm import Session

from auth.models import LoginEvent, Result
from service.activity.rollups import add_events, lock, read_events, sign_ins
from service.db import insert_into
from service.models import EventSource, OutsideEvent

ROWS = 5_000
"""At a time: a key each in one statement."""


def events_of(
    source: EventSource, begin: datetime | None = None, end: datetime | None = None
) -> Select[*tuple[Any, ...]]:
    """The events of a source that count, from ``begin`` until before ``end``, as
    ``rollups.read_events`` takes them."""
    at = LoginEvent.at if source is EventSource.PROVIDER else OutsideEvent.at
    inside = [at >= begin] if begin else []
    inside += [at < end] if end else []
    if source is EventSource.PROVIDER:
        return sign_ins(*inside)
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
        *inside,
    )


def store(session: Session, source: EventSource, rows: Sequence[dict[str, Any]]) -> set[str]:
    """Keep and roll up rows that are not there yet; the keys of these. At most ``ROWS``."""
    if not rows:
        return set()
    lock(session)
    once = {row["key"]: {**row, "source": source} for row in rows}
    statement = (
        insert_into(session, OutsideEvent).on_conflict_do_nothing().returning(OutsideEvent.key)
    )
    new = set(session.scalars(statement, list(once.values())))
    events = read_events(session, events_of(source).where(OutsideEvent.key.in_(new)))
    add_events(session, source, events)
    return new
