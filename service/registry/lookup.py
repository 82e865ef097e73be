"""What reports ask of the reference data. Nothing here writes; each answer is a plain value.

``at`` is a day: what counted on it. ``known_at`` is a moment: what had been recorded by then, so
that the report of an earlier day can be built again with the same figures.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from service.access import Scope
from service.calendar.weeks import week_of
from service.db import LARGEST, copied
from service.models import (
    HeadCount,
    HeadCountGroup,
    Milestone,
    PlatformFigure,
    PlatformSchool,
    PlatformWeek,
    RegionalTotal,
    School,
    SchoolType,
    TotalKey,
)
from service.ordering import natural

_LEARNERS = (
    TotalKey.LEARNERS_GENERAL, TotalKey.LEARNERS_ADDITIONAL, TotalKey.LEARNERS_VOCATIONAL,
)  # fmt: skip
DENOMINATORS: Mapping[str, tuple[TotalKey, ...]] = {
    "E4.03": _LEARNERS,
    "E4.04": _LEARNERS,
    "E4.05": (
        TotalKey.ORGANISATIONS_GENERAL, TotalKey.ORGANISATIONS_ADDITIONAL,
        TotalKey.ORGANISATIONS_VOCATIONAL,
    ),
    "E4.07": (TotalKey.LEARNERS_GENERAL, TotalKey.LEARNERS_VOCATIONAL),
    "E4.08": (TotalKey.STAFF_GENERAL,),
}  # fmt: skip
"""Which totals make the denominator of an indicator (docs/facts/indicators.md D)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Counted:
    """A reference head count of a school."""

    people: int
    as_of: date
    source: str


@dataclass(frozen=True, kw_only=True, slots=True)
class RegistrySchool:
    code: str
    number: str
    name: str
    short_name: str
    district: str
    type: SchoolType | None
    """By the registry, else by the word of the load; None: not known."""
    unknown_type: str
    """What the load says of a school whose type is not known, when it is none of our words."""
    source_system: str
    """Empty: not known."""
    state_system: bool | None
    """None: not known."""
    esia_plan_on: date | None
    is_open: bool
    """On the day asked about."""
    closed_on: date | None
    merged_into: str
    registered: bool
    """False: known from loads only."""
    last_applied_at: datetime | None
    """None: never loaded; stays in all tables."""
    head_counts: Mapping[HeadCountGroup, Counted]
    """Those in force on the day asked about."""


def registry_schools(
    session: Session, scope: Scope, *, at: date, known_at: datetime | None = None
) -> list[RegistrySchool]:
    """All schools inside, closed ones too (``is_open``), by district and number as people look
    for them. The number of queries does not depend on theirs.
    """
    counts: dict[str, dict[HeadCountGroup, Counted]] = {}
    dated = (
        select(HeadCount)
        .where(HeadCount.school_code.in_(scope.codes()), HeadCount.as_of <= at)
        .order_by(HeadCount.as_of, HeadCount.id)
    )
    if known_at is not None:
        dated = dated.where(HeadCount.recorded_at <= known_at)
    for one in session.scalars(dated):
        counts.setdefault(one.school_code, {})[HeadCountGroup(one.group)] = copied(Counted, one)
    schools = session.scalars(select(School).where(scope.schools())).all()
    return [
        copied(
            RegistrySchool,
            school,
            type=SchoolType(school.type) if school.type else None,
            is_open=school.closed_on is None or at <= school.closed_on,
            registered=school.registered_at is not None,
            head_counts=counts.get(school.code, {}),
        )
        for school in sorted(schools, key=in_order)
    ]


def in_order(school: School) -> tuple[object, ...]:
    """Return the key to sort by: district, then number, as people look for a school."""
    number = natural(school.number or school.short_name)
    return natural(school.district), school.district, number, school.code


@dataclass(frozen=True, kw_only=True, slots=True)
class PlatformFigures:
    source: PlatformWeek
    schools: Mapping[str, PlatformFigure]
    """By school code, those inside the scope."""
    unmatched: Sequence[PlatformFigure]
    """Only for the city: figures of schools that a person has not matched yet."""


def platforms(session: Session) -> list[str]:
    """Return the names of the platforms with any figures."""
    names = select(PlatformWeek.platform).distinct().order_by(PlatformWeek.platform)
    return list(session.scalars(names))


def platform_versions(session: Session, platform: str) -> list[PlatformWeek]:
    """Return all imported weeks and their versions, the newest first."""
    query = (
        select(PlatformWeek)
        .where(PlatformWeek.platform == platform)
        .order_by(PlatformWeek.first_day.desc(), PlatformWeek.version.desc())
    )
    return list(session.scalars(query))


