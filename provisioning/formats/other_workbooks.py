"""Sheets of XLS and ODS files, which older and free spreadsheet programs write.

Their reader lays a sheet out whole. What would not fit is refused before: an ODS file says how
often a cell and a row are repeated, an XLS file cannot have more cells than bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import islice
from typing import IO, Any
from xml.parsers import expat
from zipfile import ZipFile

_ODS = b"application/vnd.oasis.opendocument.spreadsheet"
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_MOST_CELLS = 20_000_000
"""Of a sheet, empty ones between others among them."""

Rows = Iterator[tuple[int, Sequence[Any]]]


def is_ods(stream: IO[bytes]) -> bool:
    """Tell whether the stream is a workbook of OpenDocument."""
    # Whatever is wrong with an archive is told by who opens it to read.
    with suppress(Exception), ZipFile(stream) as archive:
        return archive.read("mimetype")[:100].strip().startswith(_ODS)
    return False


def sheets(
    stream: IO[bytes], most_rows: int, most_columns: int, most_bytes: int
) -> Iterator[tuple[str, Rows]]:
    """Yield name and rows of each visible sheet, at most one row more than ``most_rows``.

    ``ValueError`` for a file of another kind, one that unpacks to more than ``most_bytes`` (0:
    any), and one with more cells than can be laid out.
    """
    from python_calamine import CalamineWorkbook, SheetVisibleEnum

    if is_ods(stream):
        with ZipFile(stream) as archive:
            if most_bytes and sum(part.file_size for part in archive.infolist()) > most_bytes:
                raise ValueError("too large")
            _check_ods(archive)
    else:
        stream.seek(0)
        if stream.read(len(_OLE)) != _OLE:
            raise ValueError("no workbook")
    stream.seek(0)
    opened: Any = stream
    with CalamineWorkbook.from_filelike(opened) as book:
        for place, about in enumerate(book.sheets_metadata):
            if about.visible is SheetVisibleEnum.Visible:
                sheet = book.get_sheet_by_index(place)
                if sheet.height * sheet.width > _MOST_CELLS:
                    raise ValueError("too many cells")
                yield about.name, _rows(sheet, most_rows, most_columns)


def _rows(sheet: Any, most_rows: int, most_columns: int) -> Rows:
    """Yield the rows with content, with the values that merged cells give to each of their rows."""
    filled = (
        (number, list(cells[:most_columns]))
        for number, cells in enumerate(sheet.iter_rows(), start=1)
    )
    spans = [
        (first[0], last[0], first[1], None)
        for first, last in sheet.merged_cell_ranges or ()
        if last[0] > first[0]
    ]
    values: dict[tuple[int, int], Any] = {}

    def with_merged() -> Rows:
        for number, cells in filled:
            for top, bottom, column, _none in spans:
                if top == number - 1 and column < len(cells):
                    values[top, column] = cells[column]
                elif top < number - 1 <= bottom and column < len(cells):
                    cells[column] = values.get((top, column), "")
            if any(one not in ("", None) for one in cells):
                yield number, cells

    yield from islice(with_merged(), most_rows + 1)


def _check_ods(archive: ZipFile) -> None:
    """Refuse a sheet whose repeated cells with content, laid out, are too many."""
    cells = row = 0
    repeated_rows = 1
    repeated_cells = 0
    is_told = False

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal row, repeated_rows, repeated_cells, is_told
        if name == "table:table-row":
            repeated_rows, row = int(attributes.get("table:number-rows-repeated", "1")), 0
        elif name in ("table:table-cell", "table:covered-table-cell"):
            repeated_cells = int(attributes.get("table:number-columns-repeated", "1"))
            is_told = "office:value-type" in attributes
        elif name == "text:p":
            is_told = True

    def end(name: str) -> None:
        nonlocal cells, row
        if name in ("table:table-cell", "table:covered-table-cell") and is_told:
            row += repeated_cells
        elif name == "table:table-row":
            cells += row * repeated_rows
            if cells > _MOST_CELLS:
                raise ValueError("too many cells")

    def no_doctype(*_declared: object) -> None:
        raise ValueError("a sheet declares no document type")

    parser = expat.ParserCreate()
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.StartDoctypeDeclHandler = no_doctype
    with archive.open("content.xml") as content:
        parser.ParseFile(content)
