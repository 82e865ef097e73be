"""Read a table from CSV or XLSX as people save it: rows of plain values under their row numbers.

Formulas are never evaluated: what counts is the value that the spreadsheet program stored.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from io import BytesIO, StringIO
from itertools import islice
from typing import Any
from zipfile import ZipFile

from provisioning.formats.workbooks import MAX_COLUMNS, sheet_rows
from service.registry import Refusal
from service.settings import RegistrySettings

_DELIMITERS = ";\t,"
_LOOKED_AT = 20
"""Lines that tell the delimiter."""


Table = Mapping[int, Sequence[Any]]
"""Rows that are not empty, by the number that a spreadsheet program shows for them."""


def read_table(name: str, data: bytes, settings: RegistrySettings) -> Table:
    """Read the first sheet of a workbook that holds anything, or a CSV file.

    Raises ``Refusal`` for a file too large, of another kind, spoilt or without any row.
    """
    if len(data) > settings.file_bytes:
        raise _too_large(settings.file_bytes)
    if data.startswith(b"PK"):
        rows = _workbook(data, settings)
    elif data.startswith(b"\xd0\xcf\x11\xe0") or name.lower().endswith((".xls", ".ods", ".xlsb")):
        raise Refusal("file.other_kind")
    else:
        rows = _csv(data)
    kept: dict[int, Sequence[Any]] = {}
    for number, row in rows:
        if any(value not in (None, "") for value in row):
            kept[number] = row
        if len(kept) > settings.rows:
            raise Refusal("file.too_many_rows", limit=str(settings.rows))
    if not kept:
        raise Refusal("file.empty")
    return kept


def _too_large(limit: int) -> Refusal:
    return Refusal("file.too_large", limit=f"{limit / 2**20:.0f}")


def _csv(data: bytes) -> Iterator[tuple[int, Sequence[Any]]]:
    text = _decoded(data)
    if "\0" in text:
        raise Refusal("file.other_kind")
    delimiter = max(_DELIMITERS, key=lambda one: _width(text, one))
    try:
        for number, row in enumerate(csv.reader(StringIO(text), delimiter=delimiter), start=1):
            yield number, [cell.strip() for cell in row[:MAX_COLUMNS]]
    except csv.Error as error:
        raise Refusal("file.spoilt") from error


def _decoded(data: bytes) -> str:
    """Decode UTF-8 or UTF-16 as marked, else UTF-8 if it is that, else Windows' Cyrillic."""
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
                raise _too_large(settings.unpacked_bytes)
            if not any(part.filename == "xl/workbook.xml" for part in parts):
                raise Refusal("file.other_kind")
        yield from sheet_rows(data, settings.rows)
    except Refusal:
        raise
    # A spoilt workbook breaks the readers of ZIP, XML and workbooks in every way there is.
    except Exception as error:
        raise Refusal("file.spoilt") from error
