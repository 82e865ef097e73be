"""What an unknown table is made of: titles of columns, counts and shapes, never a value."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from provisioning.formats.tables import Table

_TITLES_WITHIN = 30
_MOST_ROWS = 5_000
"""Rows of a table that are looked at."""
_WIDE_ENOUGH = 0.6
"""Of the widest row: what has fewer cells is a heading."""
_VALUE = re.compile(r"[\d\s.,:/\-]*\d[\d\s.,:/\-]*|\d{1,2}\s*[\"«]?[^\W\d_][\"»]?")
"""Numbers, days, and titles of classes: a row with such a cell has no titles."""

_BEGINNING = """\
# Name each column by one of our fields and delete the rest (docs/tables.md).
name = "my-list-1"
title = ""
source = ""

[recognise]
{table}columns = [{columns}]

[content]
"" = ["classes", "students"]"""
_RECORD = """
[[records]]
kind = "?"
path = "{path}"

[records.fields]"""


class ColumnTally:
    """One column: how many of its cells hold anything, and how that is written."""

    def __init__(self, path: str, title: str) -> None:
        self.path = path
        """With the name of its table, when there are several."""
        self.title = title
        self.count = 0
        self.shapes: Counter[str] = Counter()


def tally(tables: Sequence[Table], shape_of: Callable[[str], str]) -> list[list[ColumnTally]]:
    """The columns of each table; raises FileProblem when a table cannot be read."""
    return [_columns(table, shape_of, alone=len(tables) == 1) for table in tables]


def _columns(table: Table, shape_of: Callable[[str], str], *, alone: bool) -> list[ColumnTally]:
    titles_row, titles = _titles(table)
    columns = [ColumnTally(title if alone else f"{table.name}/{title}", title) for title in titles]
    for count, (number, cells) in enumerate(table.read()):
        if count >= _MOST_ROWS:
            break
        if number <= titles_row:
            continue
        for column, cell in zip(columns, cells, strict=False):
            if cell:
                column.count += 1
                column.shapes[shape_of(cell)] += 1
    return columns


def _titles(table: Table) -> tuple[int, list[str]]:
    """The number of the row of titles, and a title for each column; without such a row the columns
    are numbered."""
    rows = table.first(_TITLES_WITHIN)
    widest = max((sum(map(bool, cells)) for _number, cells in rows), default=0)
    for number, cells in rows:
        filled = [cell for cell in cells if cell]
        if len(filled) >= _WIDE_ENOUGH * widest and not any(map(_VALUE.fullmatch, filled)):
            return number, [cell or f"? {place}" for place, cell in enumerate(cells, start=1)]
    width = max((len(cells) for _number, cells in rows), default=0)
    return 0, [f"? {place}" for place in range(1, width + 1)]


def starter(tables: Sequence[Table], columns: Sequence[Iterable[ColumnTally]], most: int) -> str:
    """A layout's text to begin from, with the titles of the tables."""
    known = [[one for one in each if not one.title.startswith("? ")] for each in columns]
    telling = ", ".join(f'"{_quoted(one.title)}"' for one in (known[0] if known else [])[:5])
    alone = len(tables) == 1
    table = "" if alone or not tables else f'table = "{_quoted(tables[0].name)}"\n'
    lines = [_BEGINNING.format(table=table, columns=telling)]
    for one, found in zip(tables, columns, strict=True):
        lines.append(_RECORD.format(path="." if alone else _quoted(one.name)))
        for column in found:
            shapes = " | ".join(shape for shape, _ in column.shapes.most_common(most))
            comment = f"{column.count} times, {shapes or 'empty'}"
            lines.append(f'# ? = "{_quoted(column.title)}"  # {comment}')
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    """The text on one line inside the quotes of TOML."""
    return " ".join(text.split()).replace("\\", "\\\\").replace('"', '\\"')
