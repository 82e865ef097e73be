"""Freshness: how recent the loaded data of schools are (docs/facts/indicators.md A4)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from service.calendar.weeks import month_of
from service.i18n import gettext as _
from service.models import PlanStatus, SchoolPlan
from service.reports.definition import LEVELS, Definition, Level, PeriodUse, Rhythm
from service.reports.listing import (
    LEFT,
    TOTAL,
    Schools,
    by_district,
    code_column,
    loaded_column,
    loads_of,
    name_of,
    rolls_source,
    school_columns,
    schools_of,
)
from service.reports.question import Question
from service.reports.report import (
    Body,
    Chart,
    Column,
    Kind,
    Row,
    Target,
    bars,
    number_column,
    share,
    share_column,
)

LOAD = "load"
"""Rows: each load by itself."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Loads:
    """Of one school."""

    in_period: list[SchoolPlan]
    """Its applied loads, the oldest first."""
    last_at: datetime | None
    """The newest one up to the end of the period; None: never."""


_BySchool = Mapping[str, Loads]


def freshness(session: Session, question: Question) -> Body:
    """Loads of the schools of the scope in the period."""
    schools = schools_of(session, question)
    loads = _loads(session, question, schools)
    if question.by == LOAD:
        columns, lines, total = _by_load(schools, loads)
    elif question.by == Level.DISTRICT:
        columns, lines, total = _by_district(question, schools, loads)
    else:
        columns, lines, total = _by_school(question, schools, loads)
    fresh, districts = loads_of(schools), question.by == Level.DISTRICT
    return Body(
        freshness=fresh,
        columns=columns,
        lines=lines,
        totals={TOTAL: total},
        merged=1 if districts else LEFT,
        sources=(rolls_source(fresh),),
        target=Target(column="loaded_share", value=1.0) if districts else None,
        chart=_chart(schools, loads) if districts else None,
    )


def _loads(session: Session, question: Question, schools: Schools) -> _BySchool:
    """By school code. A load counts when it was applied; the file may be older."""
    begin, end = question.bounds()
    applied = (
        SchoolPlan.status == PlanStatus.APPLIED,
        SchoolPlan.keeps_roll.is_(False),
        SchoolPlan.applied_at < end,
        SchoolPlan.school_code.in_(question.scope.codes()),
    )
    newest = (
        select(SchoolPlan.school_code, func.max(SchoolPlan.applied_at))
        .where(*applied)
        .group_by(SchoolPlan.school_code)
    )
    last = {row[0]: row[1] for row in session.execute(newest)}
    inside: dict[str, list[SchoolPlan]] = defaultdict(list)
    plans = (
        select(SchoolPlan)
        .where(*applied, SchoolPlan.applied_at >= begin)
        .order_by(SchoolPlan.applied_at, SchoolPlan.id)
    )
    for one in session.scalars(plans):
        inside[one.school_code].append(one)
    return {
        school.code: Loads(in_period=inside[school.code], last_at=last.get(school.code))
        for school in schools
    }


_Table = tuple[tuple[Column, ...], dict[str, Row], Row]
"""Columns, lines by key, and the total."""


def _counted_columns() -> tuple[Column, Column]:
    """How many loads, and what was rejected in them."""
    return (
        number_column(
            "loads",
            _("Loads applied in the period"),
            _("Each applied load of a school counts, also several of one school."),
        ),
        number_column(
            "set_aside",
            _("Rows rejected in these loads"),
            _("Rows of people that could not be used; an unmended row counts each time."),
        ),
    )


def _by_district(question: Question, schools: Schools, loads: _BySchool) -> _Table:
    columns = (
        Column("district", _("District")),
        number_column("schools", _("Schools of the registry")),
        number_column("loaded", _("Schools that loaded in the period")),
        share_column(
            "loaded_share",
            _("Loaded in the period, % of the schools of the registry"),
            "loaded",
            "schools",
        ),
        number_column("never", _("Schools never loaded")),
        number_column(
            "days", _("Days since the last load, at most"),
            _("Of the school of the district that loaded longest ago; whoever never loaded is "
              "counted to the left."),
        ),
        *_counted_columns(),
    )  # fmt: skip
    lines = {
        name: (name, *_together(question, some, loads))
        for name, some in by_district(schools).items()
    }
    return columns, lines, (_("Total"), *_together(question, schools, loads))


