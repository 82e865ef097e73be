"""Tables as people save them: CSV files and sheets of workbooks, as rows of texts under the numbers
that a spreadsheet program shows for them.

What cells mean is not known here, only how they are written: a date of a workbook becomes
``2012-09-01``, a whole number has no point, a formula counts with the result that the file holds.
"""

from __future__ import annotations

import csv
import json
import re
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from io import StringIO, TextIOWrapper
from itertools import islice
from typing import IO, Any
from zipfile import ZipFile

from provisioning.formats.encodings import Examined, digest_of, examine_text
from provisioning.formats.intake import FileKind, SourceFile
from provisioning.formats.problems import FileProblem
from provisioning.formats.workbooks import Sheet, UnknownResult, sheets
from provisioning.settings import ReadLimits

Line = tuple[int, list[str]]
"""The number of a row, from 1, and its cells."""

SEPARATORS = ";\t,|"
"""Between the cells of a CSV file, the likeliest first."""

_LOOKED_AT = 50
"""Rows that tell the separator."""
_LOOKED_AT_TEXT = 1 << 17
"""Characters that tell it."""
_MOST_COLUMNS = 100
_SEPARATOR_LINE = re.compile(r"sep=(.)\r?\n", re.I)
"""Excel writes it into the first line, and reads it from there."""
_AS_FORMULA = re.compile(r'="([^"]*)"')
"""What people write into CSV files so that Excel keeps the zeros before a number."""
_MODIFIED = re.compile(rb"<dcterms:modified[^>]*>([^<]{10,40})</dcterms:modified>")


