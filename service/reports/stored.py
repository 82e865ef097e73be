"""A report as data for the database, and back: what was published is shown again as it was."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, fields
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from service.calendar.period import Period
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
    Target,
    Value,
)

_PLAIN = ("name", "title", "definition", "version", "built_by", "merged")
_TEXTS = ("keys", "total_keys", "notes")
_MOMENTS = ("cut_off", "built_at")
"""Fields of a report that are values, sequences of texts, and moments."""


def to_data(report: Report) -> dict[str, Any]:
    """Plain values only. Texts stay in the language they were published in."""
    period, fresh, target, chart = report.period, report.freshness, report.target, report.chart
    return {
        **{name: getattr(report, name) for name in (*_PLAIN, *_TEXTS)},
        **{name: _moment(getattr(report, name)) for name in _MOMENTS},
        "period": [period.first.isoformat(), period.last.isoformat()] if period else None,
        "zone": report.zone.key,
        "freshness": [fresh.schools, fresh.loaded, _moment(fresh.oldest), _moment(fresh.newest)],
        "columns": [asdict(each) for each in report.columns],
        "rows": _rows(report.rows),
        "totals": _rows(report.totals),
        "sources": [[each.name, _moment(each.as_of), each.note] for each in report.sources],
        "target": [target.column, target.value] if target else None,
        "chart": {
            **{field.name: getattr(chart, field.name) for field in fields(chart)},
            "series": [[each.name, each.values] for each in chart.series],
        }
        if chart
        else None,
        "sums": [[each.whole, each.parts] for each in report.sums],
        "conditions": report.conditions,
    }


def from_data(data: dict[str, Any]) -> Report:
    """The report that ``to_data`` was given."""
    schools, loaded, oldest, newest = data["freshness"]
    target, chart = data["target"], data["chart"]
    days = [date.fromisoformat(day) for day in data["period"] or ()]
    values: dict[str, Any] = {
        **{name: data[name] for name in _PLAIN},
        **{name: tuple(data[name]) for name in _TEXTS},
        **{name: datetime.fromisoformat(data[name]) for name in _MOMENTS},
    }
    return Report(
        **values,
        period=Period(first=days[0], last=days[1]) if days else None,
        zone=ZoneInfo(data["zone"]),
        freshness=Freshness(
            schools=schools, loaded=loaded, oldest=_read_moment(oldest), newest=_read_moment(newest)
        ),
        columns=tuple(
            Column(**each | {"kind": Kind(each["kind"]), "of": tuple(each["of"])})
            for each in data["columns"]
        ),
        rows=_read_rows(data["rows"]),
        totals=_read_rows(data["totals"]),
        sources=tuple(
            Source(name=name, as_of=_read_moment(as_of), note=note)
            for name, as_of, note in data["sources"]
        ),
        target=Target(column=target[0], value=target[1]) if target else None,
        chart=Chart(
            kind=ChartKind(chart["kind"]), title=chart["title"], unit=Kind(chart["unit"]),
            labels=tuple(chart["labels"]), target=chart["target"],
            series=tuple(Series(name=name, values=tuple(some)) for name, some in chart["series"]),
        )
        if chart
        else None,
        sums=tuple(Sum(whole=whole, parts=tuple(parts)) for whole, parts in data["sums"]),
        conditions=tuple((label, text) for label, text in data["conditions"]),
    )  # fmt: skip


def _rows(rows: Iterable[Row]) -> list[list[Any]]:
    """A moment becomes a list, as nothing else in a row is one."""
    return [
        [[_moment(value)] if isinstance(value, datetime) else value for value in row]
        for row in rows
    ]


def _read_rows(rows: list[list[Any]]) -> tuple[Row, ...]:
    return tuple(tuple(map(_read_value, row)) for row in rows)


def _read_value(value: Any) -> Value:
    return datetime.fromisoformat(value[0]) if isinstance(value, list) else value


def _moment(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def _read_moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
