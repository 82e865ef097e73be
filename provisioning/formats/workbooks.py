"""Sheets of workbooks, XLSX, XLS and ODS: rows that hold anything, under their numbers.

The reader of workbooks lays a sheet out from its first to its last cell, so one cell at the very
end costs a million empty rows. It is handed a copy of the file whose sheets have only the rows with
content, each with its own number in a first column before the others. Workbooks of the two other
kinds it reads as they are (``other_workbooks``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from io import BytesIO
from tempfile import SpooledTemporaryFile
from typing import IO, Any
from xml.parsers import expat
from zipfile import ZIP_DEFLATED, ZipFile

from provisioning.formats import other_workbooks

MAX_COLUMNS = 200
"""What stands further to the right is not read."""
_NO_RESULT = "\ue000"
"""A private sign before a formula whose result the file does not hold."""
_ERROR = "\ue001"
"""A private sign before an error value such as ``#N/A``."""
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_PLACE = re.compile(r"([A-Z]{1,3})(\d{1,7})$")
_IN_MEMORY = 1 << 24
"""Bytes of a compact copy; a larger one waits on disk, in a file without a name."""

CellRow = tuple[int, Sequence[Any]]
"""The number of a row as spreadsheet programs show it, and its values."""


@dataclass(frozen=True, slots=True)
class UnknownResult:
    """In place of a value: a formula whose result the file does not hold, or an error value."""

    formula: str


@dataclass(frozen=True, slots=True)
class Sheet:
    name: str
    rows: Iterator[CellRow]
    """To be read before the next sheet is."""


def sheets(
    stream: IO[bytes], most_rows: int, *, most_columns: int = MAX_COLUMNS, most_bytes: int = 0
) -> Iterator[Sheet]:
    """Yield the visible sheets in their order, at most one row more of each than ``most_rows``.

    A file that unpacks to more than ``most_bytes`` (0: any) is a ``ValueError``. Raises what the
    readers of ZIP, XML and workbooks raise for a spoilt file.
    """
    if not _is_xlsx(stream):
        for name, rows in other_workbooks.sheets(stream, most_rows, most_columns, most_bytes):
            yield Sheet(name, ((number, list(map(_plain, cells))) for number, cells in rows))
        return
    # Only who reads a workbook pays for it.
    from python_calamine import CalamineWorkbook, SheetVisibleEnum

    merged: dict[str, list[_Merged]] = {}
    with SpooledTemporaryFile(_IN_MEMORY) as compact:
        paths = _compact(stream, compact, most_rows, most_columns, most_bytes, merged)
        compact.seek(0)
        copy: Any = compact
        with CalamineWorkbook.from_filelike(copy) as book:
            for place, sheet in enumerate(book.sheets_metadata):
                if sheet.visible is SheetVisibleEnum.Visible:
                    rows = _rows_of(book.get_sheet_by_index(place))
                    spans = merged.get(paths.get(sheet.name, ""), [])
                    yield Sheet(sheet.name, _filled(rows, spans))


def sheet_rows(data: bytes, most_rows: int) -> Iterator[CellRow]:
    """Yield the rows of the first visible sheet with content, as ``sheets`` does."""
    for sheet in sheets(BytesIO(data), most_rows):
        first = next(sheet.rows, None)
        if first is not None:
            yield first
            yield from sheet.rows
            return


def is_workbook(stream: IO[bytes]) -> bool:
    """Whether the stream is an XLSX or ODS file, and no other ZIP."""
    return _is_xlsx(stream) or other_workbooks.is_ods(stream)


def _is_xlsx(stream: IO[bytes]) -> bool:
    try:
        with ZipFile(stream) as archive:
            return "xl/workbook.xml" in archive.namelist()
    except Exception:
        # Whatever is wrong with an archive is told by who opens it to read.
        return False


def _rows_of(sheet: Any) -> Iterator[CellRow]:
    last, rows = 0, sheet.iter_rows()
    late: list[CellRow] = []
    for number, *values in rows:
        if number == "" or number is None:
            continue
        row = int(number), [_plain(value) for value in values]
        if row[0] <= last:
            # Programs write rows in order; who does not may not make others of them.
            late.append(row)
            continue
        last = row[0]
        yield row
    yield from late


def _plain(value: Any) -> Any:
    """Return None for an empty cell, whole numbers as such."""
    if isinstance(value, str):
        return UnknownResult(value[1:]) if value.startswith((_NO_RESULT, _ERROR)) else value or None
    return int(value) if isinstance(value, float) and value.is_integer() else value


@dataclass(frozen=True, slots=True)
class _Merged:
    """Cells of one column that are merged down."""

    first: int
    last: int
    column: int
    """From 0."""


def _filled(rows: Iterator[CellRow], merged: Sequence[_Merged]) -> Iterator[CellRow]:
    """Give each row of a merged cell its value: a district stands once beside its schools."""
    waiting = sorted(merged, key=lambda one: one.first, reverse=True)
    if not waiting:
        yield from rows
        return
    active: dict[int, tuple[int, Any]] = {}
    for number, values in rows:
        cells = list(values)
        while waiting and waiting[-1].first <= number:
            span = waiting.pop()
            value = cells[span.column] if span.column < len(cells) else None
            active[span.column] = (span.last, value if span.first == number else None)
        for column, (last, value) in [*active.items()]:
            if last < number:
                del active[column]
            else:
                cells += [None] * (column + 1 - len(cells))
                cells[column] = value
        yield number, cells


