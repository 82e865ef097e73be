"""Activity: how many people of each school were active between two dates
(docs/facts/indicators.md A1)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from sqlalchemy import Select
from sqlalchemy.orm import Session

from service.activity.figures import Activity
from service.calendar.weeks import last_month
from service.i18n import gettext as _
from service.models import EventSource
from service.reports.active_people import SOURCE, ActivePeople, active_people
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
from service.reports.question import Flag, Question
from service.reports.report import (
    Body,
    Chart,
    ChartKind,
    Column,
    Kind,
    Row,
    draw,
    people_column,
    share,
    share_column,
)

EXTRA = Flag(name="extra", label=lambda: _("Further columns"), default=True)
"""Without them the list is as in the annex of the letter: four columns."""


def activity(session: Session, question: Question) -> Body:
    """The activity of the schools in the scope, by one source."""
    schools = schools_of(session, question)
    people = active_people(Activity(session), question, schools)
    chart = bars_by_district(
        schools,
        _("Active users by district"),
        _("Active users"),
        lambda some: people.figures([school.code for school in some])["active"],
    )
    return activity_body(question, schools, people, chart=chart)


def activity_body(question: Question, schools: Schools, people: ActivePeople, **more: Any) -> Body:
    """The list of these schools in the form of the annex. ``more``: fields of ``Body``."""
    extra = question.flag(EXTRA.name)

    def cells(some: Schools, code: str) -> Row:
        counts = people.figures([school.code for school in some])
        active, provisioned = counts["active"], counts["provisioned"]
        if not extra:
            return (active,)
        return (
            active,
            code,
            provisioned,
            share(active, provisioned),
            counts["left"],
            counts["moved"],
            loads_of(some).oldest,
        )

    sources = (rolls_source(more.get("freshness") or loads_of(schools)), people.source)
    return list_body(schools, _columns(question, extra=extra), cells, sources=sources, **more)


def active_column(question: Question) -> Column:
    return of_loaded(
        "active",
        _("Active users ({period})", period=question.period),
        _("Different people of the roll with an account, active at least once in the period."),
    )


def of_loaded(key: str, title: str, definition: str) -> Column:
    """A column that counts people; a school without a load says so."""
    return replace(people_column(key, title, definition), absent=_("not loaded"))


def _columns(question: Question, *, extra: bool) -> tuple[Column, ...]:
    if not extra:
        return (active_column(question),)
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
    return draw(ChartKind.BARS, title, Kind.INTEGER, districts, {name: values})


def activity_people(session: Session, question: Question, cell: Cell) -> Select[str]:
    """The people behind a number. Raises ``KeyError`` for one that the report lacks."""
    return people_of_list(session, question, cell, schools_of(session, question))


def people_of_list(
    session: Session, question: Question, cell: Cell, schools: Schools
) -> Select[str]:
    """The people behind a number of ``activity_body``. Raises ``KeyError``."""
    activity = Activity(session)
    people = active_people(activity, question, schools)
    return activity.ids(people.people(schools_behind(schools, cell.row), cell.column))


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
