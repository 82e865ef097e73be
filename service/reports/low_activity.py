"""Low activity: the schools with too few active people between two dates
(docs/facts/indicators.md A2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Select
from sqlalchemy.orm import Session

from service.calendar.weeks import last_month
from service.i18n import gettext as _
from service.reports.activity import (
    EXTRA,
    SOURCE,
    ActivePeople,
    active_definition,
    active_people,
    activity_body,
    bars_by_district,
)
from service.reports.definition import Cell, Definition, PeriodUse, Rhythm
from service.reports.listing import Schools, loads_of, schools_of
from service.reports.question import Choice, Flag, Number, Question
from service.reports.report import Body, share


class Measure(StrEnum):
    """What is compared with a threshold."""

    COUNT = "count"
    SHARE = "share"
    EITHER = "either"


MEASURE = Choice(
    name="measure",
    label=lambda: _("Low activity is"),
    choices={
        Measure.COUNT: lambda: _("few active users"),
        Measure.SHARE: lambda: _("a small share of users with an account"),
        Measure.EITHER: lambda: _("either of the two"),
    },
    default=Measure.COUNT,
)
BELOW = Number(
    name="below",
    label=lambda: _("Fewer active users than"),
    default=lambda settings: settings.low_activity_below,
    minimum=1,
)
PERCENT = Number(
    name="percent",
    label=lambda: _("Active share under, %"),
    default=lambda settings: settings.low_activity_percent,
    maximum=100,
    whole=False,
)
UNLOADED = Flag(name="unloaded", label=lambda: _("List schools not loaded"), default=True)
THRESHOLDS = (MEASURE, BELOW, PERCENT)


@dataclass(frozen=True, kw_only=True, slots=True)
class Threshold:
    """Under it, and not at it, activity is low."""

    measure: Measure
    below: float
    """Active people."""
    share: float
    """Of people with an account, from 0 to 1."""

    @classmethod
    def of(cls, question: Question) -> Threshold:
        return cls(
            measure=Measure(question.choice(MEASURE.name)),
            below=question.number(BELOW.name) or 0,
            share=(question.number(PERCENT.name) or 0) / 100,
        )

    def is_low(self, active: int | None, provisioned: int | None) -> bool | None:
        """None where it cannot be told: nothing was measured, or a share of nobody is asked for."""
        if active is None:
            return None
        few = active < self.below
        if self.measure is Measure.COUNT:
            return few
        part = share(active, provisioned)
        if part is None:
            return few if self.measure is Measure.EITHER else None
        small = part < self.share
        return small if self.measure is Measure.SHARE else few or small

    def text(self) -> str:
        """For the definition."""
        few = _("fewer than {n} active users", n=f"{self.below:g}")
        small = _("under {n} % of the users with an account", n=f"{self.share * 100:g}")
        return {
            Measure.COUNT: few,
            Measure.SHARE: small,
            Measure.EITHER: _("{few}, or {small}", few=few, small=small),
        }[self.measure]


def low_schools(
    question: Question, schools: Schools, people: ActivePeople
) -> Mapping[str, bool | None]:
    """School code -> whether its activity is low; None where that is not known."""
    threshold = Threshold.of(question)
    found = {}
    for school in schools:
        counts = people.figures([school.code])
        found[school.code] = threshold.is_low(counts["active"], counts["provisioned"])
    return found


def low_activity(session: Session, question: Question) -> Body:
    """Those of the scope whose activity is low; schools with nobody active are among them."""
    schools = schools_of(session, question)
    people = active_people(session, question, schools)
    low = low_schools(question, schools, people)
    note = _(
        "Schools with low activity: {low} of {schools}; not loaded: {unloaded}.",
        low=sum(value is True for value in low.values()),
        schools=len(schools),
        unloaded=sum(school.last_applied_at is None for school in schools),
    )
    chart = bars_by_district(
        schools,
        _("Schools with low activity by district"),
        _("Schools with low activity"),
        lambda some: sum(low[school.code] is True for school in some),
    )
    chosen, loads = _chosen(question, schools, low), loads_of(schools)
    return activity_body(question, chosen, people, freshness=loads, notes=(note,), chart=chart)


def _chosen(question: Question, schools: Schools, low: Mapping[str, bool | None]) -> Schools:
    unloaded = question.flag(UNLOADED.name)
    return [
        school
        for school in schools
        if low[school.code] or (unloaded and school.last_applied_at is None)
    ]


def low_activity_people(session: Session, question: Question, cell: Cell) -> Select[str]:
    """The people behind a number. Raises ``KeyError`` for one that the report lacks."""
    schools = schools_of(session, question)
    people = active_people(session, question, schools)
    low = low_schools(question, schools, people)
    return people.behind(_chosen(question, schools, low), cell)


def _counted(question: Question) -> str:
    low = _(
        "Low activity: {threshold}. A school with nobody active is among them. A school without a "
        "load is listed but not judged.",
        threshold=Threshold.of(question).text(),
    )
    return f"{low} {active_definition(question)}"


LOW_ACTIVITY = Definition(
    name="low-activity",
    title=lambda: _("Schools with low activity"),
    purpose=lambda: _("Which schools have too few active people."),
    version="low-activity-1",
    counted=_counted,
    build=low_activity,
    options=(*THRESHOLDS, SOURCE, UNLOADED, EXTRA),
    period=PeriodUse.REQUIRED,
    default_period=last_month,
    people=low_activity_people,
    rhythms=frozenset({Rhythm.WEEK, Rhythm.MONTH, Rhythm.QUARTER}),
)
