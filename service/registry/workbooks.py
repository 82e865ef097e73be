"""Sheets of XLSX files: rows that hold anything, under their numbers.

The reader of workbooks lays a sheet out from its first to its last cell, so one cell at the very
end costs a million empty rows. It is handed a copy of the file whose sheets have only the rows with
content, each with its own number in a first column before the others.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import IO, Any
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr
from zipfile import ZipFile

MAX_COLUMNS = 200
"""What stands further to the right is not read."""
_NO_RESULT = "\ue000"
"""A private sign before a formula whose result the file does not hold."""
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_PLACE = re.compile(r"([A-Z]{1,3})(\d{1,7})$")


@dataclass(frozen=True, slots=True)
class UnknownResult:
    """In place of a value: a formula whose result the file does not hold."""

    formula: str


def sheet_rows(data: bytes, most_rows: int) -> Iterator[tuple[int, Sequence[Any]]]:
    """Yield the first visible sheet with content, at most one row more than ``most_rows``.

    Raises what the readers of ZIP, XML and workbooks raise for a spoilt file.
    """
    # Only who reads a workbook pays for it.
    from python_calamine import CalamineWorkbook, SheetVisibleEnum

    compact: Any = BytesIO(_compact(data, most_rows))
    with CalamineWorkbook.from_filelike(compact) as book:
        for place, sheet in enumerate(book.sheets_metadata):
            if sheet.visible is not SheetVisibleEnum.Visible:
                continue
            rows: list[list[Any]] = [*book.get_sheet_by_index(place).to_python()]
            if rows:
                for number, *values in rows:
                    yield int(number), [_plain(value) for value in values]
                return


def _plain(value: Any) -> Any:
    """Return None for an empty cell, whole numbers as such."""
    if isinstance(value, str):
        return UnknownResult(value[1:]) if value.startswith(_NO_RESULT) else value or None
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _compact(data: bytes, most_rows: int) -> bytes:
    out = BytesIO()
    with ZipFile(BytesIO(data)) as old, ZipFile(out, "w") as new:
        for name in dict.fromkeys(old.namelist()):
            if "/worksheets/" in name and name.endswith(".xml"):
                with old.open(name) as part:
                    new.writestr(name, _Sheet(most_rows).compact(part))
            elif name.endswith((".xml", ".rels")):
                new.writestr(name, old.read(name))
    return out.getvalue()


class _Sheet:
    """One pass over a sheet; keeps the cells that hold anything as XML again."""

    def __init__(self, most_rows: int) -> None:
        self._most_rows = most_rows
        self._rows: dict[int, dict[int, str]] = {}
        self._merged: list[tuple[int, int, int]] = []
        self._row = self._column = 0
        self._cell: dict[str, str] = {}
        self._texts: dict[str, list[str]] = {}
        self._into: list[str] = []

    def compact(self, part: IO[bytes]) -> str:
        parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        parser.StartDoctypeDeclHandler = _no_doctype
        parser.ParseFile(part)
        self._fill_merged()
        rows = "".join(
            f'<row r="{place}"><c r="A{place}"><v>{number}</v></c>'
            + "".join(cell.format(place=place) for _column, cell in sorted(cells.items()))
            + "</row>"
            for place, (number, cells) in enumerate(sorted(self._rows.items()), start=1)
        )
        return f'<worksheet xmlns="{_MAIN}"><sheetData>{rows}</sheetData></worksheet>'

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
            case "c":
                self._keep()
            case "v" | "f" | "is" | "rPh" as kind:
                self._into.pop()
                self._texts.setdefault(kind, [])  # a formula may have no text of its own

    def _text(self, text: str) -> None:
        if self._into:
            self._texts.setdefault(self._into[-1], []).append(text)

    def _keep(self) -> None:
        if self._column > MAX_COLUMNS:
            return
        if self._row not in self._rows and len(self._rows) > self._most_rows:
            return
        value = "".join(self._texts.get("v", ()))
        text = "".join(self._texts.get("is", ()))
        if value:
            kind, inside = self._cell.get("t", "n"), f"<v>{_braced(value)}</v>"
        elif text.strip():
            kind, inside = "inlineStr", f"<is><t>{_braced(text)}</t></is>"
        elif "f" in self._texts:
            formula = _braced("=" + "".join(self._texts["f"]))
            kind, inside = "inlineStr", f"<is><t>{_NO_RESULT}{formula}</t></is>"
        else:
            return
        style = quoteattr(_braced(self._cell.get("s", "0")))
        letters = _letters(self._column + 1)
        self._rows.setdefault(self._row, {})[self._column] = (
            f'<c r="{letters}{{place}}" s={style} t={quoteattr(_braced(kind))}>{inside}</c>'
        )

    def _note_merged(self, ref: str) -> None:
        first, _colon, last = ref.partition(":")
        begin, end = _PLACE.match(first), _PLACE.match(last)
        if begin and end and int(end[2]) > int(begin[2]):
            self._merged.append((_number(begin[1]), int(begin[2]), int(end[2])))

    def _fill_merged(self) -> None:
        """Give each row of a merged cell its value: a district stands once beside its schools."""
        by_column: dict[int, list[tuple[int, int]]] = {}
        for column, first, last in self._merged:
            by_column.setdefault(column, []).append((first, last))
        for column, spans in by_column.items():
            waiting = iter(sorted(spans))
            first, last = next(waiting)
            for row, cells in sorted(self._rows.items()):
                while row > last and (span := next(waiting, None)):
                    first, last = span
                if first < row <= last:
                    cells.pop(column, None)
                    if value := self._rows.get(first, {}).get(column):
                        cells[column] = value


def _no_doctype(*_declared: object) -> None:
    raise ValueError("a sheet declares no document type")


def _braced(text: str) -> str:
    """Make a text safe inside XML and inside the text that the row's place is put into."""
    return escape(text).replace("{", "{{").replace("}", "}}")


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
