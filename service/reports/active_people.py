"""Who of each school was active in a period, by one named source (docs/facts/indicators.md A1).

The same sets give the numbers of a report and the people behind them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from service.activity.bitmaps import PeopleSet
from service.activity.figures import Activity, until
from service.activity.rolls import Members, read_roles
from service.calendar.spans import Span, end_of
from service.i18n import gettext as _
from service.models import EventSource, MoodleSnapshot, SnapshotStatus
from service.registry.lookup import RegistrySchool
from service.reports.question import Asked, Choice
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
_KNOWS_SCHOOL_THEN = frozenset({EventSource.PROVIDER, EventSource.EARLIER_PORTAL})


@dataclass(frozen=True, kw_only=True, slots=True)
class People:
    """Of one school, or of several together, each person once."""

    provisioned: PeopleSet = field(default_factory=PeopleSet)
    """On the roll, not suspended, with an account."""
    active: PeopleSet = field(default_factory=PeopleSet)
    """Of these, those active in the period."""
    left: PeopleSet = field(default_factory=PeopleSet)
    """Suspended or on no roll now, active in the period (docs/facts/indicators.md F4)."""
    moved: PeopleSet = field(default_factory=PeopleSet)
    """Active here in the period and on the roll of another school now
    (docs/facts/indicators.md F3)."""

    @classmethod
    def together(cls, several: Iterable[People]) -> People:
        every = list(several)
        return cls(**{
            name: PeopleSet.union(getattr(one, name) for one in every) for name in COUNTED
        })  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class ActivePeople:
    """The answer, by school."""

    schools: Mapping[str, People]
    """By school code; a school without a load is not among them."""
    source: Source
    measured: bool
    """False: the source has nothing of the period, so activity is not known, which is not zero."""
    knows_moved: bool
    """The source tells at which school somebody was active."""

    def figures(self, codes: Sequence[str]) -> dict[str, int | None]:
        """Numbers of these schools together; None for what is not known."""
        loaded = [self.schools[code] for code in codes if code in self.schools]
        people = People.together(loaded)
        return {
            name: len(getattr(people, name)) if loaded and self._known(name) else None
            for name in COUNTED
        }

    def people(self, codes: Sequence[str], name: str) -> PeopleSet:
        """Who is behind one of the numbers. Raises ``KeyError`` for a name that is none."""
        if name not in COUNTED or not self._known(name):
            raise KeyError(name)
        loaded = [self.schools[code] for code in codes if code in self.schools]
        return PeopleSet.union(getattr(one, name) for one in loaded)

    def _known(self, name: str) -> bool:
        return name == "provisioned" or (self.measured and (name != "moved" or self.knows_moved))


def active_people(
    session: Session, asked: Asked, schools: Sequence[RegistrySchool]
) -> ActivePeople:
    """By the source and period asked for; the number of queries does not depend on schools."""
    source = EventSource(asked.choice(SOURCE.name))
    begin, end = _bounds(asked, source)
    activity = Activity(session)
    active = activity.active(begin, end, sources=(source,))
    loaded = {school.code for school in schools if school.last_applied_at is not None}
    rolls = rolls_at(session, asked.scope, asked.now)
    knows_moved = source in _KNOWS_SCHOOL_THEN
    moved = {}
    if knows_moved:
        sheets = read_roles(session, asked.scope.codes())
        moved = activity.moved(begin, end, sheets, sources=(source,))
    told, measured = _source(session, activity, asked, source)
    return ActivePeople(
        schools={
            code: _of_school(rolls.get(code, {}), active, moved.get(code, PeopleSet()))
            for code in loaded
        },
        source=told,
        measured=measured,
        knows_moved=knows_moved,
    )


def _of_school(roles: Mapping[str, Members], active: PeopleSet, moved: PeopleSet) -> People:
    members = roles.values()
    provisioned = PeopleSet.union(one.account for one in members)
    left = PeopleSet.union(one.left for one in members)
    return People(
        provisioned=provisioned, active=provisioned & active, left=left & active, moved=moved
    )


def _bounds(asked: Asked, source: EventSource) -> tuple[datetime, datetime]:
    """The first moment of the period and the first after what counts, the cut-off included."""
    bounds = asked.bounds()
    if bounds is None:
        raise ValueError("activity needs a period")
    end = until(asked.now)
    if source is EventSource.MOODLE:
        end = end_of(asked.now, Span.HOUR)  # snapshots are kept by the hour
    return bounds[0], max(bounds[0], min(bounds[1], end))


def _source(
    session: Session, activity: Activity, asked: Asked, source: EventSource
) -> tuple[Source, bool]:
    """What the reader is told of the source, and whether it has anything of the period."""
    begin, end = _bounds(asked, source)
    name = SOURCE.choices[source]()
    name = name[:1].upper() + name[1:]
    if source is EventSource.MOODLE:
        return _snapshots(session, name, begin, end)
    states = activity.freshness((source,))
    if source is EventSource.PROVIDER:
        note = ""
        if states and states[0].first_at >= begin:
            note = _("first sign-in {moment}", moment=show_moment(states[0].first_at, asked.zone))
        return Source(name=name, as_of=asked.now, note=note), True
    if not states:
        return Source(name=name, as_of=None), False
    first, last = states[0].first_at, states[0].last_at
    told = Source(
        name=name, as_of=last,
        note=_("known from {moment}", moment=show_moment(first, asked.zone)),
    )  # fmt: skip
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
