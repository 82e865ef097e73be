"""Other systems: schools that keep their roll elsewhere, and their plans
(docs/facts/indicators.md A3)."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from enum import StrEnum

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from service.calendar.weeks import last_month
from service.i18n import gettext as _
from service.models import LoadFile, PlanStatus, SchoolPlan
from service.registry.lookup import RegistrySchool
from service.reports.activity import SOURCE, active_column, active_definition, active_people
from service.reports.definition import Cell, Definition, PeriodUse, Rhythm
from service.reports.listing import (
    Schools,
    code_column,
    list_body,
    loaded_column,
    loads_of,
    rolls_source,
    schools_of,
)
from service.reports.low_activity import THRESHOLDS, Threshold, low_schools
from service.reports.question import Flag, Question
from service.reports.report import Body, Column, Row, Source, coded, yes_or_no

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


def other_systems(session: Session, question: Question) -> Body:
    """The schools of the scope on other systems and the candidates, with their plans."""
    schools = schools_of(session, question)
    chosen = _chosen(question, schools)
    people = active_people(session, question, chosen)
    low = low_schools(question, chosen, people)
    freshness, today = loads_of(schools), question.today
    layouts = last_layouts(session, [school.code for school in chosen])

    def cells(some: Schools, code: str) -> Row:
        (school,) = some
        planned_on = school.esia_plan_on
        return (
            code,
            school.source_system or None,
            standing(school),
            coded(low[code]),
            people.figures([code])["active"],
            f"{planned_on:%d.%m.%Y}" if planned_on else None,
            plan(planned_on, today),
            school.last_applied_at,
            layouts.get(code),
        )

    def in_total(some: Schools, _code: str) -> Row:
        codes = [school.code for school in some]
        return (
            "", "", "",
            _("yes: {n}", n=sum(low[code] is True for code in codes)),
            people.figures(codes)["active"], "",
            _("with a plan: {n}", n=sum(one.esia_plan_on is not None for one in some)),
            loads_of(some).oldest,
            ", ".join(sorted({layouts[code] for code in codes if code in layouts})),
        )  # fmt: skip

    note = _(
        "On other systems: {other}; never loaded, system unknown: {candidates}; with low activity: "
        "{low}; without a plan: {without}; planned day has passed: {passed}.",
        other=sum(standing(one) is Standing.OTHER for one in chosen),
        candidates=sum(standing(one) is Standing.CANDIDATE for one in chosen),
        low=sum(value is True for value in low.values()),
        without=sum(one.esia_plan_on is None for one in chosen),
        passed=sum(plan(one.esia_plan_on, today) is Plan.PASSED for one in chosen),
    )
    registry = Source(name=_("Registry of schools"), as_of=question.now)
    return list_body(
        chosen, _columns(question), cells, in_total=in_total, freshness=freshness, notes=(note,),
        sources=(registry, rolls_source(freshness), people.source),
    )  # fmt: skip


def last_layouts(session: Session, codes: Collection[str]) -> dict[str, str]:
    """Return by school the layouts of the files that were applied last: what its list came by."""
    applied = SchoolPlan.status == PlanStatus.APPLIED, SchoolPlan.school_code.in_(codes)
    newest = (
        select(SchoolPlan.school_code, func.max(SchoolPlan.load_id).label("load_id"))
        .where(*applied)
        .group_by(SchoolPlan.school_code)
        .subquery()
    )
    files = select(LoadFile.school_code, LoadFile.layout).join(
        newest,
        (LoadFile.school_code == newest.c.school_code) & (LoadFile.load_id == newest.c.load_id),
    )
    found: dict[str, set[str]] = {}
    for code, layout in session.execute(files):
        found.setdefault(code, set()).add(layout)
    return {code: ", ".join(sorted(names)) for code, names in found.items()}


def _chosen(question: Question, schools: Schools) -> Schools:
    wanted = set(Standing) if question.flag(CANDIDATES.name) else {Standing.OTHER}
    return [school for school in schools if standing(school) in wanted]


def other_systems_people(session: Session, question: Question, cell: Cell) -> Select[str]:
    """The people behind a number. Raises ``KeyError`` for one that the report lacks."""
    chosen = _chosen(question, schools_of(session, question))
    return active_people(session, question, chosen).behind(chosen, cell)


def _columns(question: Question) -> tuple[Column, ...]:
    standings: dict[str, str] = {
        Standing.OTHER: _("other system"),
        Standing.CANDIDATE: _("never loaded, system unknown"),
    }
    plans: dict[str, str] = {
        Plan.NONE: _("no plan"),
        Plan.AHEAD: _("day is to come"),
        Plan.PASSED: _("day has passed"),
    }
    return (
        code_column(),
        Column("system", _("Source system"), absent=_("not known")),
        Column("standing", _("Why in the list"), words=standings),
        Column("low", _("In the list of low activity"), words=yes_or_no()),
        active_column(question),
        Column("plan_date", _("Planned day of moving to ЕСИА"), absent=_("no plan")),
        Column("plan", _("State of the plan"), words=plans),
        loaded_column(),
        Column("layout", _("Layout of the last load"), absent=_("not loaded")),
    )


def _counted(question: Question) -> str:
    listed = _(
        "Schools of which the registry says that they keep their roll in a system that is not of "
        "the state, and schools never loaded whose system the registry does not name: these may "
        "be such. System and planned day are as typed into the registry; nothing of them is "
        "measured. Low activity: {threshold}.",
        threshold=Threshold.of(question).text(),
    )
    return f"{listed} {active_definition(question)}"


OTHER_SYSTEMS = Definition(
    name="other-systems",
    title=lambda: _("Schools on other systems"),
    purpose=lambda: _("Which schools use systems that are not of the state, and until when."),
    version="other-systems-2",
    counted=_counted,
    build=other_systems,
    options=(CANDIDATES, *THRESHOLDS, SOURCE),
    period=PeriodUse.REQUIRED,
    default_period=last_month,
    people=other_systems_people,
    rhythms=frozenset({Rhythm.MONTH, Rhythm.QUARTER}),
)
