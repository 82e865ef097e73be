"""Read a table from CSV or XLSX as people save it: rows of plain values under their row numbers.

Formulas are never evaluated: what counts is the value that the spreadsheet program stored.
"""

from __future__ import annotations

import csv
import re
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO, StringIO
from itertools import islice, zip_longest
from typing import Any
from zipfile import ZipFile

from openpyxl import load_workbook
from openpyxl.utils import column_index_from_string

from service.registry.settings import RegistrySettings

MAX_COLUMNS = 200
LAST_ROW = 1_048_576
"""Of a sheet in any spreadsheet program; a file that counts further is spoilt."""

_DELIMITERS = ";\t,"
_LOOKED_AT = 20
"""Lines that tell the delimiter."""

_MERGED = re.compile(rb'<(?:\w+:)?mergeCell\s[^>]*?ref="([A-Z]+)(\d+):[A-Z]+(\d+)"')


class TableError(Exception):
    """The file cannot be read as a table at all. ``code`` is stable; ``wording`` has its words."""

    def __init__(self, code: str, /, **values: str) -> None:
        super().__init__(code)
        self.code = code
        self.values = values


@dataclass(frozen=True, slots=True)
class UnknownResult:
    """In place of a value: a formula whose result the file does not hold."""

    formula: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """Rows that are not empty, by the number that a spreadsheet program shows for them."""

    rows: Mapping[int, Sequence[Any]]


def read_table(name: str, data: bytes, settings: RegistrySettings) -> Table:
    """The first sheet of a workbook that holds anything, or a CSV file.

    Raises ``TableError`` for a file too large, of another kind, spoilt or without any row.
    """
    if len(data) > settings.file_bytes:
        raise TableError("file.too_large", limit=_megabytes(settings.file_bytes))
    if data.startswith(b"PK"):
        rows = _workbook(data, settings)
    elif data.startswith(b"\xd0\xcf\x11\xe0") or name.lower().endswith((".xls", ".ods", ".xlsb")):
        raise TableError("file.other_kind")
    else:
        rows = _csv(data)
    kept: dict[int, Sequence[Any]] = {}
    for number, row in rows:
        if any(value not in (None, "") for value in row):
            kept[number] = row
        if len(kept) > settings.rows:
            raise TableError("file.too_many_rows", limit=str(settings.rows))
    if not kept:
        raise TableError("file.empty")
    return Table(rows=kept)


def _megabytes(size: int) -> str:
    return f"{size / 2**20:.0f}"


def _csv(data: bytes) -> Iterator[tuple[int, Sequence[Any]]]:
    text = _decoded(data)
    if "\0" in text:
        raise TableError("file.other_kind")
    delimiter = max(_DELIMITERS, key=lambda one: _width(text, one))
    try:
        for number, row in enumerate(csv.reader(StringIO(text), delimiter=delimiter), start=1):
            yield number, [cell.strip() for cell in row[:MAX_COLUMNS]]
    except csv.Error as error:
        raise TableError("file.spoilt") from error


def _decoded(data: bytes) -> str:
    """UTF-8 or UTF-16 as their marks say, else UTF-8 if it is that, else Windows' Cyrillic."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1251", "replace")


def _width(text: str, delimiter: str) -> int:
    try:
        rows = islice(csv.reader(StringIO(text), delimiter=delimiter), _LOOKED_AT)
        return max((len(row) for row in rows), default=0)
    except csv.Error:
        return 0


def _workbook(data: bytes, settings: RegistrySettings) -> Iterator[tuple[int, Sequence[Any]]]:
    try:
        with ZipFile(BytesIO(data)) as archive:
            parts = archive.infolist()
            if sum(part.file_size for part in parts) > settings.unpacked_bytes:
                raise TableError("file.too_large", limit=_megabytes(settings.unpacked_bytes))
            if not any(part.filename == "xl/workbook.xml" for part in parts):
                raise TableError("file.other_kind")
        yield from _sheet(data)
    except TableError:
        raise
    # A spoilt workbook breaks openpyxl and the XML reader in every way there is.
    except Exception as error:
        raise TableError("file.spoilt") from error


def _sheet(data: bytes) -> Iterator[tuple[int, Sequence[Any]]]:
    with warnings.catch_warnings():
        # Of styles and checks that it leaves out; they say nothing about values.
        warnings.simplefilter("ignore", UserWarning)
        values: Any = load_workbook(BytesIO(data), read_only=True, data_only=True)
        formulas: Any = load_workbook(BytesIO(data), read_only=True)
    try:
        for sheet in values.worksheets:
            if sheet.sheet_state != "visible":
                continue
            with values._archive.open(sheet._worksheet_path) as source:
                merged = _merged_down(_MERGED.findall(source.read()))
            rows = _cells(sheet)
            same_rows = _cells(formulas[sheet.title])
            found = _filled(_with_unknown(rows, same_rows), merged)
            first = next(((n, row) for n, row in found if any(v is not None for v in row)), None)
            if first is not None:
                yield first
                yield from found
                return
    finally:
        values.close()
        formulas.close()


def _cells(sheet: Any) -> Iterator[tuple[int, Sequence[Any]]]:
    # The dimensions that a file claims may be wrong.
    sheet.reset_dimensions()
    rows = sheet.iter_rows(max_col=MAX_COLUMNS, values_only=True)
    return enumerate(islice(rows, LAST_ROW), start=1)


def _with_unknown(
    values: Iterable[tuple[int, Sequence[Any]]], formulas: Iterable[tuple[int, Sequence[Any]]]
) -> Iterator[tuple[int, list[Any]]]:
    for pair in zip_longest(values, formulas):
        (number, row), (_same, behind) = pair
        yield (
            number,
            [
                UnknownResult(formula)
                if value is None and isinstance(formula, str) and formula.startswith("=")
                else value
                for value, formula in zip(row, behind, strict=True)
            ],
        )


def _merged_down(
    ranges: Iterable[tuple[bytes, bytes, bytes]],
) -> dict[int, list[tuple[int, int]]]:
    """Place of the column -> (first row, last row) of cells merged over several rows."""
    found: dict[int, list[tuple[int, int]]] = {}
    for column, first, last in ranges:
        if int(last) > int(first):
            place = column_index_from_string(column.decode()) - 1
            found.setdefault(place, []).append((int(first), int(last)))
    return found


def _filled(
    rows: Iterable[tuple[int, list[Any]]], merged: Mapping[int, Sequence[tuple[int, int]]]
) -> Iterator[tuple[int, Sequence[Any]]]:
    """Each row of a merged cell gets its value: a district stands once beside its schools."""
    pending = {one: sorted(spans) for one, spans in merged.items() if one < MAX_COLUMNS}
    values: dict[int, Any] = {}
    for number, row in rows:
        for column, spans in pending.items():
            while spans and number > spans[0][1]:
                spans.pop(0)
            if spans and number == spans[0][0]:
                values[column] = row[column]
            elif spans and number > spans[0][0]:
                row[column] = values.get(column)
        yield number, row
