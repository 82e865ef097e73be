"""Making roll-ups anew from the events that are still kept.

What retention has deleted stays as it was rolled up: of such a source everything up to the end of
the day of the oldest event left is kept, and the rest is made anew. Without deleted events
everything is. Last accesses read from Moodle have no events behind them and are left alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Engine, Select, delete, func, select, text
from sqlalchemy.orm import Session

from auth.models import LoginEvent
from service.activity.bitmaps import PeopleSet
from service.activity.outside import outside_events
from service.activity.rollups import (
    BATCH,
    COUNTS,
    LOCK,
    add_events,
    lock,
    read_events,
    sign_ins,
)
from service.activity.spans import MOSCOW, end_of, start_of
from service.db import upsert
from service.models import (
    ActivityBitmap,
    ActivityCount,
    ActivitySource,
    EventSource,
    OutsideEvent,
    PendingEvent,
    Span,
)

Progress = Callable[[int], None]
"""Told how many more events are done."""


def rebuild(engine: Engine, progress: Progress) -> int:
    """Make the roll-ups of all sources with events anew; how many events counted.

    One transaction over one state of the database: until it ends, reports see the old roll-ups.
    Sign-ins go on meanwhile on PostgreSQL; on SQLite they wait.
    """
    with _alone(engine) as session:
        session.execute(delete(PendingEvent))
        done = 0
        for source, pieces in _sources(session).items():
            kept_until = _forget(session, source)
            for piece in pieces:
                read = read_events(session, piece)
                events = [one for one in read if kept_until is None or one.at >= kept_until]
                add_events(session, source, events)
                progress(len(read))
                done += len(events)
    return done


@contextmanager
def _alone(engine: Engine) -> Iterator[Session]:
    """A transaction that sees one state throughout, while nobody else changes roll-ups."""
    if engine.dialect.name != "postgresql":
        with Session(engine) as session, session.begin():
            lock(session)
            yield session
        return
    with engine.connect() as connection:
        # The state is that of the first statement, so the lock is held before it.
        connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": LOCK})
        connection.commit()
        try:
            alone = connection.execution_options(isolation_level="REPEATABLE READ")
            with Session(alone) as session, session.begin():
                yield session
        finally:
            connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": LOCK})
            connection.commit()


def _sources(session: Session) -> dict[EventSource, Iterator[Select[*tuple[Any, ...]]]]:
    """The events of each source, in pieces that fit into memory."""
    return {
        EventSource.PROVIDER: _by_number(session),
        EventSource.EARLIER_PORTAL: _by_day(session, EventSource.EARLIER_PORTAL),
        EventSource.MOODLE_LOG: _by_day(session, EventSource.MOODLE_LOG),
    }


def _by_number(session: Session) -> Iterator[Select[*tuple[Any, ...]]]:
    first, last = session.execute(select(func.min(LoginEvent.id), func.max(LoginEvent.id))).one()
    if first is not None:
        for number in range(first, last + 1, BATCH):
            yield sign_ins(LoginEvent.id.between(number, number + BATCH - 1))


def _by_day(session: Session, source: EventSource) -> Iterator[Select[*tuple[Any, ...]]]:
    first, last = session.execute(
        select(func.min(OutsideEvent.at), func.max(OutsideEvent.at)).where(
            OutsideEvent.source == source
        )
    ).one()
    day = start_of(first, Span.DAY) if first else None
    while day is not None and day <= last:
        after = end_of(day, Span.DAY)
        yield outside_events(source, OutsideEvent.at >= day, OutsideEvent.at < after)
        day = after


def _forget(session: Session, source: EventSource) -> datetime | None:
    """Delete what will be made anew; the moment from which on that is, None for everything."""
    kept_until = _kept_until(session, source)
    state = session.get(ActivitySource, source)
    bitmaps = [ActivityBitmap.source == source]
    counts = [ActivityCount.source == source]
    if kept_until is None:
        session.execute(delete(ActivityBitmap).where(*bitmaps))
        session.execute(delete(ActivityCount).where(*counts))
        if state is not None:
            session.delete(state)
            session.flush()
        return None
    month = start_of(kept_until, Span.MONTH)
    counts.append(ActivityCount.day >= kept_until.astimezone(MOSCOW).date())
    session.execute(delete(ActivityBitmap).where(*bitmaps, ActivityBitmap.begins_at >= kept_until))
    session.execute(delete(ActivityCount).where(*counts))
    _join_days(session, source, month)
    if state is not None:
        state.last_at = min(state.last_at, kept_until - timedelta(microseconds=1))
        state.events = session.scalars(
            select(func.coalesce(func.sum(ActivityCount.events), 0)).where(
                ActivityCount.source == source
            )
        ).one()
        session.flush()
    return kept_until


def _kept_until(session: Session, source: EventSource) -> datetime | None:
    state = session.get(ActivitySource, source)
    if state is None:
        return None
    at, conditions = _events_of(source)
    oldest = session.scalar(select(func.min(at)).where(*conditions))
    if oldest is None:
        return end_of(state.last_at, Span.DAY)
    return end_of(oldest, Span.DAY) if state.first_at < oldest else None


def _events_of(source: EventSource) -> tuple[Any, tuple[ColumnElement[bool], ...]]:
    if source is EventSource.PROVIDER:
        return LoginEvent.at, COUNTS
    return OutsideEvent.at, (OutsideEvent.source == source, OutsideEvent.person_id.is_not(None))


def _join_days(session: Session, source: EventSource, month: datetime) -> None:
    """Make the bitmaps of a month from those of its days that are kept."""
    table = ActivityBitmap
    there = [table.source == source, table.begins_at >= month]
    session.execute(delete(table).where(*there, table.span == Span.MONTH))
    days: dict[str, list[bytes]] = defaultdict(list)
    kept = select(table.method, table.bitmap).where(*there, table.span == Span.DAY)
    for method, bitmap in session.execute(kept):
        days[method].append(bitmap)
    upsert(session, table, [
        {
            "span": Span.MONTH, "begins_at": month, "source": source, "method": method,
            "bitmap": PeopleSet.unpacked(*bitmaps).packed(),
        }
        for method, bitmaps in days.items()
    ])  # fmt: skip
