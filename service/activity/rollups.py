"""Rolling events up: each one once, within a minute. Until then ``tail`` has them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, FromClause, Select, case, delete, exists, select, text, tuple_
from sqlalchemy.orm import Session

from auth.models import LoginEvent, Result
from auth.outside import ESIA_CLIENT
from service.activity.bitmaps import PeopleSet
from service.activity.ordinals import NUMBERED, add_people_at_schools
from service.calendar.spans import Span, start_of
from service.db import chunks, insert_into, upsert, zone_of
from service.models import ActivityBitmap, ActivityCount, ActivitySource, EventSource, PendingEvent

ANY_METHOD = ""
BATCH = 50_000
"""Events in memory at a time."""

LOCK = 7_265_401  # any number of our own, beside that of the migrations
Cell = tuple[Span, datetime, str]
"""Which bitmap of a source: the span, its beginning, the method."""


class Event(NamedTuple):
    """A sign-in that counts, with school and role as of then where they are known."""

    key: Any
    """What tells it from others of its table."""
    at: datetime
    ordinal: int
    method: str
    school_code: str
    role: str


def catch_up(session: Session) -> int:
    """Roll up all events that are committed and not rolled up yet; how many there were.

    In the caller's transaction: whoever rolls back leaves the work to the next one. Two at once
    wait for each other.
    """
    if not session.scalar(select(exists().select_from(PendingEvent))):
        return 0
    lock(session)
    done = last = 0
    note = PendingEvent.event_id
    while True:
        # Without the bound each batch would walk over the notes that the earlier ones deleted.
        some = select(note).where(note > last).order_by(note).limit(BATCH)
        claimed = set(session.scalars(delete(PendingEvent).where(note.in_(some)).returning(note)))
        if not claimed:
            return done
        first, last = min(claimed), max(claimed)
        events = read_events(session, sign_ins(LoginEvent.id.between(first, last)))
        # An event between these that is committed only now keeps its note for the next time.
        add_events(session, EventSource.PROVIDER, [one for one in events if one.key in claimed])
        done += len(claimed)


def lock(session: Session) -> None:
    """Only one transaction at a time changes roll-ups; the others wait here."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK})
    else:
        # SQLite locks at the first statement that may write, whether or not it finds a row.
        session.execute(delete(PendingEvent).where(PendingEvent.event_id.is_(None)))


def sign_ins(*conditions: ColumnElement[bool]) -> Select[*tuple[Any, ...]]:
    """Sign-ins through our own page that count, as ``read_events`` takes them."""
    return select(
        LoginEvent.id.label("key"),
        LoginEvent.at,
        LoginEvent.person_id,
        LoginEvent.method,
        LoginEvent.school_code,
        LoginEvent.role,
    ).where(
        LoginEvent.person_id.is_not(None),
        LoginEvent.result == Result.ALLOWED,
        # A system under test is no portal.
        LoginEvent.client_id.not_like(f"{ESIA_CLIENT}%"),
        *conditions,
    )


def read_events(session: Session, events: Select[*tuple[Any, ...]]) -> list[Event]:
    """The events of a query with the ordinals of their people; new people get theirs."""
    found = session.execute(with_ordinals(events)).all()
    if any(row.ordinal is None for row in found):
        add_people_at_schools(session, events)
        found = session.execute(with_ordinals(events)).all()
    return [Event(*row) for row in found if row.ordinal is not None]


def with_ordinals(
    events: Select[*tuple[Any, ...]], numbered: FromClause = NUMBERED
) -> Select[*tuple[Any, ...]]:
    """The columns of ``Event`` for the events of a query; people without an ordinal have None."""
    event, there, main = events.subquery(), numbered.alias(), numbered.alias()
    whole = select(main.c.ordinal).where(
        main.c.person_id == event.c.person_id, main.c.main.is_(None)
    )
    return select(
        event.c.key,
        event.c.at,
        # Where the school as of then is unknown, the main ordinal stands for the person.
        case(
            (there.c.ordinal.is_not(None), there.c.ordinal),
            (event.c.school_code == "", whole.scalar_subquery()),
        ).label("ordinal"),
        event.c.method,
        event.c.school_code,
        event.c.role,
    ).outerjoin(
        there,
        (there.c.person_id == event.c.person_id) & (there.c.school_code == event.c.school_code),
    )


@dataclass(kw_only=True, slots=True)
class Gathered:
    """Events of one source, rolled up in memory."""

    cells: dict[Cell, PeopleSet] = field(default_factory=dict)
    counts: Counter[tuple[date, str, str, str]] = field(default_factory=Counter)
    """Sign-ins by day, school and role as of then and method, in the order of the table's key."""
    state: ActivitySource | None = None
    """None: there are no events."""

    def add(self, more: Gathered) -> None:
        """Join ``more`` events of the same source, none of which is here already."""
        for cell, people in more.cells.items():
            self.cells[cell] = self.cells[cell] | people if cell in self.cells else people
        self.counts.update(more.counts)
        if self.state is None or more.state is None:
            self.state = self.state or more.state
        else:
            self.state.first_at = min(self.state.first_at, more.state.first_at)
            self.state.last_at = max(self.state.last_at, more.state.last_at)
            self.state.events += more.state.events


