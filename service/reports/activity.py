"""Activity: how many people of each school were active between two dates
(docs/facts/indicators.md A1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Select
from sqlalchemy.orm import Session

from service.calendar.weeks import last_month
from service.i18n import gettext as _
from service.models import EventSource
from service.registry.lookup import RegistrySchool
from service.reports.active_people import SOURCE, ActivePeople, active_people
from service.reports.definition import Cell, Definition, PeriodUse, Rhythm
from service.reports.id_sets import with_ordinals
from service.reports.listing import (
    LEFT,
    TOTAL,
    by_district,
    code_column,
    listed,
    loaded_column,
    loads_of,
    people_column,
    rolls_source,
    school_columns,
    schools_of,
    share,
    share_column,
)
from service.reports.question import Asked, Flag
from service.reports.report import Chart, ChartKind, Column, Kind, Report, Row, Series, Sum, Value

VERSION = "activity-1"
"""Of the method, written into every report."""

EXTRA = Flag(name="extra", label=lambda: _("Further columns"), default=True)
"""Without them the list is as in the annex of the letter: four columns."""


def activity(session: Session, asked: Asked) -> Report:
    """The activity of the schools in the scope, by one source."""
    schools = schools_of(session, asked)
    people = active_people(session, asked, schools)
    return list_report(
        asked, schools, people, name="activity", title=_title(), version=VERSION,
        definition=f"{active_definition(asked)} {_all_schools()}",
        chart=_chart(schools, people),
    )  # fmt: skip


def list_report(
    asked: Asked,
    schools: Sequence[RegistrySchool],
    people: ActivePeople,
    *,
    name: str,
    title: str,
    version: str,
    definition: str,
    chart: Chart | None,
    notes: tuple[str, ...] = (),
    fresh_of: Sequence[RegistrySchool] | None = None,
) -> Report:
    """The list of these schools in the form of the annex. ``fresh_of``: those whose loads the head
    is about, when the list is a choice from them."""
    groups = total_groups(schools)
    freshness = loads_of(schools if fresh_of is None else fresh_of)
    lines = list(listed(schools))
    return Report(
        name=name,
        title=title,
        definition=definition,
        version=version,
        **asked.facts(),
        freshness=freshness,
        columns=columns(asked),
        rows=tuple(
            (*line.cells(), *_figures(asked, people, [line.school])) for line in lines
        ),
        keys=tuple(line.key for line in lines),
        totals=tuple(_total(asked, people, key, some) for key, some in groups.items()),
        total_keys=tuple(groups),
        merged=LEFT,
        sources=(rolls_source(freshness), people.source),
        notes=notes,
        chart=chart,
        sums=sums(groups),
    )  # fmt: skip


def total_groups(schools: Sequence[RegistrySchool]) -> Mapping[str, Sequence[RegistrySchool]]:
    """The schools of each total, by its key: each district where there are several, and all."""
    districts = by_district(schools)
    some = districts if len(districts) > 1 else {}
    return {**{f"district|{name}": found for name, found in some.items()}, TOTAL: schools}


def sums(groups: Mapping[str, Sequence[RegistrySchool]]) -> tuple[Sum, ...]:
    """The schools of a district add up to it, the districts to the total."""
    parts = {key: tuple(one.code for one in found) for key, found in groups.items()}
    if districts := tuple(key for key in groups if key != TOTAL):
        parts[TOTAL] = districts
    return tuple(Sum(whole=key, parts=some) for key, some in parts.items())


def columns(asked: Asked) -> tuple[Column, ...]:
    active = people_column(
        "active",
        _("Active users ({period})", period=asked.period),
        _("Different people of the roll with an account, active at least once in the period."),
    )
    first = (*school_columns(), active)
    if not asked.flag(EXTRA.name):
        return first
    return (
        *first,
        code_column(),
        people_column(
            "provisioned",
            _("Users with an account"),
            _("People on the roll at the cut-off, not suspended, whose account exists."),
        ),
        share_column(
            "active_share", _("Active, % of users with an account"), ("active", "provisioned")
        ),
        people_column(
            "left",
            _("Suspended or left, had been active"),
            _("Were active in the period and are suspended or on no roll now; in no share."),
        ),
        people_column(
            "moved",
            _("Moved to another school, had been active here"),
            _("Were active here in the period and count as active at their new school only."),
            absent=_("no data"),
        ),
        loaded_column(),
    )


def _figures(
    asked: Asked, people: ActivePeople, schools: Sequence[RegistrySchool]
) -> tuple[Value, ...]:
    """The cells right of the school's name; of one school or of several together."""
    counts = people.figures([school.code for school in schools])
    if not asked.flag(EXTRA.name):
        return (counts["active"],)
    code = schools[0].code if len(schools) == 1 else ""
    loads = loads_of(schools)
    return (
        counts["active"],
        code,
        counts["provisioned"],
        share(counts["active"], counts["provisioned"]),
        counts["left"],
        counts["moved"],
        loads.oldest,
    )


def _total(asked: Asked, people: ActivePeople, key: str, schools: Sequence[RegistrySchool]) -> Row:
    name = _("Total") if key == TOTAL else schools[0].district
    counted = _("organisations: {n}", n=len(schools))
    active, *rest = _figures(asked, people, schools)
    if rest:
        rest[0] = ""
    return (None, name, counted, active, *rest)


def activity_people(session: Session, asked: Asked, cell: Cell) -> Select[str]:
    """The people behind a number. Raises ``KeyError`` for one that the report lacks."""
    return people_of_list(session, asked, cell, schools_of(session, asked))


def people_of_list(
    session: Session, asked: Asked, cell: Cell, schools: Sequence[RegistrySchool]
) -> Select[str]:
    """The people behind a number of ``list_report``. Raises ``KeyError``."""
    groups = {**{school.code: [school] for school in schools}, **total_groups(schools)}
    found = groups[cell.row]
    people = active_people(session, asked, found)
    return with_ordinals(session, people.people([school.code for school in found], cell.column))


def _chart(schools: Sequence[RegistrySchool], people: ActivePeople) -> Chart | None:
    districts = by_district(schools)
    if len(districts) < 2:
        return None
    values = (people.figures([one.code for one in some])["active"] for some in districts.values())
    return Chart(
        kind=ChartKind.BARS,
        title=_("Active users by district"),
        unit=Kind.INTEGER,
        labels=tuple(districts),
        series=(Series(name=_("Active users"), values=tuple(values)),),
    )


def active_definition(asked: Asked) -> str:
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
    return f"{acts[EventSource(asked.choice(SOURCE.name))]} {who}"


def _all_schools() -> str:
    return _("All schools of the registry are listed, also those never loaded.")


def _title() -> str:
    return _("Active users of schools")


ACTIVITY = Definition(
    name="activity",
    title=_title,
    purpose=lambda: _("How many people of each school were active between two dates."),
    build=activity,
    options=(SOURCE, EXTRA),
    period=PeriodUse.REQUIRED,
    default_period=last_month,
    people=activity_people,
    rhythms=frozenset({Rhythm.WEEK, Rhythm.MONTH, Rhythm.QUARTER}),
)