def _together(question: Question, schools: Schools, loads: _BySchool) -> Row:
    own = [loads[school.code] for school in schools]
    loaded = sum(bool(one.in_period) for one in own)
    never = sum(one.last_at is None for one in own)
    counts = _counts(question, schools, loads)
    return (len(schools), loaded, share(loaded, len(schools)), never, *counts)


def _counts(question: Question, schools: Schools, loads: _BySchool) -> Row:
    """Days since the oldest of their last loads, loads, and rows rejected."""
    own = [loads[school.code] for school in schools]
    days = [days_since(question, one.last_at) for one in own if one.last_at is not None]
    return (
        max(days, default=None),
        sum(len(one.in_period) for one in own),
        sum(load.set_aside for one in own for load in one.in_period),
    )


def days_since(question: Question, moment: datetime) -> int:
    """Whole days by the calendar of the zone, up to the end of the period or the cut-off."""
    until = question.today
    if question.period is not None:
        until = min(until, question.period.last)
    return (until - moment.astimezone(question.zone).date()).days


def _by_school(question: Question, schools: Schools, loads: _BySchool) -> _Table:
    columns = (
        *school_columns(),
        code_column(),
        replace(loaded_column(), key="last"),
        Column("days", _("Days since the last load"), Kind.INTEGER, absent=_("not loaded")),
        *_counted_columns(),
        Column("run", _("No. of the last load"), Kind.INTEGER, absent="—"),
    )
    lines: dict[str, Row] = {}
    for number, school in enumerate(schools, 1):
        own = loads[school.code]
        lines[school.code] = (
            number,
            school.district,
            name_of(school),
            school.code,
            own.last_at,
            *_counts(question, [school], loads),
            own.in_period[-1].load_id if own.in_period else None,
        )
    counted = _("organisations: {n}", n=len(schools))
    said = _("loaded in the period: {n}", n=sum(bool(one.in_period) for one in loads.values()))
    total = _counts(question, schools, loads)
    return columns, lines, (None, _("Total"), counted, said, "", *total, "")


def _by_load(schools: Schools, loads: _BySchool) -> _Table:
    """One row for each load; a school without any in the period has none here."""
    columns = (
        *school_columns(),
        code_column(),
        number_column("run", _("No. of the load")),
        Column("exported", _("Exported by the school"), Kind.MOMENT),
        Column("applied", _("Applied"), Kind.MOMENT),
        number_column("people", _("People in the file")),
        number_column("set_aside", _("Rows rejected")),
    )
    found = [(school, load) for school in schools for load in loads[school.code].in_period]
    lines: dict[str, Row] = {
        f"{school.code}|{load.load_id}": (
            number, school.district, name_of(school), school.code,
            load.load_id, load.exported_at, load.applied_at, load.people, load.set_aside,
        )
        for number, (school, load) in enumerate(found, 1)
    }  # fmt: skip
    return columns, lines, (
        None, _("Total"), _("loads: {n}", n=len(found)), "", "", "", "",
        sum(load.people for _school, load in found), sum(load.set_aside for _school, load in found),
    )  # fmt: skip


def _chart(schools: Schools, loads: _BySchool) -> Chart:
    districts = by_district(schools)
    shares = (
        share(sum(bool(loads[one.code].in_period) for one in some), len(some))
        for some in districts.values()
    )
    title = _("Schools that loaded in the period, share by district")
    return bars(title, districts, {_("Loaded in the period"): shares}, target=1.0)


FRESHNESS = Definition(
    name="freshness",
    title=lambda: _("Freshness of school data"),
    purpose=lambda: _("Which schools loaded their data, how long ago and with what losses."),
    version="freshness-1",
    counted=lambda _question: _(
        "A load counts on the day it was applied; refused, rejected and stopped ones do not. All "
        "schools of the registry are the denominator, also those never loaded, without those "
        "closed before the period. Days are counted from the last applied load to the end of the "
        "period, or to the cut-off while the period is not over. Rejected rows are rows of people "
        "that could not be used."
    ),
    build=freshness,
    levels={
        **{each: LEVELS[each] for each in (Level.DISTRICT, Level.SCHOOL)},
        LOAD: lambda: _("load by load"),
    },
    default_level=Level.DISTRICT,
    period=PeriodUse.REQUIRED,
    default_period=month_of,
    rhythms=frozenset({Rhythm.WEEK, Rhythm.MONTH, Rhythm.QUARTER}),
)
