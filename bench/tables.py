"""Reading a list of pupils in CSV and XLSX: ten times the rows is to cost ten times the time, at
most twelve times."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import xlsxwriter

from bench.measuring import Figure, in_turns
from provisioning.formats import read_school, scan
from provisioning.settings import ReadLimits

FEWER = 10
"""How many times fewer rows the reference has."""
TITLES = ("Код", "Фамилия", "Имя", "Отчество", "Дата рождения", "Класс", "СНИЛС")


def figures(folder: Path, *, rows: int, rounds: int) -> list[Figure]:
    folder.mkdir(parents=True, exist_ok=True)
    found = []
    for kind, write in (("CSV", _csv), ("XLSX", _xlsx)):
        small, large = (folder / f"{number}.{kind.lower()}" for number in (rows // FEWER, rows))
        write(small, rows // FEWER)
        write(large, rows)
        few, many = in_turns(rounds, lambda path=small: _read(path), lambda path=large: _read(path))
        found.append(
            Figure(
                name=f"{kind} list of {rows} pupils, read",
                ours=f"{many:.1f} s",
                reference=f"{few:.2f} s ({rows // FEWER} pupils; at most 12)",
                ratio=many / few,
            )
        )
    return found


def _lines(number: int) -> Iterator[tuple[str, ...]]:
    yield TITLES
    for each in range(number):
        born = f"{each % 28 + 1:02}.{each % 12 + 1:02}.2012"
        title = f"{each % 11 + 1}{'АБВГ'[each % 4]}"
        yield f"s-{each}", "Примеров", "Пётр", "Пробович", born, title, ""


def _csv(path: Path, number: int) -> None:
    with path.open("w", encoding="cp1251", newline="") as stream:
        csv.writer(stream, delimiter=";").writerows(_lines(number))


def _xlsx(path: Path, number: int) -> None:
    book = xlsxwriter.Workbook(str(path), {"constant_memory": True})
    sheet = book.add_worksheet()
    for place, line in enumerate(_lines(number)):
        sheet.write_row(place, 0, line)
    book.close()


def _read(path: Path) -> None:
    now, limits = datetime.now().astimezone(), ReadLimits()
    for school in scan([path], limits=limits, school_code="B1", came_at=now).schools:
        read_school(school, limits=limits, today=now.date())
