"""Columns of the files: their titles as people write them, their values, and what is wrong."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

from provisioning.formats.cleaning import is_empty_date
from provisioning.formats.workbooks import UnknownResult
from service.db import LARGEST
from service.registry import Refusal
from service.registry.tables import Table

Row = dict[str, Any]
"""A row as read: ``row``, its number in the file, and the values of the cells that are not empty.
An empty cell says nothing, so that a file with few columns changes few things."""

HEADER_WITHIN = 20
"""Rows from the top in which the column titles are looked for."""

YES, NO = "yes", "no"
"""Values of the choices of a yes-or-no column."""

_EXCEL_EPOCH = date(1899, 12, 30)
_FIRST_YEAR = 1900
"""No day that the registry keeps is earlier; ``20121004`` read as 20.12.1004 is."""
_YES = {"да", "yes", "true", "истина", "1", "+", "v", "есть"}
_NO = {"нет", "no", "false", "ложь", "0", "-", "–", "—"}
_DAY = re.compile(r"(\d{1,2})[./-](\d{1,2})[./-](\d{4})(?: г\.?)?")
_ISO_DAY = re.compile(r"(\d{4})-(\d{2})-(\d{2})(?:[T ]00:00(?::00)?)?")


class Kind(StrEnum):
    TEXT = "text"
    NUMBER = "number"
    """The number of a school: text, though spreadsheets make it a number."""
    INTEGER = "integer"
    """A whole number, not negative."""
    DAY = "day"
    YES_NO = "yes_no"
    CHOICE = "choice"
    LIST = "list"
    """Words separated by commas."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Column:
    key: str
    titles: tuple[str, ...]
    """Russian, the first is the template's; compared as ``plain`` text."""
    kind: Kind = Kind.TEXT
    required: bool = False
    length: int = 500
    """The most characters of a text."""
    choices: Mapping[str, str] = field(default_factory=dict)
    """Of a choice: what people write -> value. Of yes or no: further words for each."""
    example: str = ""
    """For the template."""

    @property
    def title(self) -> str:
        return self.titles[0]


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """Something wrong in a file, with its place. ``wording`` says it and the remedy."""

    code: str
    row: int = 0
    """0: the whole file."""
    column: str = ""
    """Title as in the template."""
    value: str = ""
    details: Mapping[str, str] = field(default_factory=dict)

    @property
    def stops(self) -> bool:
        """Tell whether the import waits until it is put right."""
        return self.code != "column.unknown"


class BadValue(ValueError):
    """A cell whose value cannot be taken; ``args[0]`` is the code of the problem."""


def plain(text: str) -> str:
    """Return a text to compare: small letters, «ё» as «е», signs and blanks as one blank."""
    return " ".join(re.findall(r"№|%|\w+", text.casefold().replace("ё", "е")))


def read_rows(table: Table, columns: Sequence[Column]) -> tuple[list[Row], list[Problem]]:
    """Read the rows below the column titles, in any order, and what is wrong with others.

    Raises ``Refusal`` when no row of titles is found, or two columns mean the same.
    """
    header, places, unknown = _find_header(table, columns)
    problems = [Problem(code="column.unknown", row=header, column=title) for title in unknown]
    rows: list[Row] = []
    for number, cells in table.items():
        if number <= header:
            continue
        row, wrong = _read_row(number, cells, columns, places)
        problems += wrong
        if len(row) > 1 and not wrong:
            rows.append(row)
    return rows, problems


def _find_header(table: Table, columns: Sequence[Column]) -> tuple[int, dict[str, int], list[str]]:
    known = {plain(title): column.key for column in columns for title in column.titles}
    required = {column.key for column in columns if column.required}
    for number, cells in table.items():
        if number > HEADER_WITHIN:
            break
        titles = [plain(str(cell)) if cell is not None else "" for cell in cells]
        found = [known[title] for title in titles if title in known]
        if not required <= set(found):
            continue
        if len(found) != len(set(found)):
            twice = next(key for key in found if found.count(key) > 1)
            title = next(column.title for column in columns if column.key == twice)
            raise Refusal("header.twice", column=title)
        places = {known[title]: n for n, title in enumerate(titles) if title in known}
        unknown = [str(cells[n]) for n, title in enumerate(titles) if title and title not in known]
        return number, places, unknown
    wanted = ", ".join(f"«{column.title}»" for column in columns if column.required)
    raise Refusal("header.none", columns=wanted)


def _read_row(
    number: int, cells: Sequence[Any], columns: Sequence[Column], places: Mapping[str, int]
) -> tuple[Row, list[Problem]]:
    given = {key: cells[at] if at < len(cells) else None for key, at in places.items()}
    if all(map(is_empty, given.values())):
        return {"row": number}, []  # only columns that we do not read, such as a running number
    values, problems = read_values(given, columns, number)
    return {"row": number, **values}, problems


