"""Indicators of «Цифровая образовательная среда» (E4) of a quarter (docs/facts/indicators.md D)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Select
from sqlalchemy.orm import Session

from service.activity.bitmaps import PeopleSet
from service.activity.figures import Activity
from service.calendar.weeks import final_cut_off, last_quarter, quarter_of
from service.i18n import gettext as _
from service.models import OperatorRole, TotalKey
from service.registry.lookup import (
    DENOMINATORS,
    RegistrySchool,
    Total,
    denominator,
    regional_totals,
    registry_schools,
)
from service.reports.definition import Cell, Definition, PeriodUse, Rhythm
from service.reports.id_sets import with_ordinals
from service.reports.indicators.measures import LETTER, Count, Measured, measure
from service.reports.indicators.texts import LINES, indicator_of, said
from service.reports.listing import column, rolls_source, share
from service.reports.question import Asked, AskError
from service.reports.report import (
    Chart,
    ChartKind,
    Column,
    Freshness,
    Kind,
    Report,
    Row,
    Series,
    Source,
    Sum,
)
from service.reports.roll_at import loads_at
from service.words import registry as wording

VERSION = "indicators-1"
"""Of the method, written into every report."""

NOT_MEASURED = "not_measured"


@dataclass(frozen=True, kw_only=True, slots=True)
class _Denominator:
    """By official statistics of the whole region."""

    value: int | None
    """None: a part of it is not recorded, or the reader sees a part of the region only."""
    source: str


def indicators(session: Session, asked: Asked) -> Report:
    """The form of one quarter. Raises ``AskError`` for any other period."""
    activity = Activity(session)
    period = asked.period
    if period is None or period != quarter_of(period.last):
        raise AskError(
            _(
                "Indicators are of one quarter, such as {quarter}.",
                quarter=quarter_of(period.last if period else asked.today),
            )
        )
    cut_off = min(asked.now, final_cut_off(period, asked.zone))
    schools = _schools(session, asked)
    loads = loads_at(session, asked.scope, cut_off)
    measured = _measure(session, activity, asked, schools)
    totals = regional_totals(session, period.last, known_at=asked.now)
    lines = {key: _denominator(asked, indicator_of(key), totals) for key in LINES}
    fresh = Freshness.of([loads[school.code] for school in schools])
    return Report(
        name="indicators",
        title=_title(),
        definition=_definition(),
        version=VERSION,
        **asked.facts_at(cut_off),
        freshness=fresh,
        columns=tuple(_columns()),
        rows=tuple(_row(key, measured.get(key), whole) for key, whole in lines.items()),
        keys=tuple(LINES),
        totals=(),
        sources=(
            rolls_source(fresh),
            Source(name=_("Sign-ins through our page"), as_of=cut_off),
            Source(
                name=_("Regional totals by official statistics"),
                as_of=max((total.recorded_at for total in totals.values()), default=None),
            ),
        ),
        notes=tuple(_notes(asked, schools)),
        chart=_chart(measured, lines),
        # No line is a sum of others: a hidden number cannot be computed from the rest.
        sums=(Sum(whole="E4.04", parts=()),),
    )


def indicator_people(session: Session, asked: Asked, cell: Cell) -> Select[str]:
    """The people of one line. Raises ``KeyError`` for a line that counts none."""
    measured = _measure(session, Activity(session), asked, _schools(session, asked))[cell.row]
    counts = {"numerator": measured.numerator, "loaded": measured.loaded}
    people = counts[cell.column]
    if not isinstance(people, PeopleSet):
        raise KeyError(cell.row)
    return with_ordinals(session, people)


def _schools(session: Session, asked: Asked) -> list[RegistrySchool]:
    """Those that were open in the quarter."""
    if asked.period is None:
        raise KeyError("period")
    day = min(asked.period.last, asked.today)
    return [
        school
        for school in registry_schools(session, asked.scope, at=day, known_at=asked.now)
        if school.closed_on is None or school.closed_on >= asked.period.first
    ]


def _measure(
    session: Session, activity: Activity, asked: Asked, schools: Sequence[RegistrySchool]
) -> dict[str, Measured]:
    if asked.period is None:
        raise KeyError("period")
    cut_off = min(asked.now, final_cut_off(asked.period, asked.zone))
    return measure(
        session, activity, asked, schools, loads_at(session, asked.scope, cut_off),
        bounds=asked.period.bounds(asked.zone), cut_off=cut_off,
    )  # fmt: skip


def _denominator(asked: Asked, indicator: str, totals: Mapping[TotalKey, Total]) -> _Denominator:
    if indicator not in DENOMINATORS:
        return _Denominator(value=None, source="")
    if asked.scope.role != OperatorRole.CITY:
        return _Denominator(value=None, source=_("official totals are of the whole region"))
    found = denominator(totals, indicator)
    missing = ", ".join(map(wording.total, found.missing))
    source = _("not recorded: {totals}", totals=missing) if missing else ""
    return _Denominator(value=found.value, source=source or "; ".join(map(_told, found.parts)))


def _told(total: Total) -> str:
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

    def figure(key: str, title: str, kind: Kind, definition: str = "") -> Column:
        return Column(
            key=key, title=title, kind=kind, absent=_("no data"), words=words,
            definition=definition, people=kind is Kind.INTEGER,
            of={"share": ("numerator", "denominator"), "loaded_share": ("numerator", "loaded")}
            .get(key, ()),
        )  # fmt: skip

    yield column("id", _("No."), Kind.TEXT)
    yield column("indicator", _("Indicator"), Kind.TEXT)
    yield figure("numerator", _("Numerator: counted by the service"), Kind.INTEGER)
    yield column(
        "denominator",
        _("Denominator: official total of the region"),
        Kind.INTEGER,
        definition=_(
            "Enrolments by official statistics: a child who attends several kinds of education "
            "is in it several times. The service counts persons."
        ),
    )
    yield figure("share", _("Share, % of the official total"), Kind.SHARE)
    yield figure(
        "loaded",
        _("The same group in the loaded schools"),
        Kind.INTEGER,
        _("Distinct persons, or organisations, of schools with an applied load."),
    )
    yield figure("loaded_share", _("Share, % of the group in the loaded schools"), Kind.SHARE)
    yield column("counted", _("What is counted"), Kind.TEXT)
    yield column("left_out", _("What is not counted"), Kind.TEXT)
    yield column("method", _("Version of the method"), Kind.TEXT)
    yield column("denominator_source", _("Source of the official total"), Kind.TEXT)


def _notes(asked: Asked, schools: Sequence[RegistrySchool]) -> Iterator[str]:
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
    if not asked.settings.horizontal_courses:
        yield _("E4.07 is not measured: no courses are marked for it in the settings.")


def _chart(measured: Mapping[str, Measured], lines: Mapping[str, _Denominator]) -> Chart:
    """Of each measured line the share of the official total and of the loaded schools."""
    numbers = {
        key: (_number(one.numerator), _number(one.loaded))
        for key, one in measured.items()
        if one.numerator is not None
    }
    return Chart(
        kind=ChartKind.BARS,
        title=_("Shares of the quarter"),
        unit=Kind.SHARE,
        labels=tuple(said(key).short for key in numbers),
        series=(
            Series(
                name=_("Of the official total"),
                values=tuple(
                    share(number, lines[key].value) for key, (number, _w) in numbers.items()
                ),
            ),
            Series(
                name=_("Of the loaded schools"),
                values=tuple(share(number, whole) for number, whole in numbers.values()),
            ),
        ),
    )


def _title() -> str:
    return _("Indicators of the digital educational environment (ЦОС)")


def _definition() -> str:
    return _(
        "Indicators E4 of a quarter by the wording of 11.09.2020. The numerator is counted as of "
        "the cut-off by distinct persons; a denominator is the sum of official totals of the "
        "region in force on the last day of the quarter. Three denominators differ: with "
        "additional education (E4.03, E4.04, E4.05), without it (E4.07), general education alone "
        "(E4.08). What the service cannot see stands in the form as not measured here."
    )


INDICATORS = Definition(
    name="indicators",
    title=_title,
    purpose=lambda: _("Indicators E4 of a quarter, with numerators, denominators and sources."),
    build=indicators,
    period=PeriodUse.REQUIRED,
    default_period=last_quarter,
    people=indicator_people,
    knows_people_of=lambda row: row != "E4.05",
    rhythms=frozenset({Rhythm.QUARTER}),
)
