"""Other systems: schools that keep their roll elsewhere, and their plans
(docs/facts/indicators.md A3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from enum import StrEnum

from sqlalchemy import Select
from sqlalchemy.orm import Session

from service.calendar.weeks import last_month
from service.i18n import gettext as _
from service.registry.lookup import RegistrySchool
from service.reports.active_people import SOURCE, ActivePeople, active_people
from service.reports.activity import active_definition, people_of_list, sums, total_groups
from service.reports.definition import Cell, Definition, PeriodUse, Rhythm
from service.reports.listing import (
    LEFT,
    TOTAL,
    code_column,
    column,
    listed,
    loaded_column,
    loads_of,
    people_column,
    rolls_source,
    school_columns,
    schools_of,
)
from service.reports.low_activity import THRESHOLDS, Threshold, low_schools
from service.reports.question import Asked, Flag
from service.reports.report import Column, Kind, Report, Row, Source, Value

VERSION = "other-systems-1"
"""Of the method, written into every report."""

CANDIDATES = Flag(
    name="candidates", label=lambda: _("List schools never loaded, system unknown"), default=True
)


class Standing(StrEnum):
    """Why a school is in the list."""

    OTHER = "other"
    """The registry says: another system than that of the state."""
    CANDIDATE = "candidate"
    """It was never loaded, and the registry does not say what it uses."""


class Plan(StrEnum):
    """Of moving to sign-in through ЕСИА."""

    NONE = "none"
    AHEAD = "ahead"
    PASSED = "passed"
    """The planned day is over and the school is still in the list."""


def standing(school: RegistrySchool) -> Standing | None:
    """None for a school that does not belong into the list."""
    if school.state_system is False:
        return Standing.OTHER
    if school.state_system is None and school.last_applied_at is None:
        return Standing.CANDIDATE
    return None


def plan(planned_on: date | None, today: date) -> Plan:
    """The planned day itself is not over yet."""
    if planned_on is None:
        return Plan.NONE
    return Plan.PASSED if planned_on < today else Plan.AHEAD


def other_systems(session: Session, asked: Asked) -> Report:
    """The schools of the scope on other systems and the candidates, with their plans."""
    schools = schools_of(session, asked)
    chosen = _chosen(asked, schools)
    people = active_people(session, asked, chosen)
    low = low_schools(asked, chosen, people)
    groups = total_groups(chosen)
    freshness = loads_of(schools)
    lines = list(listed(chosen))
    return Report(
        name="other-systems",
        title=_title(),
        definition=f"{_definition(asked)} {active_definition(asked)}",
        version=VERSION,
        **asked.facts(),
        freshness=freshness,
        columns=_columns(asked),
        rows=tuple(
            (*line.cells(), *_cells(asked, line.school, people, low)) for line in lines
        ),
        keys=tuple(line.key for line in lines),
        totals=tuple(_total(key, some, people, low) for key, some in groups.items()),
        total_keys=tuple(groups),
        merged=LEFT,
        sources=(
            Source(name=_("Registry of schools"), as_of=asked.now),
            rolls_source(freshness),
            people.source,
        ),
        notes=(_counts(asked, chosen, low),),
        sums=sums(groups),
    )  # fmt: skip


def _chosen(asked: Asked, schools: Sequence[RegistrySchool]) -> list[RegistrySchool]:
    wanted = set(Standing) if asked.flag(CANDIDATES.name) else {Standing.OTHER}
    return [school for school in schools if standing(school) in wanted]


def other_systems_people(session: Session, asked: Asked, cell: Cell) -> Select[str]:
    """The people behind a number. Raises ``KeyError`` for one that the report lacks."""
    return people_of_list(session, asked, cell, _chosen(asked, schools_of(session, asked)))


def _columns(asked: Asked) -> tuple[Column, ...]:
    standings: dict[str, str] = {
        Standing.OTHER: _("other system"),
        Standing.CANDIDATE: _("never loaded, system unknown"),
    }
    plans: dict[str, str] = {
        Plan.NONE: _("no plan"),
        Plan.AHEAD: _("day is to come"),
        Plan.PASSED: _("day has passed"),
    }
    words = {"yes": _("yes"), "no": _("no")}
    return (
        *school_columns(),
        code_column(),
        column("system", _("Source system"), Kind.TEXT, absent=_("not known")),
        _coded("standing", _("Why in the list"), standings),
        _coded("low", _("In the list of low activity"), words),
        people_column(
            "active",
            _("Active users ({period})", period=asked.period),
            _("Different people of the roll with an account, active at least once in the period."),
        ),
        column("plan_date", _("Planned day of moving to ЕСИА"), Kind.TEXT, absent=_("no plan")),
        _coded("plan", _("State of the plan"), plans),
        loaded_column(),
    )


def _coded(key: str, title: str, words: Mapping[str, str]) -> Column:
    return Column(key=key, title=title, kind=Kind.TEXT, absent=_("no data"), words=words)


def _cells(
    asked: Asked,
    school: RegistrySchool,
    people: ActivePeople,
    low: Mapping[str, bool | None],
) -> tuple[Value, ...]:
    planned_on = school.esia_plan_on
    return (
        school.code,
        school.source_system or None,
        standing(school),
        _yes(low[school.code]),
        people.figures([school.code])["active"],
        f"{planned_on:%d.%m.%Y}" if planned_on else None,
        plan(planned_on, asked.today),
        school.last_applied_at,
    )


def _yes(value: bool | None) -> str | None:
    return None if value is None else "yes" if value else "no"


def _total(
    key: str,
    schools: Sequence[RegistrySchool],
    people: ActivePeople,
    low: Mapping[str, bool | None],
) -> Row:
    codes = [school.code for school in schools]
    name = _("Total") if key == TOTAL else schools[0].district
    return (
        None, name, _("organisations: {n}", n=len(schools)), "", "", "",
        _("yes: {n}", n=sum(low[code] is True for code in codes)),
        people.figures(codes)["active"], "",
        _("with a plan: {n}", n=sum(one.esia_plan_on is not None for one in schools)),
        loads_of(schools).oldest,
    )  # fmt: skip


def _counts(asked: Asked, schools: Sequence[RegistrySchool], low: Mapping[str, bool | None]) -> str:
    return _(
        "On other systems: {other}; never loaded, system unknown: {candidates}; with low activity: "
        "{low}; without a plan: {without}; planned day has passed: {passed}.",
        other=sum(standing(one) is Standing.OTHER for one in schools),
        candidates=sum(standing(one) is Standing.CANDIDATE for one in schools),
        low=sum(value is True for value in low.values()),
        without=sum(one.esia_plan_on is None for one in schools),
        passed=sum(plan(one.esia_plan_on, asked.today) is Plan.PASSED for one in schools),
    )


def _title() -> str:
    return _("Schools on other systems")


def _definition(asked: Asked) -> str:
    return _(
        "Schools of which the registry says that they keep their roll in a system that is not of "
        "the state, and schools never loaded whose system the registry does not name: these may "
        "be such. System and planned day are as typed into the registry; nothing of them is "
        "measured. Low activity: {threshold}.",
        threshold=Threshold.of(asked).text(),
    )


OTHER_SYSTEMS = Definition(
    name="other-systems",
    title=_title,
    purpose=lambda: _("Which schools use systems that are not of the state, and until when."),
    build=other_systems,
    options=(CANDIDATES, *THRESHOLDS, SOURCE),
    period=PeriodUse.REQUIRED,
    default_period=last_month,
    people=other_systems_people,
    rhythms=frozenset({Rhythm.MONTH, Rhythm.QUARTER}),
)