def read_values(
    given: Mapping[str, Any], columns: Sequence[Column], row: int = 0
) -> tuple[dict[str, Any], list[Problem]]:
    """Read cells, or fields of a form, by column; an empty one is left out."""
    values: dict[str, Any] = {}
    problems = []
    for column in columns:
        if column.key not in given:
            continue
        cell = given[column.key]
        if not is_empty(cell):
            try:
                values[column.key] = read_cell(cell, column)
            except BadValue as error:
                problems.append(bad_value(error, column, cell, row))
        elif column.required:
            problems.append(Problem(code="cell.empty", row=row, column=column.title))
    return values, problems


def bad_value(error: BadValue, column: Column, cell: Any, row: int = 0) -> Problem:
    """Return what to tell about a cell that ``read_cell`` did not take."""
    usual: dict[str, str] = {}
    for word, value in column.choices.items():
        usual.setdefault(value, word)
    details = {"known": ", ".join(usual.values()), "length": str(column.length)}
    return Problem(
        code=str(error.args[0]), row=row, column=column.title, value=shown(cell), details=details
    )


def is_empty(cell: Any) -> bool:
    if isinstance(cell, str):
        return not cell.strip(" \xa0\t\r\n") or is_empty_date(cell)
    return cell is None


def shown(cell: Any) -> str:
    """Return a value as the person sees it in the spreadsheet, for a message."""
    if isinstance(cell, UnknownResult):
        return cell.formula[:100]
    if isinstance(cell, date):
        return f"{cell:%d.%m.%Y}"
    return str(cell)[:100]


def read_cell(cell: Any, column: Column) -> Any:
    """Return the value of a cell with content; a date as ISO 8601. Raises ``BadValue``."""
    if isinstance(cell, UnknownResult):
        raise BadValue("cell.formula")
    if column.kind is Kind.INTEGER:
        return _integer(cell)
    if column.kind is Kind.DAY:
        return _day(cell).isoformat()
    text = _text(cell)
    if column.kind is Kind.YES_NO:
        return _yes_no(text, column)
    if column.kind is Kind.CHOICE:
        by_word = {plain(word): value for word, value in column.choices.items()}
        if plain(text) not in by_word:
            raise BadValue("cell.not_choice")
        return by_word[plain(text)]
    if column.kind is Kind.NUMBER:
        text = re.sub(r"^№\s*", "", text)
    if len(text) > column.length:
        raise BadValue("cell.too_long")
    if column.kind is Kind.LIST:
        return [part for part in (one.strip() for one in re.split(r"[,;]", text)) if part]
    return text


def _yes_no(text: str, column: Column) -> bool:
    by_word = {plain(word): value == YES for word, value in column.choices.items()}
    word = text.casefold()
    if word in _YES | _NO:
        return word in _YES
    if plain(text) not in by_word:
        raise BadValue("cell.not_yes_no")
    return by_word[plain(text)]


def _text(cell: Any) -> str:
    """Return printable text, single blanks, whole numbers without a spreadsheet's «.0»."""
    if isinstance(cell, date):
        raise BadValue("cell.is_day")
    if isinstance(cell, bool):
        return "да" if cell else "нет"
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    text = " ".join(str(cell).split())
    text = "".join(letter for letter in text if letter.isprintable())
    return text[:-2] if re.fullmatch(r"\d+\.0", text) else text


def _integer(cell: Any) -> int:
    text = "" if isinstance(cell, bool | date) else re.sub(r"[\s\xa0]", "", str(cell))
    found = re.fullmatch(r"(\d{1,10})(?:[.,]0+)?", text, re.ASCII)
    if found is None or int(found[1]) > LARGEST:
        raise BadValue("cell.not_number")
    return int(found[1])


def _day(cell: Any) -> date:
    day: date | None = None
    text = " ".join(str(cell).split())
    # A day or a month that there is not is no day either.
    with suppress(ValueError):
        if isinstance(cell, datetime):
            day = cell.date()
        elif isinstance(cell, date):
            day = cell
        elif (
            isinstance(cell, int | float) and not isinstance(cell, bool) and 20_000 < cell < 80_000
        ):
            # An unformatted cell shows the day as its number since 1900.
            day = _EXCEL_EPOCH + timedelta(days=int(cell))
        elif match := _DAY.fullmatch(text):
            day = date(*map(int, reversed(match.groups())))
        elif match := _ISO_DAY.fullmatch(text):
            day = date(*map(int, match.groups()))
    if day is None or day.year < _FIRST_YEAR:
        raise BadValue("cell.not_day")
    return day


def repeated(rows: Iterable[Row], keys: Sequence[str], column: str = "") -> list[Problem]:
    """Return a problem for each row whose ``keys`` stood in an earlier row already."""
    first: dict[Any, int] = {}
    problems = []
    for row in rows:
        found = first.setdefault(tuple(row[key] for key in keys), row["row"])
        if found != row["row"]:
            problems.append(
                Problem(code="row.twice", row=row["row"], column=column, value=str(row[keys[0]]),
                        details={"first": str(found)})
            )  # fmt: skip
    return problems
