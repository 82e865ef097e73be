"""Activity: how many people of each school were active between two dates
(docs/facts/indicators.md A1)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from service.activity.bitmaps import PeopleSet
from service.activity.figures import MOMENT, Activity
from service.calendar.spans import Span, end_of
from service.calendar.weeks import last_month
from service.i18n import gettext as _
from service.models import EventSource, MoodleSnapshot, SnapshotStatus
from service.reports.definition import Cell, Definition, PeriodUse, Rhythm
from service.reports.listing import (
    Schools,
    by_district,
    code_column,
    list_body,
    loaded_column,
    loads_of,
    rolls_source,
    schools_behind,
    schools_of,
)
from service.reports.question import Choice, Flag, Question
from service.reports.report import (
    Body,
    Chart,
    Column,
    Kind,
    Row,
    Source,
    bars,
    people_column,
    share,
    share_column,
    show_moment,
)
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

    activity: Activity
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
        return PeopleSet.joined(self.schools[code][name] for code in codes if code in self.schools)

    def behind(self, listed: Schools, cell: Cell) -> Select[str]:
        """The people behind a number of a list of schools. Raises ``KeyError`` for none such."""
        return self.activity.ids(self.people(schools_behind(listed, cell.row), cell.column))


def active_people(session: Session, question: Question, schools: Schools) -> ActivePeople:
    """By the source and period asked for; the number of queries does not depend on schools."""
    activity = Activity(session)
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
            provisioned = PeopleSet.joined(one.account for one in members)
            found[school.code] = {
                "provisioned": provisioned,
                "active": provisioned & active,
                "left": PeopleSet.joined(one.left for one in members) & active,
                "moved": moved.get(school.code, PeopleSet()),
            }
    known = ["provisioned"]
    if measured:
        known += COUNTED[1:] if knows_moved else COUNTED[1:-1]
    return ActivePeople(activity=activity, schools=found, source=told, known=frozenset(known))


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


EXTRA = Flag(name="extra", label=lambda: _("Further columns"), default=True)
"""Without them the list is as in the annex of the letter: four columns."""


def activity(session: Session, question: Question) -> Body:
    """The activity of the schools in the scope, by one source."""
    schools = schools_of(session, question)
    people = active_people(session, question, schools)
    chart = bars_by_district(
        schools,
        _("Active users by district"),
        _("Active users"),
        lambda some: people.figures([school.code for school in some])["active"],
    )
    return activity_body(question, schools, people, chart=chart)


def activity_body(question: Question, schools: Schools, people: ActivePeople, **more: Any) -> Body:
    """The list of these schools in the form of the annex. ``more``: fields of ``Body``."""
    shown = None if question.flag(EXTRA.name) else 1

    def cells(some: Schools, code: str) -> Row:
        counts = people.figures([school.code for school in some])
        active, provisioned = counts["active"], counts["provisioned"]
        return (
            active,
            code,
            provisioned,
            share(active, provisioned),
            counts["left"],
            counts["moved"],
            loads_of(some).oldest,
        )[:shown]

    sources = (rolls_source(more.get("freshness") or loads_of(schools)), people.source)
    return list_body(schools, _columns(question)[:shown], cells, sources=sources, **more)


def active_column(question: Question) -> Column:
    return of_loaded(
        "active",
        _("Active users ({period})", period=question.period),
        _("Different people of the roll with an account, active at least once in the period."),
    )


def of_loaded(key: str, title: str, definition: str) -> Column:
    """A column that counts people; a school without a load says so."""
    return replace(people_column(key, title, definition), absent=_("not loaded"))


def _columns(question: Question) -> tuple[Column, ...]:
    return (
        active_column(question),
        code_column(),
        of_loaded(
            "provisioned",
            _("Users with an account"),
            _("People on the roll at the cut-off, not suspended, whose account exists."),
        ),
        share_column(
            "active_share", _("Active, % of users with an account"), "active", "provisioned"
        ),
        of_loaded(
            "left",
            _("Suspended or left, had been active"),
            _("Were active in the period and are suspended or on no roll now; in no share."),
        ),
        people_column(
            "moved",
            _("Moved to another school, had been active here"),
            _("Were active here in the period and count as active at their new school only."),
        ),
        loaded_column(),
    )


def bars_by_district(
    schools: Schools,
    title: str,
    name: str,
    value: Callable[[Schools], float | None],
) -> Chart | None:
    """A number of the schools of each district; None where there is one district only."""
    districts = by_district(schools)
    if len(districts) < 2:
        return None
    values = [value(some) for some in districts.values()]
    return bars(title, districts, {name: values}, unit=Kind.INTEGER)


def activity_people(session: Session, question: Question, cell: Cell) -> Select[str]:
    """The people behind a number. Raises ``KeyError`` for one that the report lacks."""
    schools = schools_of(session, question)
    return active_people(session, question, schools).behind(schools, cell)


def active_definition(question: Question) -> str:
    """Who is active, for the reader, by the source asked for."""
    acts = {
        EventSource.PROVIDER: _(
            "Active: our sign-in page let the person in at least once in the period, both days "
            "included; refused attempts do not count."
        ),
        EventSource.MOODLE: _(
            "Active: a snapshot of last accesses in Moodle found an access of the person in the "
            "period, both days included; accesses that a later one had covered are not seen."
        ),
        EventSource.MOODLE_LOG: _(
            "Active: Moodle's log has a sign-in of the person in the period, both days included."
        ),
        EventSource.EARLIER_PORTAL: _(
            "Active: the portal before us let the person in at least once in the period, both "
            "days included; refused attempts do not count."
        ),
    }
    who = _(
        "Counted are different people on the roll at the cut-off, not suspended, with an account; "
        "however often somebody came, they count once in every line and once in the total. A "
        "person belongs to the school of the roll at the cut-off, also for what they did before a "
        "transfer; the old school shows them as moved."
    )
    return f"{acts[EventSource(question.choice(SOURCE.name))]} {who}"


ACTIVITY = Definition(
    name="activity",
    title=lambda: _("Active users of schools"),
    purpose=lambda: _("How many people of each school were active between two dates."),
    version="activity-1",
    counted=lambda question: " ".join(
        (
            active_definition(question),
            _("All schools of the registry are listed, also those never loaded."),
        )
    ),
    build=activity,
    options=(SOURCE, EXTRA),
    period=PeriodUse.REQUIRED,
    default_period=last_month,
    people=activity_people,
    rhythms=frozenset({Rhythm.WEEK, Rhythm.MONTH, Rhythm.QUARTER}),
)
