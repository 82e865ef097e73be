"""Freshness: how recent the loaded data of schools are (docs/facts/indicators.md A4)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from service.calendar.weeks import month_of
from service.i18n import gettext as _
from service.models import PlanStatus, SchoolPlan
from service.registry.lookup import RegistrySchool
from service.reports.definition import Definition, PeriodUse, Rhythm
from service.reports.listing import (
    LEFT,
    TOTAL,
    by_district,
    code_column,
    column,
    end_of_period,
    listed,
    loads_of,
    rolls_source,
    school_columns,
    schools_of,
    share,
    share_column,
)
from service.reports.question import Asked
from service.reports.report import (
    Chart,
    ChartKind,
    Column,
    Kind,
    Report,
    Row,
    Series,
    Target,
    Value,
)

VERSION = "freshness-1"
"""Of the method, written into every report."""


class Rows(StrEnum):
    DISTRICT = "district"
    SCHOOL = "school"
    LOAD = "load"


@dataclass(frozen=True, kw_only=True, slots=True)
class Load:
    """One applied load of one school."""

    load_id: int
    school_code: str
    exported_at: datetime | None
    applied_at: datetime
    people: int
    set_aside: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Loads:
    """Of one school."""

    in_period: list[Load] = field(default_factory=list)
    last_at: datetime | None
    """The newest one up to the end of the period; None: never."""


def freshness(session: Session, asked: Asked) -> Report:
    """Loads of the schools of the scope in the period."""
    schools = schools_of(session, asked)
    loads = _loads(session, asked, schools)
    rows = Rows(asked.by)
    make = {Rows.DISTRICT: _districts, Rows.SCHOOL: _schools, Rows.LOAD: _each_load}[rows]
    lines = make(asked, schools, loads)
    fresh = loads_of(schools)
    return Report(
        name="freshness",
        title=_title(),
        definition=_definition(),
        version=VERSION,
        **asked.facts(),
        freshness=fresh,
        columns=_columns(rows),
        rows=tuple(lines.values()),
        keys=tuple(lines),
        totals=(_total(asked, rows, schools, loads),),
        total_keys=(TOTAL,),
        merged=1 if rows is Rows.DISTRICT else LEFT,
        sources=(rolls_source(fresh),),
        target=Target(column="loaded_share", value=1.0) if rows is Rows.DISTRICT else None,
        chart=_chart(schools, loads) if rows is Rows.DISTRICT else None,
    )


def _loads(
    session: Session, asked: Asked, schools: Sequence[RegistrySchool]
) -> Mapping[str, Loads]:
    """By school code. A load counts when it was applied; the file may be older."""
    bounds, end = asked.bounds(), end_of_period(asked)
    if bounds is None:
        raise ValueError("freshness needs a period")
    applied = (
        SchoolPlan.status == PlanStatus.APPLIED,
        SchoolPlan.applied_at < end if end < asked.now else SchoolPlan.applied_at <= end,
        SchoolPlan.school_code.in_(asked.scope.codes()),
    )
    newest = (
        select(SchoolPlan.school_code, func.max(SchoolPlan.applied_at))
        .where(*applied)
        .group_by(SchoolPlan.school_code)
    )
    last = {row[0]: row[1] for row in session.execute(newest)}
    inside: dict[str, list[Load]] = defaultdict(list)
    plans = (
        select(SchoolPlan)
        .where(*applied, SchoolPlan.applied_at >= bounds[0])
        .order_by(SchoolPlan.applied_at, SchoolPlan.id)
    )
    for one in session.scalars(plans):
        if one.applied_at is not None:
            inside[one.school_code].append(Load(
                load_id=one.load_id, school_code=one.school_code, exported_at=one.exported_at,
                applied_at=one.applied_at, people=one.people, set_aside=one.set_aside,
            ))  # fmt: skip
    return {
        school.code: Loads(in_period=inside[school.code], last_at=last.get(school.code))
        for school in schools
    }


def _columns(rows: Rows) -> tuple[Column, ...]:
    loads = column(
        "loads", _("Loads applied in the period"), Kind.INTEGER,
        definition=_("Each applied load of a school counts, also several of one school."),
    )  # fmt: skip
    set_aside = column(
        "set_aside", _("Rows rejected in these loads"), Kind.INTEGER,
        definition=_("Rows of people that could not be used; an unmended row counts each time."),
    )  # fmt: skip
    if rows is Rows.DISTRICT:
        return (
            column("district", _("District"), Kind.TEXT),
            column("schools", _("Schools of the registry"), Kind.INTEGER),
            column("loaded", _("Schools that loaded in the period"), Kind.INTEGER),
            share_column(
                "loaded_share",
                _("Loaded in the period, % of the schools of the registry"),
                ("loaded", "schools"),
            ),
            column("never", _("Schools never loaded"), Kind.INTEGER),
            column(
                "days", _("Days since the last load, at most"), Kind.INTEGER,
                definition=_("Of the school of the district that loaded longest ago; whoever "
                             "never loaded is counted to the left."),
            ),
            loads,
            set_aside,
        )  # fmt: skip
    if rows is Rows.SCHOOL:
        return (
            *school_columns(),
            code_column(),
            column("last", _("Last load"), Kind.MOMENT, absent=_("not loaded")),
            column("days", _("Days since the last load"), Kind.INTEGER, absent=_("not loaded")),
            loads,
            set_aside,
            column("run", _("No. of the last load"), Kind.INTEGER, absent="—"),
        )
    return (
        *school_columns(),
        code_column(),
        column("run", _("No. of the load"), Kind.INTEGER),
        column("exported", _("Exported by the school"), Kind.MOMENT),
        column("applied", _("Applied"), Kind.MOMENT),
        column("people", _("People in the file"), Kind.INTEGER),
        column("set_aside", _("Rows rejected"), Kind.INTEGER),
    )


def _districts(
    asked: Asked, schools: Sequence[RegistrySchool], loads: Mapping[str, Loads]
) -> dict[str, Row]:
    return {
        name: (name, *_together(asked, some, loads)) for name, some in by_district(schools).items()
    }


def _together(
    asked: Asked, schools: Sequence[RegistrySchool], loads: Mapping[str, Loads]
) -> tuple[Value, ...]:
    own = [loads[school.code] for school in schools]
    loaded = sum(bool(one.in_period) for one in own)
    days = [days_since(asked, one.last_at) for one in own if one.last_at is not None]
    return (
        len(schools),
        loaded,
        share(loaded, len(schools)),
        sum(one.last_at is None for one in own),
        max(days, default=None),
        sum(len(one.in_period) for one in own),
        sum(load.set_aside for one in own for load in one.in_period),
    )


def days_since(asked: Asked, moment: datetime) -> int:
    """Whole days by the calendar of the zone, up to the end of the period or the cut-off."""
    until = end_of_period(asked).astimezone(asked.zone).date()
    if asked.period is not None:
        until = min(until, asked.period.last)
    return (until - moment.astimezone(asked.zone).date()).days


def _schools(
    asked: Asked, schools: Sequence[RegistrySchool], loads: Mapping[str, Loads]
) -> dict[str, Row]:
    lines = {}
    for line in listed(schools):
        own = loads[line.key]
        lines[line.key] = (
            *line.cells(),
            line.key,
            own.last_at,
            None if own.last_at is None else days_since(asked, own.last_at),
            len(own.in_period),
            sum(load.set_aside for load in own.in_period),
            own.in_period[-1].load_id if own.in_period else None,
        )
    return lines


def _each_load(
    asked: Asked, schools: Sequence[RegistrySchool], loads: Mapping[str, Loads]
) -> dict[str, Row]:
    """One row for each load; a school without any in the period has none here."""
    del asked
    lines: dict[str, Row] = {}
    for school in schools:
        for load in loads[school.code].in_period:
            lines[f"{school.code}|{load.load_id}"] = (
                len(lines) + 1, school.district, school.short_name or school.name, school.code,
                load.load_id, load.exported_at, load.applied_at, load.people, load.set_aside,
            )  # fmt: skip
    return lines


def _total(
    asked: Asked, rows: Rows, schools: Sequence[RegistrySchool], loads: Mapping[str, Loads]
) -> Row:
    schools_there, loaded, part, never, days, count, set_aside = _together(asked, schools, loads)
    if rows is Rows.DISTRICT:
        return (_("Total"), schools_there, loaded, part, never, days, count, set_aside)
    counted = _("organisations: {n}", n=schools_there)
    if rows is Rows.SCHOOL:
        said = _("loaded in the period: {n}", n=loaded)
        return (None, _("Total"), counted, said, "", days, count, set_aside, "")
    people = sum(load.people for one in loads.values() for load in one.in_period)
    return (None, _("Total"), _("loads: {n}", n=count), "", "", "", "", people, set_aside)


def _chart(schools: Sequence[RegistrySchool], loads: Mapping[str, Loads]) -> Chart:
    districts = by_district(schools)
    return Chart(
        kind=ChartKind.BARS,
        title=_("Schools that loaded in the period, share by district"),
        unit=Kind.SHARE,
        labels=tuple(districts),
        series=(
            Series(
                name=_("Loaded in the period"),
                values=tuple(
                    share(sum(bool(loads[one.code].in_period) for one in some), len(some))
                    for some in districts.values()
                ),
            ),
        ),
        target=1.0,
    )


def _title() -> str:
    return _("Freshness of school data")


def _definition() -> str:
    return _(
        "A load counts on the day it was applied; refused, rejected and stopped ones do not. All "
        "schools of the registry are the denominator, also those never loaded, without those "
        "closed before the period. Days are counted from the last applied load to the end of the "
        "period, or to the cut-off while the period is not over. Rejected rows are rows of people "
        "that could not be used."
    )


FRESHNESS = Definition(
    name="freshness",
    title=_title,
    purpose=lambda: _("Which schools loaded their data, how long ago and with what losses."),
    build=freshness,
    levels={
        Rows.DISTRICT: lambda: _("by district"),
        Rows.SCHOOL: lambda: _("by school"),
        Rows.LOAD: lambda: _("load by load"),
    },
    default_level=Rows.DISTRICT,
    period=PeriodUse.REQUIRED,
    default_period=month_of,
    rhythms=frozenset({Rhythm.WEEK, Rhythm.MONTH, Rhythm.QUARTER}),
)
