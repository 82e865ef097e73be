"""A report as data for the database, and back: what was published is shown again as it was."""

from __future__ import annotations

from collections.abc import Iterable
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


def to_data(report: Report) -> dict[str, Any]:
    """Plain values only. Texts stay in the language they were published in."""
    period, fresh = report.period, report.freshness
    return {
        "name": report.name,
        "title": report.title,
        "definition": report.definition,
        "version": report.version,
        "period": [period.first.isoformat(), period.last.isoformat()] if period else None,
        "zone": report.zone.key,
        "cut_off": _moment(report.cut_off),
        "built_at": _moment(report.built_at),
        "built_by": report.built_by,
        "freshness": [fresh.schools, fresh.loaded, _moment(fresh.oldest), _moment(fresh.newest)],
        "columns": [
            {
                "key": each.key,
                "title": each.title,
                "kind": each.kind.value,
                "absent": each.absent,
                "words": dict(each.words),
                "definition": each.definition,
                "people": each.people,
                "of": each.of,
            }
            for each in report.columns
        ],
        "rows": _rows(report.rows),
        "totals": _rows(report.totals),
        "keys": report.keys,
        "total_keys": report.total_keys,
        "merged": report.merged,
        "sources": [[each.name, _moment(each.as_of), each.note] for each in report.sources],
        "notes": report.notes,
        "target": [report.target.column, report.target.value] if report.target else None,
        "chart": _chart(report.chart) if report.chart else None,
        "sums": [[each.whole, each.parts] for each in report.sums],
        "conditions": report.conditions,
    }


def from_data(data: dict[str, Any]) -> Report:
    """The report that ``to_data`` was given."""
    first, last = data["period"] or ("", "")
    schools, loaded, oldest, newest = data["freshness"]
    chart = data["chart"]
    return Report(
        name=data["name"],
        title=data["title"],
        definition=data["definition"],
        version=data["version"],
        period=Period(first=date.fromisoformat(first), last=date.fromisoformat(last))
        if data["period"]
        else None,
        zone=ZoneInfo(data["zone"]),
        cut_off=datetime.fromisoformat(data["cut_off"]),
        built_at=datetime.fromisoformat(data["built_at"]),
        built_by=data["built_by"],
        freshness=Freshness(
            schools=schools, loaded=loaded, oldest=_read_moment(oldest), newest=_read_moment(newest)
        ),
        columns=tuple(
            Column(**{**each, "kind": Kind(each["kind"]), "of": tuple(each["of"])})
            for each in data["columns"]
        ),
        rows=_read_rows(data["rows"]),
        totals=_read_rows(data["totals"]),
        keys=tuple(data["keys"]),
        total_keys=tuple(data["total_keys"]),
        merged=data["merged"],
        sources=tuple(
            Source(name=name, as_of=_read_moment(as_of), note=note)
            for name, as_of, note in data["sources"]
        ),
        notes=tuple(data["notes"]),
        target=Target(column=data["target"][0], value=data["target"][1])
        if data["target"]
        else None,
        chart=Chart(
            **{
                **chart,
                "kind": ChartKind(chart["kind"]),
                "unit": Kind(chart["unit"]),
                "labels": tuple(chart["labels"]),
                "series": tuple(
                    Series(name=name, values=tuple(values)) for name, values in chart["series"]
                ),
            }
        )
        if chart
        else None,
        sums=tuple(Sum(whole=whole, parts=tuple(parts)) for whole, parts in data["sums"]),
        conditions=tuple((label, text) for label, text in data["conditions"]),
    )


def _chart(chart: Chart) -> dict[str, Any]:
    return {
        "kind": chart.kind.value,
        "title": chart.title,
        "unit": chart.unit.value,
        "labels": chart.labels,
        "series": [[each.name, each.values] for each in chart.series],
        "target": chart.target,
    }


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
