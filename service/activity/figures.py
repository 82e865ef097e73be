"""What reports ask: who was active, for the first time or at all, and how often people signed in.

Every answer about people is a ``PeopleSet`` of main ordinals: counting one with ``len`` counts each
person once, and ``&``, ``|``, ``-`` join the answers. Every source that is meant is named.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Integer, Select, String, and_, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from service.activity.bitmaps import PeopleSet
from service.activity.ordinals import as_table
from service.activity.outside import events_of
from service.activity.rolls import Members, SchoolClass, Sheet, by_class, by_role, make_sheets
from service.activity.rollups import ANY_METHOD, with_ordinals
from service.activity.tail import Tail, read_tail
from service.calendar.spans import Pieces, Span, cut_up, end_of, start_of
from service.db import chunks
from service.models import (
    ActivityBitmap,
    ActivityCount,
    ActivitySource,
    EventSource,
    RollSheet,
    School,
)

OURS = (EventSource.PROVIDER,)
"""The sources of a figure unless another is asked for."""

MOMENT = timedelta(microseconds=1)
_DAY_KEYS = ("day", "school_code", "method", "role")
"""Of ``ActivityCount``, after which sign-ins can be told apart."""


class Activity:
    """The roll-ups at one moment, and what is not rolled up yet (``tail``). It writes nothing.

    Sets of two of them must not be joined: people without an ordinal have one here only. Where
    others roll up meanwhile, ask inside ``db.reading``.
    """

    def __init__(self, session: Session, tail: Tail | None = None) -> None:
        """``tail``: an empty one for who stores the answers; None reads it."""
        self.session = session
        self._tail = read_tail(session) if tail is None else tail
        self.numbered = self._tail.numbered
        """The rows of ``ActivityPerson``."""
        self._remade: dict[str, dict[str, Any]] = {}

    def active(
        self,
        begin: datetime | None,
        end: datetime | None,
        *,
        sources: Collection[EventSource] = OURS,
        methods: Collection[str] | None = None,
    ) -> PeopleSet:
        """Who was let in at least once from ``begin`` until before ``end``.

        None: from the first event, or until the last. ``methods``: values of ``auth.models.Method``
        or of an imported file; None is any method. Exact to the microsecond as long as the events
        of the first and the last hour are kept, else to the hour.
        """
        return self._as_people(self._ordinals(begin, end, sources, methods))

    def roles(self, codes: Any) -> dict[str, Sheet]:
        """School code -> its people by role; ``codes`` is what ``column.in_`` takes."""
        return {code: by_role(stored) for code, stored in self._sheets(codes, RollSheet.by_role)}

    def classes(self, codes: Any) -> dict[str, dict[tuple[SchoolClass, str], Members]]:
        """School code -> class and role -> people."""
        return {code: by_class(stored) for code, stored in self._sheets(codes, RollSheet.by_class)}

    def _sheets(self, codes: Any, column: InstrumentedAttribute[Any]) -> Iterable[tuple[str, Any]]:
        stale = self._tail.stale
        kept = self.session.execute(
            select(RollSheet.school_code, column).where(RollSheet.school_code.in_(codes))
        )
        yield from ((code, stored) for code, stored in kept if code not in stale)
        if stale:
            inside = select(School.code).where(School.code.in_(codes), School.code.in_(stale))
            changed = self.session.scalars(inside).all()
            missing = [code for code in changed if code not in self._remade]
            for some in chunks(missing):
                for row in make_sheets(self.session, some, self.numbered):
                    self._remade[row["school_code"]] = row
            yield from ((code, self._remade[code][column.key]) for code in changed)

    def moved(
        self,
        begin: datetime,
        end: datetime,
        codes: Any,
        *,
        sources: Collection[EventSource] = OURS,
    ) -> dict[str, PeopleSet]:
        """School code -> who was active there in the period and is on another roll now (F3).

        ``codes`` is what ``column.in_`` takes. A sign-in whose school as of then is unknown counts
        at the first school that we knew the person at.
        """
        active = self._ordinals(begin, end, sources, None)
        then = {
            code: self._as_people(active & sheet.gone) for code, sheet in self.roles(codes).items()
        }
        on_rolls = PeopleSet()
        if any(then.values()):
            every = self.roles(select(School.code)).values()
            on_rolls = PeopleSet.joined(one.roll for sheet in every for one in sheet.roles.values())
        return {code: people & on_rolls for code, people in then.items()}

    def _ordinals(
        self,
        begin: datetime | None,
        end: datetime | None,
        sources: Collection[EventSource],
        methods: Collection[str] | None,
    ) -> PeopleSet:
        """Ordinals as recorded: a person who moved may stand in several of them."""
        found = []
        for state in self.freshness(sources):
            pieces = _pieces(begin, end, state)
            found.append(self._whole(pieces, state.source, methods))
            found += [
                self._part(first, after, EventSource(state.source), methods)
                for first, after in pieces.parts
            ]
        return PeopleSet.joined(found)

    def _whole(self, pieces: Pieces, source: str, methods: Collection[str] | None) -> PeopleSet:
        table = ActivityBitmap
        spans = [
            and_(table.span == span, table.begins_at.in_(some))
            for span, beginnings in pieces.whole.items()
            for some in chunks(beginnings)
        ]
        if not spans:
            return PeopleSet()
        names = [ANY_METHOD] if methods is None else sorted(methods)
        rows = self.session.scalars(
            select(table.bitmap).where(table.source == source, table.method.in_(names), or_(*spans))
        )
        tail = self._tail.events.cells if source == EventSource.PROVIDER else {}
        return PeopleSet.joined(
            [
                PeopleSet.unpacked(*rows),
                *(
                    people
                    for (span, begin, method), people in tail.items()
                    if method in names and begin in pieces.whole[span]
                ),
            ]
        )

    def _part(
        self, begin: datetime, end: datetime, source: EventSource, methods: Collection[str] | None
    ) -> PeopleSet:
        """Less than an hour, from the events themselves."""
        found = with_ordinals(events_of(source, begin, end), self.numbered).subquery().c
        statement = select(found.ordinal).where(found.ordinal.is_not(None))
        if methods is not None:
            statement = statement.where(found.method.in_(methods))
        return PeopleSet(self.session.scalars(statement))

    def _as_people(self, ordinals: PeopleSet) -> PeopleSet:
        """The main ordinal instead of each other one."""
        others = ordinals & self._others
        if not others:
            return ordinals
        mains = self._mains
        return (ordinals - others) | PeopleSet(mains[ordinal] for ordinal in others)

    @cached_property
    def _mains(self) -> dict[int, int]:
        one = self.numbered.c
        rows = self.session.execute(select(one.ordinal, one.main).where(one.main.is_not(None)))
        return {row.ordinal: row.main for row in rows}

    @cached_property
    def _others(self) -> PeopleSet:
        return PeopleSet(self._mains)

    def people(self, ids: Select[Any] | Collection[str]) -> PeopleSet:
        """The set of people by their ids, for joining with the other answers.

        A query of 500,000 takes a second. People who are on no roll and never signed in are left
        out.
        """
        one = self.numbered.c
        if not isinstance(ids, Select):
            wanted = as_table(self.session, [(each,) for each in ids], person_id=String())
            ids = select(wanted.c.person_id)
        return PeopleSet(
            self.session.scalars(
                select(one.ordinal).where(one.person_id.in_(ids), one.main.is_(None))
            )
        )

    def ids(self, people: Iterable[int]) -> Select[str]:
        """The query of the ids of people: one value of a statement, however many they are."""
        wanted = as_table(self.session, [(each,) for each in people], ordinal=Integer())
        one = self.numbered.c
        return select(one.person_id).where(one.ordinal.in_(select(wanted.c.ordinal)))

    def sign_ins(
        self,
        first: date,
        last: date,
        *by: str,
        sources: Collection[EventSource] = OURS,
        schools: Any = None,
    ) -> Counter[tuple[Any, ...]]:
        """The number of sign-ins from ``first`` to ``last``, both days inclusive, as of then.

        ``by``: what tells them apart, any of ``day``, ``school_code``, ``method`` and ``role``
        (empty where the source does not know it). ``schools`` is what ``column.in_`` takes; None
        means all, also events without a school.
        """
        table = ActivityCount
        inside = [table.day >= first, table.day <= last, table.source.in_(sources)]
        if schools is not None:
            inside.append(table.school_code.in_(schools))
        columns = [getattr(table, name) for name in by]
        rows = self.session.execute(
            select(*columns, func.sum(table.events)).where(*inside).group_by(*columns)
        )
        counts = Counter({tuple(key): int(number) for *key, number in rows})
        tail = self._tail.events.counts if EventSource.PROVIDER in sources else Counter()
        if tail and schools is not None:
            schools = set(self.session.scalars(select(School.code).where(School.code.in_(schools))))
        for key, number in tail.items():
            one = dict(zip(_DAY_KEYS, key, strict=True))
            if first <= key[0] <= last and (schools is None or one["school_code"] in schools):
                counts[tuple(one[name] for name in by)] += number
        return counts

    def freshness(
        self, sources: Collection[EventSource] = tuple(EventSource)
    ) -> list[ActivitySource]:
        """Of each source that has any event: the first, the last and how many."""
        table = ActivitySource
        kept = self.session.scalars(
            select(table).where(table.source.in_(sources)).order_by(table.source)
        )
        found = {row.source: row for row in kept}
        new, source = self._tail.events.state, EventSource.PROVIDER
        if new is not None and source in sources:
            both = [found[source], new] if source in found else [new]
            found[source] = table(
                source=source,
                first_at=min(one.first_at for one in both),
                last_at=max(one.last_at for one in both),
                events=sum(one.events for one in both),
                zone=new.zone,
            )
        return list(found.values())


def _pieces(begin: datetime | None, end: datetime | None, state: ActivitySource) -> Pieces:
    """The period, widened over time without events: a whole month is read at once."""
    zone = ZoneInfo(state.zone)
    if begin is None or begin <= state.first_at:
        begin = start_of(state.first_at, Span.MONTH, zone)
    if end is None or end > state.last_at:
        end = end_of(state.last_at, Span.MONTH, zone)
    return cut_up(begin, end, zone)


def until(now: datetime) -> datetime:
    """The end of a period that includes the moment ``now`` itself."""
    return now + MOMENT