def platform_figures(
    session: Session,
    scope: Scope,
    platform: str,
    day: date,
    *,
    version: int | None = None,
    known_at: datetime | None = None,
) -> PlatformFigures | None:
    """Return the figures of the week of ``day``, by default in the newest version.

    None: nothing was imported; that is missing, not zero.
    """
    wanted = select(PlatformWeek).where(
        PlatformWeek.platform == platform, PlatformWeek.first_day == week_of(day).first
    )
    if version is not None:
        wanted = wanted.where(PlatformWeek.version == min(version, LARGEST))
    if known_at is not None:
        wanted = wanted.where(PlatformWeek.imported_at <= known_at)
    week = session.scalar(wanted.order_by(PlatformWeek.version.desc()).limit(1))
    if week is None:
        return None
    rows = (
        select(PlatformFigure, PlatformSchool.school_code, PlatformSchool.ignored)
        .join(
            PlatformSchool,
            (PlatformSchool.label == PlatformFigure.label) & (PlatformSchool.platform == platform),
        )
        .where(PlatformFigure.week_id == week.id)
        .order_by(PlatformFigure.row)
    )
    if not scope.is_city:
        rows = rows.where(PlatformSchool.school_code.in_(scope.codes()))
    schools, unmatched = {}, []
    for figure, code, ignored in session.execute(rows):
        if code is not None:
            schools[code] = figure
        elif not ignored:
            unmatched.append(figure)
    return PlatformFigures(source=week, schools=schools, unmatched=unmatched)


def regional_totals(
    session: Session, at: date, *, known_at: datetime | None = None
) -> dict[TotalKey, RegionalTotal]:
    """Return all totals in force, by key; a key that is not there has never been recorded.

    In force is the newest as of ``at`` or before; of two as of one day the one recorded later.
    """
    query = select(RegionalTotal).where(RegionalTotal.as_of <= at)
    if known_at is not None:
        query = query.where(RegionalTotal.recorded_at <= known_at)
    rows = session.scalars(query.order_by(RegionalTotal.as_of, RegionalTotal.id))
    return {TotalKey(row.key): row for row in rows}


@dataclass(frozen=True, kw_only=True, slots=True)
class Denominator:
    """Of an indicator of ``DENOMINATORS``."""

    parts: Sequence[RegionalTotal]
    """The totals that it is the sum of."""
    missing: Sequence[TotalKey]
    """Those that nobody has recorded."""

    @property
    def value(self) -> int | None:
        """Return the sum, or None when any part is missing, never zero."""
        return None if self.missing else sum(part.value for part in self.parts)


def denominator(totals: Mapping[TotalKey, RegionalTotal], indicator: str) -> Denominator:
    """Return the denominator by ``regional_totals``. Raises ``KeyError`` for another indicator."""
    keys = DENOMINATORS[indicator]
    return Denominator(
        parts=[totals[key] for key in keys if key in totals],
        missing=[key for key in keys if key not in totals],
    )


class StepState(StrEnum):
    DONE = "done"
    OVERDUE = "overdue"
    """Its last day is over and nobody has marked it done."""
    UNDER_WAY = "under_way"
    AHEAD = "ahead"
    """It has not begun."""
    UNDATED = "undated"
    """No date is fixed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """A milestone and where it stands on a day."""

    number: str
    title: str
    begins_on: date | None
    due_on: date | None
    responsible: Sequence[str]
    done_on: date | None
    done_by: str
    state: StepState


def milestones(session: Session, at: date) -> list[Step]:
    """Return the plan of the transition in the order of its numbers, as it stands on ``at``."""
    steps = sorted(session.scalars(select(Milestone)), key=lambda one: natural(one.number))
    return [
        copied(
            Step,
            one,
            responsible=tuple(one.responsible),
            state=step_state(one.begins_on, one.due_on, one.done_on, at),
        )
        for one in steps
    ]


def step_state(
    begins_on: date | None, due_on: date | None, done_on: date | None, at: date
) -> StepState:
    """Tell where a step stands on a day: done counts from the day of the mark."""
    if done_on is not None and done_on <= at:
        return StepState.DONE
    if due_on is not None and due_on < at:
        return StepState.OVERDUE
    if begins_on is None and due_on is None:
        return StepState.UNDATED
    return StepState.AHEAD if begins_on is not None and at < begins_on else StepState.UNDER_WAY
