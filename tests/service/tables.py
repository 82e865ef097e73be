"""Makes CSV and XLSX files as officials save them; every school in them is invented."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from io import BytesIO
from typing import Any

from openpyxl import Workbook

TITLES = ("Код ОО", "№ ОО", "Наименование ОО", "Район", "Тип")


def as_csv(*lines: Sequence[Any], encoding: str = "utf-8-sig", delimiter: str = ";") -> bytes:
    text = "\r\n".join(delimiter.join(str(cell) for cell in line) for line in lines)
    return text.encode(encoding)


def as_xlsx(*lines: Iterable[Any], merged: Sequence[str] = ()) -> bytes:
    """A workbook whose first sheet holds the lines."""
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    for line in lines:
        sheet.append(list(line))
    for cells in merged:
        sheet.merge_cells(cells)
    out = BytesIO()
    book.save(out)
    return out.getvalue()
