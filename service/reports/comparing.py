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
    compared = [
        i >= report.merged and column.kind in _COMPARED and column.key in places
        for i, column in enumerate(report.columns)
    ]
    before = {
        key: row
        for keys, rows in ((earlier.keys, earlier.rows), (earlier.total_keys, earlier.totals))
        for key, row in zip(keys, rows, strict=True)
    }

    def cells(key: str, row: Row) -> Iterator[Value]:
        for value, column, has_change in zip(row, report.columns, compared, strict=True):
            yield value
            if has_change:
                yield _change(value, before[key][places[column.key]] if key in before else None)

    def changed(keys: Sequence[str], rows: Sequence[Row]) -> tuple[Row, ...]:
        return tuple(tuple(cells(key, row)) for key, row in zip(keys, rows, strict=True))

    return replace(
        report,
        columns=tuple(_with_changes(report.columns, compared)),
        rows=changed(report.keys, report.rows),
        totals=changed(report.total_keys, report.totals),
        conditions=(*report.conditions, (_("Compared with"), str(earlier.period))),
        notes=(
            *report.notes,
            _("The period before is counted on the rolls of now: how these changed is not seen."),
        ),
    )


def _with_changes(columns: Sequence[Column], compared: Sequence[bool]) -> Iterator[Column]:
    for column, has_change in zip(columns, compared, strict=True):
        yield column
        if has_change:
            if column.kind is Kind.SHARE:
                title = _("{title}: change, percentage points", title=column.title)
            else:
                title = _("{title}: change", title=column.title)
            yield Column(f"{column.key}_change", title, column.kind, absent=column.absent)


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
