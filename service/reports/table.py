"""The lines of a report as a reader wants them: grouped, sorted, searched."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from service.ordering import natural
from service.problems import AskError
from service.reports.report import Kind, Report, Row, Value


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One line of figures, without the cells that it shares with its group."""

    key: str
    cells: Row


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """Lines of one unit, with the cells written once for all of them."""

    cells: Row
    lines: tuple[Line, ...]


def groups(report: Report) -> list[Group]:
    """The rows of the report, grouped by its merged columns."""
    return list(_groups(report, report.rows, report.keys))


def total_groups(report: Report) -> list[Group]:
    return list(_groups(report, report.totals, report.total_keys))


def _groups(report: Report, rows: Sequence[Row], keys: Sequence[str]) -> Iterator[Group]:
    keyed = list(zip(keys or [""] * len(rows), rows, strict=True))
    merged = report.merged
    if not merged:
        yield from (Group(cells=(), lines=(Line(key=key, cells=row),)) for key, row in keyed)
        return
    for cells, members in groupby(keyed, key=lambda pair: pair[1][:merged]):
        lines = tuple(Line(key=key, cells=row[merged:]) for key, row in members)
        # Without any load there is nothing to tell apart by role: one line says "no data".
        known = any(value is not None for line in lines for value in line.cells[1:])
        yield Group(cells=cells, lines=lines if known else lines[:1])


def searched(report: Report, found: Sequence[Group], text: str) -> list[Group]:
    """The groups with all words of ``text`` in one of their lines, whatever the case."""
    words = _folded(text).split()
    columns = [i for i, column in enumerate(report.columns) if column.kind is Kind.TEXT]

    def shown(row: Row) -> str:
        return _folded(" ".join(report.columns[i].text(row[i], report.zone) for i in columns))

    return [
        group
        for group in found
        if any(all(word in shown(group.cells + line.cells) for word in words)
               for line in group.lines)
    ]  # fmt: skip


def in_order(report: Report, found: Sequence[Group], sort: str) -> list[Group]:
    """By the column ``sort``, from the largest when it begins with ``-``; absent values last.

    Groups are compared by their first line, and the lines inside stay as they are. Raises
    ``AskError`` for an unknown column.
    """
    key, backwards = sort.removeprefix("-"), sort.startswith("-")
    places = {column.key: i for i, column in enumerate(report.columns)}
    if key not in places:
        raise AskError("question.column", column=key[:50])
    place = places[key]

    def value(group: Group) -> Value:
        return (group.cells + group.lines[0].cells)[place]

    known = [group for group in found if value(group) not in (None, "")]
    absent = [group for group in found if value(group) in (None, "")]
    return [*sorted(known, key=lambda group: _order(value(group)), reverse=backwards), *absent]


def _order(value: Value) -> tuple[int, object]:
    """Comparable with every other: a hidden number is a text among numbers."""
    return (0, natural(value)) if isinstance(value, str) else (1, value)


def _folded(text: str) -> str:
    return text.casefold().replace("ё", "е")