def gather(source: EventSource, events: Sequence[Event], zone: ZoneInfo) -> Gathered:
    """Roll events up by the days of ``zone``."""
    if not events:
        return Gathered()
    hours: dict[tuple[int, str], set[int]] = defaultdict(set)
    counts: Counter[tuple[int, str, str, str]] = Counter()
    for _key, at, ordinal, method, school, role in events:
        hour = int(at.timestamp()) // 3600
        hours[hour, method].add(ordinal)
        counts[hour, school, method, role] += 1
    days: Counter[tuple[date, str, str, str]] = Counter()
    for (hour, school, method, role), number in counts.items():
        days[datetime.fromtimestamp(hour * 3600, zone).date(), school, method, role] += number
    moments = [one.at for one in events]
    return Gathered(
        cells=_cells({
            (datetime.fromtimestamp(hour * 3600, UTC), method): PeopleSet(people)
            for (hour, method), people in hours.items()
        }, zone),
        counts=days,
        state=ActivitySource(
            source=source, first_at=min(moments), last_at=max(moments), events=len(events),
            zone=zone.key,
        ),
    )  # fmt: skip


def add_events(session: Session, source: EventSource, events: Sequence[Event]) -> None:
    """Add events that are not in the roll-ups yet. The caller holds ``lock``."""
    new = gather(source, events, counted_in(session, source))
    if new.state is None:
        return
    _add_cells(session, source, new.cells)
    statement = insert_into(session, ActivityCount)
    adding = statement.on_conflict_do_update(
        index_elements=["day", "source", "school_code", "method", "role"],
        set_={"events": ActivityCount.events + statement.excluded.events},
    )
    session.execute(adding, [
        {
            "day": day, "source": source, "school_code": school, "method": method, "role": role,
            "events": number,
        }
        for (day, school, method, role), number in sorted(new.counts.items())
    ])  # fmt: skip
    extend(session, source, new.state.first_at, new.state.last_at, new.state.events)


def add_active(
    session: Session, source: EventSource, hours: dict[tuple[datetime, str], PeopleSet]
) -> None:
    """Join people who were active in an hour, by a method, to its bitmaps and those around it."""
    _add_cells(session, source, _cells(hours, counted_in(session, source)))


def _add_cells(session: Session, source: EventSource, cells: dict[Cell, PeopleSet]) -> None:
    table = ActivityBitmap
    for some in chunks(cells.items(), 200):
        places = {(span, begin) for (span, begin, _method), _people in some}
        rows = session.execute(
            select(table.span, table.begins_at, table.method, table.bitmap).where(
                table.source == source, tuple_(table.span, table.begins_at).in_(places)
            )
        )
        old = {(span, begin, method): bitmap for span, begin, method, bitmap in rows}
        upsert(session, table, [
            {
                "span": cell[0], "begins_at": cell[1], "source": source, "method": cell[2],
                "bitmap": (people | PeopleSet.unpacked(old[cell]) if cell in old else people)
                .packed(),
            }
            for cell, people in some
        ])  # fmt: skip


def _cells(hours: dict[tuple[datetime, str], PeopleSet], zone: ZoneInfo) -> dict[Cell, PeopleSet]:
    joined: dict[tuple[datetime, str], list[PeopleSet]] = defaultdict(list)
    for (hour, method), people in hours.items():
        for one in {method, ANY_METHOD}:
            joined[hour, one].append(people)
    cells: dict[Cell, PeopleSet] = {}
    # Days are joined from hours, and months from days.
    for span in Span:
        parts, joined = joined, defaultdict(list)
        for (begin, method), sets in parts.items():
            joined[start_of(begin, span, zone), method] += sets
        for (begin, method), sets in joined.items():
            sets[:] = [PeopleSet.joined(sets)]
            cells[span, begin, method] = sets[0]
    return cells


def counted_in(session: Session, source: EventSource) -> ZoneInfo:
    """The zone by whose days a source is rolled up, whatever the settings say by now."""
    row = session.get(ActivitySource, source)
    return zone_of(session) if row is None else ZoneInfo(row.zone)


def extend(
    session: Session, source: EventSource, first: datetime, last: datetime, events: int
) -> None:
    """Note that so many more events of a source are rolled up."""
    row = session.get(ActivitySource, source, populate_existing=True)
    if row is None:
        zone = zone_of(session).key
        session.add(
            ActivitySource(source=source, first_at=first, last_at=last, events=events, zone=zone)
        )
    else:
        row.first_at, row.last_at = min(row.first_at, first), max(row.last_at, last)
        row.events += events
    session.flush()
