"""Who of each school was active in a period, by one named source (docs/facts/indicators.md A1).

The same sets give the numbers of a report and the people behind them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from service.activity.bitmaps import PeopleSet
from service.activity.figures import MOMENT, Activity
from service.calendar.spans import Span, end_of
from service.i18n import gettext as _
from service.models import EventSource, MoodleSnapshot, SnapshotStatus
from service.reports.listing import Schools
from service.reports.question import Choice, Question
from service.reports.report import Source, show_moment
from service.reports.roll_at import rolls_at

SOURCE = Choice(
    name="source",
    label=lambda: _("Source of activity"),
    choices={
        EventSource.PROVIDER: lambda: _("sign-ins through our page"),
        EventSource.MOODLE: lambda: _("activity in Moodle, by snapshots"),
        EventSource.MOODLE_LOG: lambda: _("sign-ins in Moodle's log"),
        EventSource.EARLIER_PORTAL: lambda: _("sign-ins at the earlier portal"),
    },
    default=EventSource.PROVIDER,
)
"""Exactly one: figures of two sources are never mixed."""

COUNTED = ("provisioned", "active", "left", "moved")
"""``provisioned``: on the roll, not suspended, with an account. ``active``: of these, those active
in the period. ``left``: active in the period, suspended or on no roll now. ``moved``: active here
in the period and on the roll of another school now (docs/facts/indicators.md F3, F4)."""

_KNOWS_SCHOOL_THEN = frozenset({EventSource.PROVIDER, EventSource.EARLIER_PORTAL})


@dataclass(frozen=True, kw_only=True, slots=True)
class ActivePeople:
    """The answer, by school."""

    schools: Mapping[str, Mapping[str, PeopleSet]]
    """School code -> people by the names of ``COUNTED``; only schools with a load."""
    source: Source
    known: frozenset[str]
    """Names of ``COUNTED`` that the source tells of the period: what it does not is no zero."""

    def figures(self, codes: Sequence[str]) -> dict[str, int | None]:
        """Numbers of these schools together; None for what is not known."""
        loaded = any(code in self.schools for code in codes)
        return {
            name: len(self.people(codes, name)) if loaded and name in self.known else None
            for name in COUNTED
        }

    def people(self, codes: Sequence[str], name: str) -> PeopleSet:
        """Who is behind a number, each once. Raises ``KeyError`` for what is not known."""
        if name not in self.known:
            raise KeyError(name)
        return PeopleSet.union(self.schools[code][name] for code in codes if code in self.schools)


def active_people(activity: Activity, question: Question, schools: Schools) -> ActivePeople:
    """By the source and period asked for; the number of queries does not depend on schools."""
    source = EventSource(question.choice(SOURCE.name))
    begin, end = question.bounds()
    if source is EventSource.MOODLE:
        # Snapshots are kept by the hour.
        last = end_of(question.now, Span.HOUR)
        begin, end = replace(question, now=last - MOMENT).bounds()
    told, measured = _source(activity, question, source, begin, end)
    knows_moved = source in _KNOWS_SCHOOL_THEN
    active = activity.active(begin, end, sources=(source,))
    rolls = rolls_at(activity, question.scope, question.now)
    moved = (
        activity.moved(begin, end, question.scope.codes(), sources=(source,)) if knows_moved else {}
    )
    found = {}
    for school in schools:
        if school.last_applied_at is not None:
            members = rolls.get(school.code, {}).values()
            provisioned = PeopleSet.union(one.account for one in members)
            found[school.code] = {
                "provisioned": provisioned,
                "active": provisioned & active,
                "left": PeopleSet.union(one.left for one in members) & active,
                "moved": moved.get(school.code, PeopleSet()),
            }
    known = ["provisioned"]
    if measured:
        known += COUNTED[1:] if knows_moved else COUNTED[1:-1]
    return ActivePeople(schools=found, source=told, known=frozenset(known))


def _source(
    activity: Activity, question: Question, source: EventSource, begin: datetime, end: datetime
) -> tuple[Source, bool]:
    """What the reader is told of the source, and whether it has anything of the period."""
    name = SOURCE.choices[source]()
    name = name[:1].upper() + name[1:]
    if source is EventSource.MOODLE:
        return _snapshots(activity.session, name, begin, end)
    states = activity.freshness((source,))
    first = states[0].first_at if states else None
    moment = show_moment(first, question.zone) if first else ""
    if source is EventSource.PROVIDER:
        note = _("first sign-in {moment}", moment=moment) if first and first >= begin else ""
        return Source(name=name, as_of=question.now, note=note), True
    if first is None:
        return Source(name=name, as_of=None), False
    last = states[0].last_at
    told = Source(name=name, as_of=last, note=_("known from {moment}", moment=moment))
    return told, first < end and last >= begin


def _snapshots(session: Session, name: str, begin: datetime, end: datetime) -> tuple[Source, bool]:
    table = MoodleSnapshot
    first, last = session.execute(
        select(func.min(table.since), func.max(table.taken_at)).where(
            table.taken_at.is_not(None), table.taken_at <= end
        )
    ).one()
    gaps = session.scalars(
        select(func.count(func.distinct(table.due_at))).where(
            table.status.in_((SnapshotStatus.MISSED, SnapshotStatus.FAILED)),
            table.due_at > begin,
            table.due_at <= end,
        )
    ).one()
    note = _("snapshots missing in the period: {n}", n=gaps) if gaps else ""
    measured = first is not None and last is not None and last > begin and first < end
    return Source(name=name, as_of=last, note=note), measured
