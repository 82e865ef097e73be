"""The value every report is: what it counts, its columns, rows and totals, ready to be shown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from zoneinfo import ZoneInfo

from service.calendar.period import Period
from service.i18n import gettext as _
from service.i18n import language

Value = str | int | float | datetime | None
Row = tuple[Value, ...]


class Kind(StrEnum):
    TEXT = "text"
    INTEGER = "integer"
    SHARE = "share"
    """From 0 to 1; None when there is nothing to take a share of."""
    MOMENT = "moment"


@dataclass(frozen=True, slots=True)
class Column:
    key: str
    """Stable name in JSON."""
    title: str
    """In the language of the reader; of a share it names the denominator."""
    kind: Kind = Kind.TEXT
    absent: str = field(default_factory=lambda: _("no data"))
    """What is shown where there is no value. Absent is never zero."""
    words: Mapping[str, str] = field(default_factory=dict)
    """Words shown for coded values, such as roles."""
    definition: str = ""
    """What the column counts and what not, shown where the reader points at its title."""
    people: bool = False
    """Its numbers are numbers of people: they lead to the people behind them where the definition
    of the report has ``people``, and are hidden when small in what is published outside."""
    nameless: bool = False
    """Its people have no account yet: they count and are hidden like others, and lead nowhere."""
    of: tuple[str, ...] = ()
    """Of a share: keys of the columns it is computed from, numerator first. Hidden with them."""

    def text(self, value: Value, zone: ZoneInfo) -> str:
        """One value of this column as people read it."""
        if value is None:
            return self.absent
        if isinstance(value, datetime):
            return show_moment(value, zone)
        if isinstance(value, str):
            # Also where a number is hidden: "<5".
            return self.words.get(value, value)
        return f"{show_percent(value)} %" if self.kind is Kind.SHARE else str(value)


def number_column(key: str, title: str, definition: str = "") -> Column:
    return Column(key, title, Kind.INTEGER, definition=definition)


def people_column(key: str, title: str, definition: str) -> Column:
    return Column(key, title, Kind.INTEGER, definition=definition, people=True)


def share_column(key: str, title: str, *of: str) -> Column:
    """``of``: keys of numerator and denominator; the title names the latter."""
    return Column(key, title, Kind.SHARE, of=of)


def share(part: int | None, whole: int | None) -> float | None:
    """None for a share of nothing, which is neither 0 nor 1."""
    return part / whole if part is not None and whole else None


def yes_or_no() -> dict[str, str]:
    """Words of ``coded`` values."""
    return {"yes": _("yes"), "no": _("no")}


def coded(value: bool | None) -> str | None:
    return None if value is None else "yes" if value else "no"


@dataclass(frozen=True, kw_only=True, slots=True)
class Freshness:
    """How old the rolls behind a report are."""

    schools: int
    loaded: int
    """Schools with at least one applied load."""
    oldest: datetime | None
    """The earliest of the newest loads of each school."""
    newest: datetime | None

    @classmethod
    def of(cls, loads: Sequence[datetime | None]) -> Freshness:
        """From the moment of the newest load of each school, None where there was none."""
        known = [moment for moment in loads if moment is not None]
        return cls(
            schools=len(loads),
            loaded=len(known),
            oldest=min(known, default=None),
            newest=max(known, default=None),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """One kind of data behind a report. Kinds are never mixed silently."""

    name: str
    """Such as "Sign-ins through our page" or "Activity in Moodle", in the reader's language."""
    as_of: datetime | None
    """Up to when it is known; None: it is missing, and its figures are absent, not zero."""
    note: str = ""

    def text(self, zone: ZoneInfo) -> str:
        if self.as_of is None:
            known = _("missing: its figures are absent")
        else:
            known = _("as of {moment}", moment=show_moment(self.as_of, zone))
        return "; ".join(filter(None, (known, self.note)))


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """A value to be reached, drawn as a line in the chart and named in the head."""

    column: str
    """Key of the column it is for."""
    value: float
    """As the column's values are: 1.0 is 100 %."""


class ChartKind(StrEnum):
    BARS = "bars"
    """One bar for each label, the longest list of them still readable: districts."""
    TREND = "trend"
    """A line over labels in the order of time: weeks."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Series:
    name: str
    values: tuple[float | None, ...]
    """One for each label of the chart; None where there is nothing, which is not zero."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Chart:
    """What is drawn beside the table; every number in it is in the table too."""

    kind: ChartKind
    title: str
    unit: Kind
    """``INTEGER`` or ``SHARE``: how values are written."""
    labels: tuple[str, ...]
    series: tuple[Series, ...]
    """At most four: more lines nobody tells apart."""
    target: float | None = None


