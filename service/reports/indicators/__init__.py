"""Indicators of «Цифровая образовательная среда» (E4) of a quarter (docs/facts/indicators.md D).

The identifiers are written with a Latin E, though the letter prints a Cyrillic one in places.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session

from auth.models import Method
from provisioning.roster import Role
from provisioning.state import CourseRole
from service.access import Scope
from service.activity.bitmaps import PeopleSet
from service.activity.figures import Activity
from service.activity.marks import Mark, marked
from service.activity.rolls import Members
from service.calendar.weeks import final_cut_off, last_quarter, quarter_of
from service.i18n import gettext as _
from service.models import KnownEnrolment, RegionalTotal, SchoolType, TotalKey
from service.problems import AskError
from service.registry.lookup import DENOMINATORS, denominator, regional_totals
from service.reports.definition import Cell, Definition, PeriodUse, Rhythm
from service.reports.indicators.texts import LINES, indicator_of, said
from service.reports.listing import Schools, rolls_source, schools_of, sign_ins_source
from service.reports.question import Question
from service.reports.report import (
    NO_SUMS,
    Body,
    Chart,
    Column,
    Freshness,
    Kind,
    Row,
    Source,
    bars,
    share,
)
from service.reports.roll_at import loads_at, rolls_at
from service.words import registry as wording

LETTER = "ГД-1452/04, 11.09.2020"
"""The version of the passport's method that every figure follows."""

_WITH_ADDITIONAL = frozenset({SchoolType.GENERAL, SchoolType.ADDITIONAL, SchoolType.VOCATIONAL})
KINDS: Mapping[str, frozenset[SchoolType]] = {
    **dict.fromkeys(("E4.03", "E4.04", "E4.05"), _WITH_ADDITIONAL),
    "E4.07": frozenset({SchoolType.GENERAL, SchoolType.VOCATIONAL}),
    "E4.08": frozenset({SchoolType.GENERAL}),
}
"""The organisations of an indicator, the same in numerator and denominator: with additional
education, without it, and general education alone."""

