"""The value every report is: what it counts, its columns, rows and totals, ready to be shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from zoneinfo import ZoneInfo

from service.i18n import gettext as _
from service.i18n import language
from service.reports.period import Period

Value = str | int | float | datetime | None
Row = tuple[Value, ...]


class Kind(StrEnum):
    TEXT = "text"
    INTEGER = "integer"
    SHARE = "share"
    """From 0 to 1; None when there is nothing to take a share of."""
    MOMENT = "moment"


@dataclass(frozen=True, kw_only=True, slots=True)
class Column:
    key: str
    """Stable name in JSON."""
    title: str
    """In the language of the reader; of a share it names the denominator."""
    kind: Kind
    absent: str
    """What is shown where there is no value. Absent is never zero."""
    words: Mapping[str, str] = field(default_factory=dict)
    """Words shown for coded values, such as roles."""

    def text(self, value: Value, zone: ZoneInfo) -> str:
        """One value of this column as people read it."""
        if value is None:
            return self.absent
        if isinstance(value, datetime):
            return show_moment(value, zone)
        if self.kind is Kind.SHARE:
            return f"{show_percent(value)} %"
        return self.words.get(str(value), str(value))


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
class Report:
    """Figures with all that is needed to sign them (INDICATORS F1, F2)."""

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
            (_("Cut-off"), show_moment(self.cut_off, self.zone)),
            (_("Time zone"), self.zone.key),
            (_("Built"), show_moment(self.built_at, self.zone)),
            (_("Built by"), self.built_by),
            (_("Method"), self.version),
            (_("School rolls"), loads),
        ]


def show_moment(moment: datetime, zone: ZoneInfo) -> str:
    return f"{moment.astimezone(zone):%d.%m.%Y %H:%M}"


def show_percent(share: Value) -> str:
    """A share as a number of per cent with one digit, rounded as spreadsheets do: half up."""
    per_cent = (Decimal(str(share)) * 100).quantize(Decimal("0.1"), ROUND_HALF_UP)
    return str(per_cent).replace(".", ",") if language() == "ru" else str(per_cent)
