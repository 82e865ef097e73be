"""Tables of invented people as people save them, for the tests of reading."""

from __future__ import annotations

import csv
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import xlsxwriter

TITLES = ("Код", "Фамилия", "Имя", "Отчество", "Дата рождения", "Класс", "СНИЛС")
PUPIL = ("s-1", "Примеров", "Пётр", "Пробович", "29.02.2012", "8 а", "112-233-445 95")
OTHER = ("s-2", "Тестова", "Алёна", "", "15.07.2012", "8 а", "")
CODE = "78-0243"


def csv_text(*rows: Sequence[str], separator: str = ";") -> str:
    out = StringIO(newline="")
    csv.writer(out, delimiter=separator, lineterminator="\r\n").writerows(rows)
    return out.getvalue()


def workbook(
    sheets: Mapping[str, Iterable[Sequence[Any]]],
    *,
    merged: Iterable[tuple[int, int, int, int, str]] = (),
    hidden: Iterable[str] = (),
) -> bytes:
    """An XLSX file; ``merged`` are cells of the first sheet with their text, as row and column of
    the first and row and column of the last, from 0."""
    out = BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True})
    day = book.add_format({"num_format": "dd.mm.yyyy"})
    for place, (name, rows) in enumerate(sheets.items()):
        sheet = book.add_worksheet(name)
        for number, row in enumerate(rows):
            for column, value in enumerate(row):
                if hasattr(value, "year"):
                    sheet.write_datetime(number, column, value, day)
                elif isinstance(value, str) and value.startswith("="):
                    sheet.write_formula(number, column, value, None, "")
                else:
                    sheet.write(number, column, value)
        for area in merged if place == 0 else ():
            sheet.merge_range(*area)
        if name in hidden:
            sheet.hide()
    book.close()
    return out.getvalue()


def save(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def zipped(path: Path, members: Mapping[str, str | bytes]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            info = zipfile.ZipInfo(name, (2026, 10, 1, 8, 30, 0))
            archive.writestr(info, content)
    return path