def _compact(
    stream: IO[bytes],
    out: IO[bytes],
    most_rows: int,
    most_columns: int,
    most_bytes: int,
    merged: dict[str, list[_Merged]],
) -> dict[str, str]:
    """Write the compact copy; return the part in which each sheet is, by the sheet's name."""
    with ZipFile(stream) as old, ZipFile(out, "w", ZIP_DEFLATED, compresslevel=1) as new:
        if most_bytes and sum(part.file_size for part in old.infolist()) > most_bytes:
            raise ValueError("too large")
        names = dict.fromkeys(old.namelist())
        for name in names:
            if "/worksheets/" in name and name.endswith(".xml"):
                with old.open(name) as part, new.open(name, "w", force_zip64=True) as target:
                    merged[name] = _SheetCopy(target, most_rows, most_columns).copy(part)
            elif name.endswith((".xml", ".rels")):
                new.writestr(name, old.read(name))
        return _parts_of_sheets(old)


def _parts_of_sheets(archive: ZipFile) -> dict[str, str]:
    """The part of each sheet by its name, from the workbook and its relationships."""
    targets: dict[str, str] = {}
    found: dict[str, str] = {}

    def relation(name: str, attributes: dict[str, str]) -> None:
        if name.rpartition(":")[2] == "Relationship":
            target = attributes.get("Target", "")
            targets[attributes.get("Id", "")] = (
                target[1:] if target.startswith("/") else f"xl/{target}"
            )

    def sheet(name: str, attributes: dict[str, str]) -> None:
        if name.rpartition(":")[2] == "sheet":
            number = next((v for k, v in attributes.items() if k.rpartition(":")[2] == "id"), "")
            found[attributes.get("name", "")] = targets.get(number, "")

    for path, handler in (("xl/_rels/workbook.xml.rels", relation), ("xl/workbook.xml", sheet)):
        if path in archive.namelist():
            parser = expat.ParserCreate()
            parser.StartElementHandler = handler
            parser.StartDoctypeDeclHandler = _no_doctype
            parser.Parse(archive.read(path), True)
    return found


class _SheetCopy:
    """One pass over a sheet; writes the cells that hold anything as XML again."""

    def __init__(self, out: IO[bytes], most_rows: int, most_columns: int) -> None:
        self._out = out
        self._most_rows = most_rows
        self._most_columns = most_columns
        self._written = 0
        self._cells: dict[int, str] = {}
        self._merged: list[_Merged] = []
        self._row = self._column = 0
        self._cell: dict[str, str] = {}
        self._texts: dict[str, list[str]] = {}
        self._into: list[str] = []

    def copy(self, part: IO[bytes]) -> list[_Merged]:
        """Write the copy; return the cells that are merged down."""
        parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        parser.StartDoctypeDeclHandler = _no_doctype
        self._out.write(f'<worksheet xmlns="{_MAIN}"><sheetData>'.encode())
        parser.ParseFile(part)
        self._out.write(b"</sheetData></worksheet>")
        return self._merged

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        match name.rpartition(":")[2]:
            case "row":
                self._row = int(attributes.get("r") or self._row + 1)
                self._column = 0
            case "c":
                found = _PLACE.match(attributes.get("r", ""))
                self._column = _number(found[1]) if found else self._column + 1
                self._cell, self._texts = attributes, {}
            case "mergeCell":
                self._note_merged(attributes.get("ref", ""))
            case "v" | "f" | "is" | "rPh" as kind:
                self._into.append(kind)

    def _end(self, name: str) -> None:
        match name.rpartition(":")[2]:
            case "row":
                self._write_row()
            case "c":
                self._keep()
            case "v" | "f" | "is" | "rPh" as kind:
                self._into.pop()
                self._texts.setdefault(kind, [])  # a formula may have no text of its own

    def _text(self, text: str) -> None:
        if self._into:
            self._texts.setdefault(self._into[-1], []).append(text)

    def _keep(self) -> None:
        if self._column > self._most_columns or self._written > self._most_rows:
            return
        value = "".join(self._texts.get("v", ()))
        text = "".join(self._texts.get("is", ()))
        kind = self._cell.get("t", "n")
        if value and kind == "e":
            kind, inside = "inlineStr", f"<is><t>{_ERROR}{escape(value)}</t></is>"
        elif value:
            inside = f"<v>{escape(value)}</v>"
        elif text.strip():
            kind, inside = "inlineStr", f"<is><t>{escape(text)}</t></is>"
        elif "f" in self._texts:
            formula = escape("=" + "".join(self._texts["f"]))
            kind, inside = "inlineStr", f"<is><t>{_NO_RESULT}{formula}</t></is>"
        else:
            return
        style = escape(self._cell.get("s", "0"))
        place = f"{_letters(self._column + 1)}{self._written + 1}"
        self._cells[self._column] = f'<c r="{place}" s="{style}" t="{escape(kind)}">{inside}</c>'

    def _write_row(self) -> None:
        if not self._cells:
            return
        self._written += 1
        number = f'<c r="A{self._written}"><v>{self._row}</v></c>'
        cells = "".join(cell for _column, cell in sorted(self._cells.items()))
        self._out.write(f'<row r="{self._written}">{number}{cells}</row>'.encode())
        self._cells = {}

    def _note_merged(self, ref: str) -> None:
        first, _colon, last = ref.partition(":")
        begin, end = _PLACE.match(first), _PLACE.match(last)
        if begin and end and int(end[2]) > int(begin[2]):
            self._merged.append(_Merged(int(begin[2]), int(end[2]), _number(begin[1]) - 1))


def _no_doctype(*_declared: object) -> None:
    raise ValueError("a sheet declares no document type")


def _number(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - ord("A") + 1
    return number


def _letters(number: int) -> str:
    letters = ""
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters
