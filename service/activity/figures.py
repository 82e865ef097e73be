"""What reports ask: who was active, for the first time or at all, and how often people signed in.

Every answer about people is a ``PeopleSet`` of main ordinals: counting one with ``len`` counts each
person once, and ``&``, ``|``, ``-`` join the answers. Every source that is meant is named.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.orm import Session

from auth.models import LoginEvent, Result
from service.activity.bitmaps import PeopleSet
from service.activity.rolls import Sheet, read_roles, refresh
from service.activity.rollups import ANY_METHOD, COUNTS, catch_up
from service.calendar.spans import Pieces, Span, cut_up, end_of, start_of
from service.calendar.weeks import week_of
from service.db import chunks
from service.models import (
    ActivityBitmap,
    ActivityCount,
    ActivityPerson,
    ActivitySource,
    EventSource,
    OutsideEvent,
    RollSheet,
)

OURS = (EventSource.PROVIDER,)
"""The sources of a figure unless another is asked for."""

_MOMENT = timedelta(microseconds=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Counted:
    """Sign-ins of one day."""

    day: date
    source: EventSource
    school_code: str
    """As of then."""
    method: str
    role: str
    """As of then; empty where the source does not know."""
    events: int


def bring_up_to_date(session: Session) -> None:
    """Roll up what is new, in the caller's transaction; at once when nothing is."""
    # The rolls first: the school of the roll is then the one that stands for the person.
    refresh(session)
    if catch_up(session):
        refresh(session)


class Activity:
    """The roll-ups at one moment. What came until now is rolled up first (``catch_up``).

    That may write: use it inside a transaction, and commit, or the next one does the work again.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        bring_up_to_date(session)

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

    def moved(
        self,
        begin: datetime,
        end: datetime,
        sheets: dict[str, Sheet],
        *,
        sources: Collection[EventSource] = OURS,
    ) -> dict[str, PeopleSet]:
        """School code -> who was active there in the period and is on another roll now (F3).

        Of the schools of ``sheets``. A sign-in whose school as of then is unknown counts at the
        first school that we knew the person at.
        """
        active = self._ordinals(begin, end, sources, None)
        then = {code: self._as_people(active & sheet.gone) for code, sheet in sheets.items()}
        on_rolls = self._on_any_roll if any(then.values()) else PeopleSet()
        return {code: people & on_rolls for code, people in then.items()}

    @cached_property
    def _on_any_roll(self) -> PeopleSet:
        every = select(RollSheet.school_code)
        sheets = read_roles(self._session, every).values()
        return PeopleSet.union(one.roll for sheet in sheets for one in sheet.roles.values())

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
        return PeopleSet.union(found)

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
        rows = self._session.scalars(
            select(table.bitmap).where(table.source == source, table.method.in_(names), or_(*spans))
        )
        return PeopleSet.unpacked(*rows)

    def _part(
        self, begin: datetime, end: datetime, source: EventSource, methods: Collection[str] | None
    ) -> PeopleSet:
        """Less than an hour, from the events themselves."""
        table = LoginEvent if source is EventSource.PROVIDER else OutsideEvent
        counts: Sequence[ColumnElement[bool]] = (
            COUNTS
            if table is LoginEvent
            else (
                OutsideEvent.source == source,
                OutsideEvent.person_id.is_not(None),
                OutsideEvent.result == Result.ALLOWED,
            )
        )
        statement = (
            select(table.person_id, table.school_code)
            .where(table.at >= begin, table.at < end, *counts)
            .distinct()
        )
        if methods is not None:
            statement = statement.where(table.method.in_(methods))
        at = statement.subquery()
        known = ActivityPerson
        return PeopleSet(
            self._session.scalars(
                select(known.ordinal).join(
                    at,
                    (known.person_id == at.c.person_id)
                    & (
                        (known.school_code == at.c.school_code)
                        | ((at.c.school_code == "") & known.main.is_(None))
                    ),
                )
            )
        )

    def _as_people(self, ordinals: PeopleSet) -> PeopleSet:
        """The main ordinal instead of each other one."""
        others = ordinals & self._others
        if not others:
            return ordinals
        mains = self._mains
        return (ordinals - others) | PeopleSet(mains[ordinal] for ordinal in others)

    @cached_property
    def _mains(self) -> dict[int, int]:
        rows = self._session.execute(
            select(ActivityPerson.ordinal, ActivityPerson.main).where(
                ActivityPerson.main.is_not(None)
            )
        )
        return {ordinal: main for ordinal, main in rows if main is not None}

    @cached_property
    def _others(self) -> PeopleSet:
        return PeopleSet(self._mains)

    def people(self, ids: Select[Any]) -> PeopleSet:
        """The set of the person ids that a query gives, for joining with the other answers.

        Takes a second for 500,000. People who are on no roll and never signed in are left out.
        """
        asked = ids.subquery()
        (person_id,) = asked.c
        return PeopleSet(
            self._session.scalars(
                select(ActivityPerson.ordinal)
                .join(asked, person_id == ActivityPerson.person_id)
                .where(ActivityPerson.main.is_(None))
            )
        )

    def person_ids(self, people: Iterable[int]) -> Iterator[str]:
        """Who they are, in the order of ordinals; whether the asker may see them is not asked."""
        for some in chunks(people):
            yield from self._session.scalars(
                select(ActivityPerson.person_id)
                .where(ActivityPerson.ordinal.in_(some))
                .order_by(ActivityPerson.ordinal)
            )

    def sign_ins(
        self,
        first: date,
        last: date,
        *,
        sources: Collection[EventSource] = OURS,
        schools: Any = None,
    ) -> list[Counted]:
        """Sign-ins by day, school and role as of then and method, both days inclusive.

        ``schools`` is what ``column.in_`` takes; None means all, also events without a school.
        """
        table = ActivityCount
        statement = select(
            table.day, table.source, table.school_code, table.method, table.role, table.events
        ).where(table.day >= first, table.day <= last, table.source.in_(sources))
        if schools is not None:
            statement = statement.where(table.school_code.in_(schools))
        return [
            Counted(
                day=day, source=EventSource(source), school_code=school, method=method, role=role,
                events=events,
            )
            for day, source, school, method, role, events in self._session.execute(statement)
        ]  # fmt: skip

    def sign_ins_by_school(
        self,
        first: date,
        last: date,
        *,
        sources: Collection[EventSource] = OURS,
        schools: Any = None,
    ) -> dict[str, Counter[str]]:
        """School code as of then -> sign-ins by method, both days inclusive."""
        table = ActivityCount
        statement = (
            select(table.school_code, table.method, func.sum(table.events))
            .where(table.day >= first, table.day <= last, table.source.in_(sources))
            .group_by(table.school_code, table.method)
        )
        if schools is not None:
            statement = statement.where(table.school_code.in_(schools))
        found: dict[str, Counter[str]] = {}
        for code, method, events in self._session.execute(statement):
            found.setdefault(code, Counter())[method] = int(events)
        return found

    def sign_ins_by_week(
        self,
        first: date,
        last: date,
        *,
        sources: Collection[EventSource] = OURS,
        schools: Any = None,
    ) -> dict[date, Counter[str]]:
        """First day of a week -> sign-ins by method. A week that the two days cut counts only its
        days between them."""
        table = ActivityCount
        statement = (
            select(table.day, table.method, func.sum(table.events))
            .where(table.day >= first, table.day <= last, table.source.in_(sources))
            .group_by(table.day, table.method)
        )
        if schools is not None:
            statement = statement.where(table.school_code.in_(schools))
        weeks: dict[date, Counter[str]] = {}
        for day, method, events in self._session.execute(statement):
            weeks.setdefault(week_of(day).first, Counter())[method] += int(events)
        return dict(sorted(weeks.items()))

    def freshness(
        self, sources: Collection[EventSource] = tuple(EventSource)
    ) -> list[ActivitySource]:
        """Of each source that has any event: the first, the last and how many."""
        return list(
            self._session.scalars(
                select(ActivitySource)
                .where(ActivitySource.source.in_(sources))
                .order_by(ActivitySource.source)
            )
        )


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
    return now + _MOMENT