Count = PeopleSet | int
"""People, or organisations."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """One line of the form."""

    numerator: Count | None
    """None: not measured here."""
    loaded: Count | None
    """The denominator as the loaded schools have it: distinct persons, or organisations."""


def measure(
    activity: Activity, question: Question, schools: Schools, loads: Mapping[str, datetime | None]
) -> dict[str, Measured]:
    """What the service sees, by the key of the line: an identifier, and a part of it after a bar.

    ``question``: its period is a quarter. The number of queries does not depend on the number of
    schools.
    """
    cut_off, scope = question.now, question.scope
    rolls = rolls_at(activity, scope, cut_off)
    begin, end = question.bounds()
    active = activity.active(begin, end)
    by_esia = activity.active(begin, end, methods=(Method.ESIA,))
    inside = {
        indicator: [
            school.code for school in schools
            if school.type in kinds and loads.get(school.code) is not None
        ]
        for indicator, kinds in KINDS.items()
    }  # fmt: skip

    def people(indicator: str, role: Role = Role.STUDENT) -> Members:
        """The people of a role in the schools of the indicator, each once."""
        roles = [rolls.get(code, {}) for code in inside[indicator]]
        return Members.together(each[role] for each in roles if role in each)

    all_kinds, horizontal = people("E4.03"), people("E4.07")
    enrolled = activity.people(_enrolled(scope))
    courses = question.settings.horizontal_courses
    in_marked = activity.people(_enrolled(scope, courses)) if courses else None
    linked = marked(activity, Mark.LINKED, at=cut_off)
    account, roll = all_kinds.account, all_kinds.roll
    using = [
        code for code in inside["E4.05"] if any(one.roll & active for one in rolls[code].values())
    ]
    return {
        "E4.03": Measured(numerator=account & enrolled, loaded=roll),
        "E4.04": Measured(numerator=account, loaded=roll),
        "E4.04|linked": Measured(numerator=account & linked, loaded=roll),
        "E4.04|used": Measured(numerator=account & by_esia, loaded=roll),
        "E4.05": Measured(numerator=len(using), loaded=len(inside["E4.05"])),
        "E4.07": Measured(
            numerator=None if in_marked is None else horizontal.account & in_marked,
            loaded=horizontal.roll,
        ),
        "E4.08": Measured(numerator=None, loaded=people("E4.08", Role.TEACHER).roll),
    }


def _enrolled(scope: Scope, prefixes: Sequence[str] = ()) -> Select[str]:
    """Who is a learner of a course, of any or of those whose idnumber begins so."""
    query = select(KnownEnrolment.person_id).where(
        KnownEnrolment.role == CourseRole.STUDENT, KnownEnrolment.school_code.in_(scope.codes())
    )
    if prefixes:
        query = query.where(
            or_(*(KnownEnrolment.course.startswith(each, autoescape=True) for each in prefixes))
        )
    return query.distinct()


NOT_MEASURED = "not_measured"


@dataclass(frozen=True, kw_only=True, slots=True)
class _Denominator:
    """By official statistics of the whole region."""

    value: int | None
    """None: a part of it is not recorded, or the reader sees a part of the region only."""
    source: str


def indicators(session: Session, question: Question) -> Body:
    """The form of one quarter. Raises ``AskError`` for any other period."""
    period = question.period
    if period is None or period != quarter_of(period.last):
        fitting = quarter_of(period.last if period else question.today)
        raise AskError("question.quarter", quarter=fitting)
    cut_off = min(question.now, final_cut_off(period, question.zone))
    schools = schools_of(session, question)
    loads = loads_at(session, question.scope, cut_off)
    measured = measure(Activity(session), replace(question, now=cut_off), schools, loads)
    totals = regional_totals(session, period.last, known_at=question.now)
    lines = {key: _denominator(question, indicator_of(key), totals) for key in LINES}
    fresh = Freshness.of([loads[school.code] for school in schools])
    return Body(
        cut_off=cut_off,
        freshness=fresh,
        columns=list(_columns()),
        lines={key: _row(key, measured.get(key), whole) for key, whole in lines.items()},
        totals={},
        sources=(
            rolls_source(fresh),
            sign_ins_source(cut_off),
            Source(
                name=_("Regional totals by official statistics"),
                as_of=max((total.recorded_at for total in totals.values()), default=None),
            ),
        ),
        notes=tuple(_notes(question, schools)),
        chart=_chart(measured, lines),
        sums=NO_SUMS,
    )


def indicator_people(session: Session, question: Question, cell: Cell) -> Select[str]:
    """The people of one line. Raises ``KeyError`` for a line that counts none."""
    if question.period is None:
        raise KeyError("period")
    activity, end = Activity(session), final_cut_off(question.period, question.zone)
    at_end = replace(question, now=min(question.now, end))
    schools = schools_of(session, question)
    loads = loads_at(session, question.scope, at_end.now)
    measured = measure(activity, at_end, schools, loads)[cell.row]
    people = {"numerator": measured.numerator, "loaded": measured.loaded}[cell.column]
    if not isinstance(people, PeopleSet):
        raise KeyError(cell.row)
    return activity.ids(people)


def _denominator(
    question: Question, indicator: str, totals: Mapping[TotalKey, RegionalTotal]
) -> _Denominator:
    if indicator not in DENOMINATORS:
        return _Denominator(value=None, source="")
    if not question.scope.is_city:
        return _Denominator(value=None, source=_("official totals are of the whole region"))
    found = denominator(totals, indicator)
    missing = ", ".join(map(wording.total, found.missing))
    source = _("not recorded: {totals}", totals=missing) if missing else ""
    return _Denominator(value=found.value, source=source or "; ".join(map(_told, found.parts)))


def _told(total: RegionalTotal) -> str:
    number = f" № {total.document_number}" if total.document_number else ""
    told = wording.total(total.key)
    return f"{told}: {total.value} ({total.document}{number}, {total.as_of:%d.%m.%Y})"


def _row(key: str, measured: Measured | None, whole: _Denominator) -> Row:
    text = said(key)
    left: Row = (indicator_of(key), text.indicator)
    right: Row = (text.counted, text.left_out, LETTER, whole.source)
    numerator = measured.numerator if measured else None
    loaded = _number(measured.loaded) if measured else None
    if numerator is None:
        official = whole.value if indicator_of(key) in DENOMINATORS else ""
        group = loaded if measured else ""
        return (*left, NOT_MEASURED, official, "", group, "", *right)
    number = _number(numerator)
    return (
        *left, number, whole.value, share(number, whole.value), loaded, share(number, loaded),
        *right,
    )  # fmt: skip


def _number(count: Count | None) -> int | None:
    return len(count) if isinstance(count, PeopleSet) else count


def _columns() -> Iterator[Column]:
    words = {NOT_MEASURED: _("not measured here")}

    def figure(key: str, title: str, kind: Kind, definition: str = "", *of: str) -> Column:
        return Column(
            key, title, kind, words=words, definition=definition, people=kind is Kind.INTEGER, of=of
        )

    yield Column("id", _("No."))
    yield Column("indicator", _("Indicator"))
    yield figure("numerator", _("Numerator: counted by the service"), Kind.INTEGER)
    yield Column(
        "denominator",
        _("Denominator: official total of the region"),
        Kind.INTEGER,
        definition=_(
            "Enrolments by official statistics: a child who attends several kinds of education "
            "is in it several times. The service counts persons."
        ),
    )
    yield figure(
        "share", _("Share, % of the official total"), Kind.SHARE, "", "numerator", "denominator"
    )
    yield figure(
        "loaded",
        _("The same group in the loaded schools"),
        Kind.INTEGER,
        _("Distinct persons, or organisations, of schools with an applied load."),
    )
    yield figure(
        "loaded_share", _("Share, % of the group in the loaded schools"), Kind.SHARE, "",
        "numerator", "loaded",
    )  # fmt: skip
    yield Column("counted", _("What is counted"))
    yield Column("left_out", _("What is not counted"))
    yield Column("method", _("Version of the method"))
    yield Column("denominator_source", _("Source of the official total"))


def _notes(question: Question, schools: Schools) -> Iterator[str]:
    yield _(
        "State and other systems count alike, not only the federal platform; what other systems "
        "hold is not seen here, so the figures are a part of the indicator."
    )
    unknown = sum(school.type is None for school in schools)
    if unknown:
        yield _(
            "The kind of {n} organisations is not known; they are left out. "
            "Choose their types in the registry.",
            n=unknown,
        )
    if not question.settings.horizontal_courses:
        yield _("E4.07 is not measured: no courses are marked for it in the settings.")


def _chart(measured: Mapping[str, Measured], lines: Mapping[str, _Denominator]) -> Chart:
    """Of each measured line the share of the official total and of the loaded schools."""
    numbers = {
        key: (_number(one.numerator), _number(one.loaded), lines[key].value)
        for key, one in measured.items()
        if one.numerator is not None
    }
    shares = {
        _("Of the official total"): [share(n, whole) for n, _w, whole in numbers.values()],
        _("Of the loaded schools"): [share(n, whole) for n, whole, _w in numbers.values()],
    }
    return bars(_("Shares of the quarter"), [said(key).short for key in numbers], shares)


INDICATORS = Definition(
    name="indicators",
    title=lambda: _("Indicators of the digital educational environment (ЦОС)"),
    purpose=lambda: _("Indicators E4 of a quarter, with numerators, denominators and sources."),
    version="indicators-1",
    counted=lambda _question: _(
        "Indicators E4 of a quarter by the wording of 11.09.2020. The numerator is counted as of "
        "the cut-off by distinct persons; a denominator is the sum of official totals of the "
        "region in force on the last day of the quarter. Three denominators differ: with "
        "additional education (E4.03, E4.04, E4.05), without it (E4.07), general education alone "
        "(E4.08). What the service cannot see stands in the form as not measured here."
    ),
    build=indicators,
    period=PeriodUse.REQUIRED,
    default_period=last_quarter,
    people=indicator_people,
    knows_people_of=lambda row: row != "E4.05",
    rhythms=frozenset({Rhythm.QUARTER}),
)
