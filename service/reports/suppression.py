"""Small numbers of people, hidden in what is published outside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from service.i18n import gettext as _
from service.reports.report import Report, Row, Sum, Value


def hide_small(report: Report, smallest: int) -> Report:
    """``report`` without numbers of people from 1 to under ``smallest``.

    Where a hidden number could be computed from a sum and the other parts of it, the smallest of
    those is hidden too. A share is hidden with what it is computed from. The chart goes, as it
    draws what is hidden. Zero stays: there is nobody to recognise.
    """
    keys = [*_keys(report.keys, report.rows, "row"), *_keys(report.total_keys, report.totals, "")]
    sums = report.sums or (Sum(whole=keys[-1], parts=tuple(keys[: len(report.rows)])),)
    lines = [list(row) for row in (*report.rows, *report.totals)]
    places = {column.key: i for i, column in enumerate(report.columns)}
    hidden: dict[str, Mapping[str, str]] = {}
    for column in report.columns:
        if column.people:
            i = places[column.key]
            hidden[column.key] = _hidden({k: r[i] for k, r in zip(keys, lines, strict=True)},
                                         sums, smallest)  # fmt: skip
    for column in report.columns:
        for key, line in zip(keys, lines, strict=True):
            if key in hidden.get(column.key, ()):
                line[places[column.key]] = hidden[column.key][key]
            elif any(key in hidden.get(other, ()) for other in column.of):
                line[places[column.key]] = _("hidden")
    rows = tuple(map(tuple, lines))
    note = _(
        "Numbers of people from 1 to {most} are hidden, and with them others from which they could "
        "be computed.",
        most=smallest - 1,
    )
    return replace(
        report,
        rows=rows[: len(report.rows)],
        totals=rows[len(report.rows) :],
        notes=(*report.notes, note),
        chart=None if any(hidden.values()) else report.chart,
    )


def _keys(keys: Sequence[str], rows: Sequence[Row], prefix: str) -> Sequence[str]:
    """Keys for lines that have none: nobody but this module asks for them."""
    return keys or [f"{prefix}\0{number}" for number, _row in enumerate(rows)]


def _hidden(values: Mapping[str, Value], sums: Sequence[Sum], smallest: int) -> Mapping[str, str]:
    """What is written instead of the numbers of one column, by the key of the line."""
    counts = {key: value for key, value in values.items() if isinstance(value, int)}
    hidden = {key: f"<{smallest}" for key, count in counts.items() if 0 < count < smallest}
    found = bool(hidden)
    while found:
        found = False
        for one in sums:
            members = [key for key in (one.whole, *one.parts) if key in counts]
            if len(members) == 1 or sum(key in hidden for key in members) != 1:
                continue
            # Hiding a zero tells nothing away, so a zero is hidden only when all others are zero.
            shown = [key for key in members if key not in hidden]
            chosen = min(shown, key=lambda key: (key == one.whole, not counts[key], counts[key]))
            hidden[chosen] = _("hidden")
            found = True
    return hidden
