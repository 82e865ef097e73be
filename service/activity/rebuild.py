"""Making roll-ups anew from the events that are still kept, month by month.

The database groups the events of a month by hour and method and hands over the ordinals of each
group in one row: no event becomes an object here, and memory does not grow with their number.

What retention has deleted stays as it was rolled up: of such a source everything up to the end of
the day of the oldest event left is kept, and the rest is made anew. Without deleted events
everything is. Last accesses read from Moodle have no events behind them and are left alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import (
    Date,
    Engine,
    Select,
    String,
    cast,
    delete,
    extract,
    func,
    insert,
    literal,
    select,
    text,
)
from sqlalchemy.orm import Session

from service.activity.bitmaps import PeopleSet
from service.activity.ordinals import add_people_at_schools
from service.activity.outside import events_of
from service.activity.rollups import LOCK, add_active, counted_in, extend, lock, with_ordinals
from service.calendar.spans import Span, end_of, start_of
from service.db import make_session_factory, upsert
from service.models import ActivityBitmap, ActivityCount, ActivitySource, EventSource, PendingEvent

Progress = Callable[[int], None]
"""Told how many more events are done."""

GROUPS = 100
"""Of an hour and a method each, in memory at a time."""

_Events = Select[*tuple[Any, ...]]
_WITH_EVENTS = (EventSource.PROVIDER, EventSource.EARLIER_PORTAL, EventSource.MOODLE_LOG)


def rebuild(engine: Engine, zone: ZoneInfo, progress: Progress) -> int:
    """Make the roll-ups of all sources with events anew; how many events counted.

    Days are those of ``zone``, but of a source of which something is kept those that it was counted
    by. One transaction over one state of the database: until it ends, reports see the old roll-ups.
    Sign-ins go on meanwhile on PostgreSQL; on SQLite they wait.
    """
    done = 0
    with _alone(engine, zone) as session:
        session.execute(delete(PendingEvent))
        for source in _WITH_EVENTS:
            kept_until = _forget(session, source)
            for begin, end in _months(session, source, kept_until):
                number = _roll_up(session, source, begin, end)
                progress(number)
                done += number
    return done


@contextmanager
def _alone(engine: Engine, zone: ZoneInfo) -> Iterator[Session]:
    """A transaction that sees one state throughout, while nobody else changes roll-ups."""
    if engine.dialect.name != "postgresql":
        with make_session_factory(engine, zone)() as session, session.begin():
            lock(session)
            yield session
        return
    with engine.connect() as connection:
        # The state is that of the first statement, so the lock is held before it.
        connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": LOCK})
        connection.commit()
        try:
            alone = connection.execution_options(isolation_level="REPEATABLE READ")
            with Session(alone, info={"zone": zone}) as session, session.begin():
                yield session
        finally:
            connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": LOCK})
            connection.commit()


def _months(
    session: Session, source: EventSource, kept_until: datetime | None
) -> Iterator[tuple[datetime, datetime]]:
    """The months with events to be rolled up; the first begins where the kept ones end."""
    there = events_of(source, kept_until).subquery()
    first, last = session.execute(select(func.min(there.c.at), func.max(there.c.at))).one()
    begin = kept_until or first
    while first is not None and begin <= last:
        end = end_of(begin, Span.MONTH, counted_in(session, source))
        yield begin, end
        begin = end


def _roll_up(session: Session, source: EventSource, begin: datetime, end: datetime) -> int:
    """Roll up events of one month; how many."""
    events = events_of(source, begin, end)
    there = events.subquery()
    number, first, last = session.execute(
        select(func.count(), func.min(there.c.at), func.max(there.c.at)).select_from(there)
    ).one()
    if not number:
        return 0
    add_people_at_schools(session, events)
    zone = counted_in(session, source)
    for hours in _hours_by_day(session, events, zone):
        add_active(session, source, hours)
    while begin < end:
        after = end_of(begin, Span.DAY, zone)
        _count_day(session, source, begin, after, begin.astimezone(zone).date())
        begin = after
    extend(session, source, first, last, number)
    return int(number)


def _hours_by_day(
    session: Session, events: _Events, zone: ZoneInfo
) -> Iterator[dict[tuple[datetime, str], PeopleSet]]:
    """Of each day, hour and method -> people."""
    event = with_ordinals(events).subquery()
    second = extract("epoch", event.c.at)
    hour = (second - second % 3600).label("hour")
    ordinals = func.aggregate_strings(cast(event.c.ordinal, String), ",")
    rows = session.execute(
        select(hour, event.c.method, ordinals).group_by(hour, event.c.method).order_by(hour),
        execution_options={"yield_per": GROUPS},
    )
    groups = (
        (datetime.fromtimestamp(int(second), UTC), method, people)
        for second, method, people in rows
    )
    for _day, hours in groupby(groups, key=lambda group: start_of(group[0], Span.DAY, zone)):
        yield {
            (hour, method): PeopleSet(map(int, people.split(","))) for hour, method, people in hours
        }


def _count_day(
    session: Session, source: EventSource, begin: datetime, end: datetime, day: date
) -> None:
    event = events_of(source, begin, end).subquery()
    place = (event.c.school_code, event.c.method, event.c.role)
    counts = select(literal(day, Date), literal(source.value), *place, func.count()).group_by(
        *place
    )
    columns = ["day", "source", "school_code", "method", "role", "events"]
    session.execute(insert(ActivityCount).from_select(columns, counts))


def _forget(session: Session, source: EventSource) -> datetime | None:
    """Delete what will be made anew; the moment from which on that is, None for everything."""
    kept_until = _kept_until(session, source)
    state = session.get(ActivitySource, source)
    bitmaps = [ActivityBitmap.source == source]
    counts = [ActivityCount.source == source]
    zone = counted_in(session, source)
    if kept_until is not None:
        bitmaps.append(ActivityBitmap.begins_at >= kept_until)
        counts.append(ActivityCount.day >= kept_until.astimezone(zone).date())
    session.execute(delete(ActivityBitmap).where(*bitmaps))
    session.execute(delete(ActivityCount).where(*counts))
    if kept_until is not None and state is not None:
        _join_days(session, source, start_of(kept_until, Span.MONTH, zone))
        state.last_at = min(state.last_at, kept_until - timedelta(microseconds=1))
        kept = select(func.coalesce(func.sum(ActivityCount.events), 0))
        state.events = session.scalars(kept.where(ActivityCount.source == source)).one()
    elif state is not None:
        session.delete(state)
    session.flush()
    return kept_until


def _kept_until(session: Session, source: EventSource) -> datetime | None:
    state = session.get(ActivitySource, source)
    if state is None:
        return None
    zone = counted_in(session, source)
    oldest = session.scalar(select(func.min(events_of(source).subquery().c.at)))
    if oldest is None:
        return end_of(state.last_at, Span.DAY, zone)
    return end_of(oldest, Span.DAY, zone) if state.first_at < oldest else None


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
