"""Comparison: a report beside the period before, or beside the district and the city around it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from service.i18n import gettext as _
from service.reports.report import Column, Kind, Report, Row, Value

_COMPARED = (Kind.INTEGER, Kind.SHARE)


def with_earlier(report: Report, earlier: Report) -> Report:
    """``report`` with a column of the change beside each figure that both have.

    Lines are matched by their keys; a line that is new has no change. Columns named after their
    period have the same key in both. Changes of shares are in percentage points.
    """
    places = {column.key: i for i, column in enumerate(earlier.columns)}
    lines = {
        key: row
        for keys, rows in ((earlier.keys, earlier.rows), (earlier.total_keys, earlier.totals))
        for key, row in zip(keys, rows, strict=True)
    }
    columns = list(_columns_with_change(report, places))

    def changed(keys: Sequence[str], rows: Sequence[Row]) -> tuple[Row, ...]:
        return tuple(
            tuple(_cells(report, row, lines.get(key), places))
            for key, row in zip(keys, rows, strict=True)
        )

    return replace(
        report,
        columns=tuple(columns),
        rows=changed(report.keys, report.rows),
        totals=changed(report.total_keys, report.totals),
        conditions=(*report.conditions, (_("Compared with"), str(earlier.period))),
        notes=(
            *report.notes,
            _("The period before is counted on the rolls of now: how these changed is not seen."),
        ),
    )


def _columns_with_change(report: Report, places: dict[str, int]) -> Iterator[Column]:
    for i, column in enumerate(report.columns):
        yield column
        if i >= report.merged and column.kind in _COMPARED and column.key in places:
            if column.kind is Kind.SHARE:
                title = _("{title}: change, percentage points", title=column.title)
            else:
                title = _("{title}: change", title=column.title)
            yield Column(
                key=f"{column.key}_change", title=title, kind=column.kind, absent=column.absent
            )


def _cells(report: Report, row: Row, before: Row | None, places: dict[str, int]) -> Iterator[Value]:
    for i, (column, value) in enumerate(zip(report.columns, row, strict=True)):
        yield value
        if i >= report.merged and column.kind in _COMPARED and column.key in places:
            yield _change(value, before[places[column.key]] if before else None)


def _change(now: Value, before: Value) -> Value:
    """None where one of both is not known or hidden: no change is not zero change."""
    if isinstance(now, int | float) and isinstance(before, int | float):
        return now - before
    return None


def with_around(report: Report, around: Sequence[tuple[str, Report]]) -> Report:
    """``report`` with the totals of wider parts of the city under its own, each with its name."""
    totals, keys = list(report.totals), list(report.total_keys)
    for name, wider in around:
        totals += [(name, *row[1:]) for row in wider.totals]
        # Nobody is led from here to people of other schools.
        keys += [""] * len(wider.totals)
    return replace(report, totals=tuple(totals), total_keys=tuple(keys))