@dataclass(kw_only=True, slots=True)
class Oddities:
    """What was seen while the rows of a table were read, for findings."""

    formulas: int = 0
    """Formulas without a result, and error values."""
    first_formula: int = 0
    """The row of the first one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """One table of a file; ``read`` gives its rows as often as it is asked."""

    name: str
    """Of a sheet its name, of a CSV file that of the file without its ending."""
    source: SourceFile
    """The file; a sheet of several is told by its name too."""
    examined: Examined
    saved_at: datetime | None
    """When the file was saved, as far as it says so itself."""
    read: Callable[[], Iterator[Line]]
    """Empty rows are left out; raises FileProblem on the way."""
    oddities: Oddities = field(default_factory=Oddities)
    read_again: Callable[[str], Table] | None = None
    """The same CSV file in the encoding of this codec."""

    def in_encoding(self, codec: str) -> Table:
        """The table as a layout wants it read that names an encoding; Unicode stays as it is."""
        unicode = not self.examined.damaged or self.examined.codec.startswith("utf")
        if not codec or unicode or self.read_again is None or codec == self.examined.codec:
            return self
        return self.read_again(codec)

    def first(self, most: int) -> list[Line]:
        """The first rows that are not empty."""
        return list(islice(self.read(), most))


def tables_of(source: SourceFile, limits: ReadLimits) -> list[Table]:
    """The tables of a CSV file or a workbook; raises FileProblem."""
    return (
        _workbook(source, limits) if source.kind is FileKind.WORKBOOK else _csv_file(source, limits)
    )


def _csv_file(source: SourceFile, limits: ReadLimits, codec: str = "") -> list[Table]:
    with source.open() as stream:
        examined = examine_text(stream, limits.file_bytes, codec)
    with _text(source, examined) as text:
        head = text.read(_LOOKED_AT_TEXT)
    if "\0" in head:
        raise FileProblem("table.other_kind")
    named = _SEPARATOR_LINE.match(head)
    separator = named[1] if named else _separator(head)

    def read() -> Iterator[Line]:
        csv.field_size_limit(max(limits.text_length * 4, 1 << 17))
        number = 0
        with _text(source, examined) as text:
            if named:
                text.readline()
            lines = csv.reader(text, delimiter=separator)
            try:
                for number, cells in enumerate(lines, start=2 if named else 1):
                    row = [_AS_FORMULA.sub(r"\1", one.strip()) for one in cells[:_MOST_COLUMNS]]
                    if any(row):
                        yield number, row
            except csv.Error as error:
                raise FileProblem("table.quotes", line=number + 1) from error

    return [
        Table(
            name=source.stem,
            source=source,
            examined=examined,
            saved_at=None,
            read=read,
            read_again=lambda codec: _csv_file(source, limits, codec)[0],
        )
    ]


@contextmanager
def _text(source: SourceFile, examined: Examined) -> Iterator[TextIOWrapper]:
    with source.open() as stream:
        codec = "utf-8-sig" if examined.codec == "utf-8" else examined.codec
        yield TextIOWrapper(stream, encoding=codec, errors="replace", newline="")


def _separator(head: str) -> str:
    """The sign that cuts the most rows into equally many cells."""

    def goodness(separator: str) -> int:
        try:
            rows = islice(csv.reader(StringIO(head, newline=""), delimiter=separator), _LOOKED_AT)
            widths = Counter(len(row) for row in rows if len(row) > 1)
        except csv.Error:
            return 0
        return max((times * (width - 1) for width, times in widths.items()), default=0)

    return max(SEPARATORS, key=goodness)


def _workbook(source: SourceFile, limits: ReadLimits) -> list[Table]:
    with source.open() as stream:
        sha256 = digest_of(stream, limits.file_bytes)
    examined = Examined(sha256, "utf-8", False, "", "")
    found = [one for one in _packed_sheets(source, limits) if one.rows]
    if not found:
        raise FileProblem("file.empty")
    saved_at = _saved_at(source)
    return [
        Table(
            name=sheet.name,
            source=source if len(found) == 1 else _sheet_of(source, sheet.name),
            examined=examined,
            saved_at=saved_at,
            read=sheet.read,
            oddities=sheet.oddities,
        )
        for sheet in found
    ]


def _sheet_of(source: SourceFile, name: str) -> SourceFile:
    return replace(source, name=f"{source.name}/{name}")


class _PackedSheet:
    """The rows of a sheet in a tenth of the memory: a workbook is opened once for all its sheets,
    however often they are read."""

    _BATCH = 500

    def __init__(self, name: str) -> None:
        self.name = name
        self.rows = 0
        self.oddities = Oddities()
        self._packed: list[bytes] = []
        self._open: list[Line] = []

    def add(self, number: int, values: Sequence[Any]) -> None:
        unknown = sum(isinstance(value, UnknownResult) for value in values)
        if unknown:
            self.oddities.formulas += unknown
            self.oddities.first_formula = self.oddities.first_formula or number
        row = [cell_text(value) for value in values]
        if not any(row):
            return
        self.rows += 1
        self._open.append((number, row))
        if len(self._open) >= self._BATCH:
            self._packed.append(zlib.compress(json.dumps(self._open).encode(), 1))
            self._open = []

    def read(self) -> Iterator[Line]:
        for batch in self._packed:
            yield from json.loads(zlib.decompress(batch))
        yield from self._open


def _packed_sheets(source: SourceFile, limits: ReadLimits) -> list[_PackedSheet]:
    with source.open_to_seek() as stream:
        try:
            return [_packed(sheet, limits) for sheet in _sheets(stream, limits)]
        except FileProblem:
            raise
        # A spoilt workbook breaks the readers of ZIP, XML and workbooks in every way there is.
        except Exception as error:
            raise FileProblem("table.spoilt") from error


def _sheets(stream: IO[bytes], limits: ReadLimits) -> Iterator[Sheet]:
    most = limits.sheet_rows
    return sheets(stream, most, most_columns=_MOST_COLUMNS, most_bytes=limits.file_bytes)


def _packed(sheet: Sheet, limits: ReadLimits) -> _PackedSheet:
    packed = _PackedSheet(sheet.name)
    for number, values in sheet.rows:
        packed.add(number, values)
    if packed.rows > limits.sheet_rows:
        raise FileProblem("file.too_many_records", limit=str(limits.sheet_rows))
    return packed


def cell_text(value: Any) -> str:
    """The text of a workbook's value; empty for a formula without a result."""
    if value is None or isinstance(value, UnknownResult):
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        midnight = (value.hour, value.minute, value.second) == (0, 0, 0)
        return value.date().isoformat() if midnight else value.isoformat(timespec="seconds")
    if isinstance(value, date):
        return value.isoformat()
    return str(value).strip()


def _saved_at(source: SourceFile) -> datetime | None:
    """When a spreadsheet program saved the workbook, if it says so."""
    try:
        with source.open_to_seek() as stream, ZipFile(stream) as archive:
            found = _MODIFIED.search(archive.read("docProps/core.xml"))
        moment = datetime.fromisoformat(found[1].decode("ascii").strip()) if found else None
    except (FileProblem, KeyError, ValueError, OSError):
        return None
    return moment.astimezone(UTC) if moment and moment.tzinfo else None