def bars(
    title: str,
    labels: Iterable[str],
    series: Mapping[str, Iterable[float | None]],
    *,
    unit: Kind = Kind.SHARE,
    target: float | None = None,
    kind: ChartKind = ChartKind.BARS,
) -> Chart:
    """``series``: values by the names of the series, one for each label."""
    drawn = tuple(Series(name=name, values=tuple(some)) for name, some in series.items())
    return Chart(
        kind=kind, title=title, unit=unit, labels=tuple(labels), series=drawn, target=target
    )


def trend(title: str, labels: Iterable[str], series: Mapping[str, Iterable[float | None]]) -> Chart:
    """A chart of shares of which all are the target."""
    return bars(title, labels, series, target=1.0, kind=ChartKind.TREND)


@dataclass(frozen=True, kw_only=True, slots=True)
class Sum:
    """A line that others add up to: whoever knows all but one of them knows that one.

    Lines are keys of rows and totals.
    """

    whole: str
    parts: tuple[str, ...]


NO_SUMS = (Sum(whole="", parts=()),)
"""No line is a sum of others: a hidden number cannot be computed from the rest."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Body:
    """What a builder answers; the framework writes the head. Fields are those of ``Report``."""

    freshness: Freshness
    columns: Sequence[Column]
    lines: Mapping[str, Row]
    """By their keys."""
    totals: Mapping[str, Row]
    merged: int = 0
    sources: tuple[Source, ...] = ()
    notes: tuple[str, ...] = ()
    target: Target | None = None
    chart: Chart | None = None
    sums: tuple[Sum, ...] = ()
    cut_off: datetime | None = None
    """Where it is earlier than that of the question: the end of the period."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """Figures with all that is needed to sign them (docs/facts/indicators.md F1, F2)."""

    name: str
    title: str
    definition: str
    """What is counted and what is not, for the reader."""
    version: str
    """Of the method; grows when the same data would give other figures."""
    period: Period | None
    zone: ZoneInfo
    """Days begin and end in it."""
    cut_off: datetime
    """Nothing later than this moment is counted."""
    built_at: datetime
    built_by: str
    freshness: Freshness
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    totals: tuple[Row, ...]
    """Of everything the reader may see; distinct people, so not the sum of the rows."""
    keys: tuple[str, ...] = ()
    """Of the rows, one each: stable between periods, without names of people. They stand in
    addresses, and lines of two reports with the same key are compared."""
    total_keys: tuple[str, ...] = ()
    """The same of the totals."""
    merged: int = 0
    """So many columns from the left belong to a group of rows and are written once in a table."""
    sources: tuple[Source, ...] = ()
    notes: tuple[str, ...] = ()
    """What a reader must know besides: what is missing, what could not be measured."""
    target: Target | None = None
    chart: Chart | None = None
    sums: tuple[Sum, ...] = ()
    """Which lines add up to which; without them, all rows to the first total."""
    conditions: tuple[tuple[str, str], ...] = ()
    """Filters and options in words; filled in by ``service.reports.definition.make``."""

    @property
    def preliminary(self) -> bool:
        """The period was not over at the cut-off."""
        return self.period is not None and self.cut_off < self.period.bounds(self.zone)[1]

    def header(self) -> list[tuple[str, str]]:
        """What stands above the figures: label and text of each line."""
        period = str(self.period) if self.period else _("not limited")
        if self.preliminary:
            period += " " + _("(preliminary: the period is not over)")
        fresh = self.freshness
        loads = _(
            "{loaded} of {schools} schools loaded", loaded=fresh.loaded, schools=fresh.schools
        )
        if fresh.oldest and fresh.newest:
            loads += "; " + _(
                "oldest load {oldest}, newest {newest}",
                oldest=show_moment(fresh.oldest, self.zone),
                newest=show_moment(fresh.newest, self.zone),
            )
        return [
            (_("Report"), self.title),
            (_("What is counted"), self.definition),
            (_("Period, both days included"), period),
            *self.conditions,
            (_("Cut-off"), show_moment(self.cut_off, self.zone)),
            (_("Time zone"), self.zone.key),
            (_("Built"), show_moment(self.built_at, self.zone)),
            (_("Built by"), self.built_by),
            (_("Method"), self.version),
            (_("School rolls"), loads),
            *((_("Source: {name}", name=each.name), each.text(self.zone)) for each in self.sources),
            *self._target_line(),
            *((_("Note"), note) for note in self.notes),
        ]

    def _target_line(self) -> Iterator[tuple[str, str]]:
        if self.target is not None:
            column = next(each for each in self.columns if each.key == self.target.column)
            value = column.text(self.target.value, self.zone)
            yield _("Target"), f"{column.title}: {value}"


def show_moment(moment: datetime, zone: ZoneInfo) -> str:
    return f"{moment.astimezone(zone):%d.%m.%Y %H:%M}"


def show_percent(share: Value) -> str:
    """A share as a number of per cent with one digit, rounded as spreadsheets do: half up."""
    per_cent = (Decimal(str(share)) * 100).quantize(Decimal("0.1"), ROUND_HALF_UP)
    return str(per_cent).replace(".", ",") if language() == "ru" else str(per_cent)
