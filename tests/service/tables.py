"""CSV and XLSX files as officials save them, and their import; every school is invented."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from io import BytesIO
from typing import Any

from openpyxl import Workbook
from sqlalchemy.orm import Session

from service.registry import imports
from service.registry.preview import Preview
from service.settings import RegistrySettings
from tests.service.factories import CITY, NOW

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


def receive(
    session: Session, data: bytes, *, subject: str = "schools", now: datetime = NOW,
    week: imports.WeekOfPlatform | None = None, name: str = "a.csv",
) -> tuple[int, Preview]:  # fmt: skip
    """Upload a file; the number of the import, and what it would do."""
    received = imports.receive(
        session, RegistrySettings(), scope=CITY, subject=subject, file_name=name, data=data,
        now=now, week=week,
    )  # fmt: skip
    return received.id, imports.preview(session, received)


def say_yes(session: Session, number: int, found: Preview, now: datetime = NOW) -> None:
    imports.apply(session, number, scope=CITY, digest=found.digest, now=now)


def load(
    session: Session, *lines: Sequence[Any], subject: str = "schools", now: datetime = NOW
) -> Preview:
    """Import a file if it can be."""
    number, found = receive(session, as_csv(*lines), subject=subject, now=now)
    if found.can_apply:
        say_yes(session, number, found, now)
    return found


def told(found: Preview) -> list[tuple[str, int]]:
    """What is wrong in the file, with the row."""
    return [(one.code, one.row) for one in found.problems]
