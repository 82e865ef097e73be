"""Tables as people save them are read alike: CSV of any kind, XLSX with merged cells and dates."""

from __future__ import annotations

import itertools
import sys
from datetime import date, datetime
from io import BytesIO
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

import psutil
import pytest
from openpyxl import load_workbook

from service.registry import Refusal
from service.registry.columns import BadValue, Column, Kind, Problem, read_cell, read_rows
from service.registry.schools import COLUMNS
from service.registry.tables import read_table
from service.settings import RegistrySettings
from tests.service.tables import TITLES, as_csv, as_xlsx

SETTINGS = RegistrySettings()
LINE = ("78-0153", "153", "ГБОУ СОШ №153", "Центральный", "общеобразовательная")


def rows_of(data: bytes, name: str = "schools.csv") -> tuple[list[dict[str, Any]], list[Problem]]:
    return read_rows(read_table(name, data, SETTINGS), COLUMNS)


def only_row(data: bytes) -> dict[str, Any]:
    (row,), problems = rows_of(data)
    assert problems == []
    return row


@pytest.mark.parametrize("delimiter", [";", ",", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-8", "cp1251", "utf-16"])
def test_a_csv_is_read_in_every_usual_encoding_and_delimiter(encoding: str, delimiter: str) -> None:
    row = only_row(as_csv(TITLES, LINE, encoding=encoding, delimiter=delimiter))
    assert row == {
        "row": 2, "code": "78-0153", "number": "153", "short_name": "ГБОУ СОШ №153",
        "district": "Центральный", "type": "general",
    }  # fmt: skip


def test_a_delimiter_inside_quotes_is_text() -> None:
    row = only_row(as_csv(TITLES, ("1", "4", '"Школа ""Луч""; корпус 2"', "Невский", "СПО")))
    assert row["short_name"] == 'Школа "Луч"; корпус 2'


def test_titles_are_found_below_a_heading_and_in_other_spellings() -> None:
    data = as_csv(
        ("Реестр школ города",), (), ("КОД  ШКОЛЫ", "Номер", "сокращенное наименование"),
        ("1", "№ 4", "Школа 4"),
    )  # fmt: skip
    assert only_row(data) == {"row": 4, "code": "1", "number": "4", "short_name": "Школа 4"}


def test_numbers_that_a_spreadsheet_made_floats_are_text_again() -> None:
    row = only_row(as_xlsx(TITLES, (7800153.0, 153.0, "Школа", "Невский", "СПО")))
    assert (row["code"], row["number"]) == ("7800153", "153")
    assert only_row(as_csv(TITLES, ("1", "153.0", "Ш", "Р", "СПО")))["number"] == "153"


def test_a_merged_district_counts_for_each_of_its_rows() -> None:
    data = as_xlsx(
        ("Район", "Код ОО"), ("Невский", "1"), (None, "2"), (None, "3"), ("Курортный", "4"),
        (None, "5"), merged=["A2:A4"],
    )  # fmt: skip
    districts = [(row["code"], row.get("district")) for row in rows_of(data)[0]]
    assert districts == [
        ("1", "Невский"), ("2", "Невский"), ("3", "Невский"), ("4", "Курортный"), ("5", None),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "cell",
    [
        datetime(2026, 9, 1),  # noqa: DTZ001 - spreadsheets know no zone
        date(2026, 9, 1), "01.09.2026", "1.9.2026 г.", "2026-09-01", "01/09/2026", 46266,
    ],
)  # fmt: skip
def test_a_date_is_read_in_every_usual_form(cell: Any) -> None:
    row = only_row(as_xlsx(("Код ОО", "Дата перехода на ЕСИА"), ("1", cell)))
    assert row["esia_plan_on"] == "2026-09-01"


@pytest.mark.parametrize("cell", ["01.01.0001", "0001-01-01T00:00:00", "01.01.0001 0:00:00"])
def test_an_empty_date_of_1c_is_an_empty_cell(cell: str) -> None:
    row = only_row(as_csv(("Код ОО", "Дата закрытия"), ("1", cell)))
    assert "closed_on" not in row


@pytest.mark.parametrize(
    ("title", "cell", "code"),
    [
        ("Дата перехода на ЕСИА", "скоро", "cell.not_day"),
        ("Дата закрытия", "20.12.1004", "cell.not_day"),
        ("Дата перехода на ЕСИА", "31.02.2026", "cell.not_day"),
        ("Дата перехода на ЕСИА", "01.09.26", "cell.not_day"),
        ("Обучающихся", "много", "cell.not_number"),
        ("Обучающихся", -5, "cell.not_number"),
        ("Обучающихся", 12.5, "cell.not_number"),
        ("Обучающихся", 9999999999, "cell.not_number"),
        ("Тип", "вуз", "cell.not_choice"),
        ("№ ОО", datetime(2026, 4, 1), "cell.is_day"),  # noqa: DTZ001
        ("№ ОО", "1" * 21, "cell.too_long"),
        ("Обучающихся", "=2+2", "cell.formula"),
    ],
)
def test_a_bad_cell_is_told_and_the_row_stays_out(title: str, cell: Any, code: str) -> None:
    rows, (problem,) = rows_of(as_xlsx(("Код ОО", title), ("1", cell), ("2", None)))
    assert [row["code"] for row in rows] == ["2"]
    assert (problem.code, problem.row, problem.stops) == (code, 2, True)
    assert problem.column
    assert problem.value


def test_every_bad_cell_of_a_file_is_told_not_only_the_first() -> None:
    data = as_csv(("Код ОО", "Обучающихся", "Тип"), ("", "x", "СПО"), ("2", "y", "вуз"))
    _rows, problems = rows_of(data)
    assert [(one.row, one.code) for one in problems] == [
        (2, "cell.empty"), (2, "cell.not_number"), (3, "cell.not_choice"), (3, "cell.not_number"),
    ]  # fmt: skip


def _replaced(data: bytes, *pairs: tuple[bytes, bytes]) -> bytes:
    """The workbook with other texts in its sheets."""
    out = BytesIO()
    with ZipFile(BytesIO(data)) as old, ZipFile(out, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name.startswith("xl/worksheets/"):
                for before, after in pairs:
                    content = content.replace(before, after)
            new.writestr(name, content)
    return out.getvalue()


def test_a_stored_result_of_a_formula_counts() -> None:
    formula = as_xlsx(("Код ОО", "Обучающихся"), ("1", "=400+12"))
    calculated = _replaced(formula, (b"<v></v>", b"<v>412</v>"), (b"<v />", b"<v>412</v>"))
    assert load_workbook(BytesIO(calculated), data_only=True).active["B2"].value == 412  # type: ignore[index,union-attr]
    assert only_row(calculated)["learners"] == 412


def test_a_cell_in_the_last_row_and_one_in_the_last_column_cost_what_they_hold() -> None:
    lines = as_xlsx(TITLES, LINE)
    far = b'<row r="1048576"><c r="A1048576"><v>9</v></c><c r="XFD1048576"><v>1</v></c></row>'
    data = _replaced(lines, (b"</sheetData>", far + b"</sheetData>"))
    before, calls = psutil.Process().memory_info().rss, itertools.count()
    sys.setprofile(lambda *_event: next(calls))
    try:
        table = read_table("a.xlsx", data, SETTINGS)
    finally:
        sys.setprofile(None)
    assert list(table) == [1, 2, 1_048_576]
    assert list(table[1_048_576])[:2] == [9, None]
    # A million empty rows would be millions of calls; the whole sheet, gigabytes.
    assert next(calls) < 100_000
    assert psutil.Process().memory_info().rss - before < 50 * 2**20


def test_rows_with_nothing_of_ours_are_passed_over() -> None:
    data = as_csv(("№ п/п", "Код ОО"), ("1", "78-1"), ("2", ""), ("", ""))
    rows, (problem,) = rows_of(data)
    assert [row["code"] for row in rows] == ["78-1"]
    assert (problem.code, problem.column, problem.stops) == ("column.unknown", "№ п/п", False)
    assert rows_of(as_csv(("Код ОО",), ())) == ([], [])


@pytest.mark.parametrize(
    ("data", "name", "code"),
    [
        (b"", "a.csv", "file.empty"),
        (as_csv(("Школа", "Район"), ("1", "2")), "a.csv", "header.none"),
        (as_csv(("Код ОО", "Код"), ("1", "2")), "a.csv", "header.twice"),
        (b"PK\x03\x04 nothing", "a.xlsx", "file.spoilt"),
        (b"\xd0\xcf\x11\xe0 old", "a.xls", "file.other_kind"),
        (b"\x00\x01\x02", "a.csv", "file.other_kind"),
        (b"x" * (SETTINGS.file_bytes + 1), "a.csv", "file.too_large"),
        (as_csv(*[("1",)] * (SETTINGS.rows + 1)), "a.csv", "file.too_many_rows"),
        (b'"' + b"x" * 200_000, "a.csv", "file.spoilt"),
    ],
)
def test_a_file_that_is_no_table_is_refused_by_name(data: bytes, name: str, code: str) -> None:
    with pytest.raises(Refusal) as error:
        rows_of(data, name)
    assert error.value.code == code


def test_a_workbook_that_unpacks_to_gigabytes_is_not_unpacked() -> None:
    out = BytesIO()
    with ZipFile(out, "w", ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", b"")
        archive.writestr("xl/worksheets/sheet1.xml", b" " * (SETTINGS.unpacked_bytes + 1))
    with pytest.raises(Refusal, match=r"file\.too_large"):
        read_table("bomb.xlsx", out.getvalue(), SETTINGS)


def test_entities_of_a_workbook_are_not_expanded() -> None:
    bomb = b'<!DOCTYPE x [<!ENTITY a "' + b"z" * 1000 + b'">' + b"".join(
        b'<!ENTITY %c "%s">' % (98 + n, b"&%c;" % (97 + n) * 60) for n in range(6)
    ) + b"]>"  # fmt: skip
    spoilt = _replaced(
        as_xlsx(("Код ОО",), ("1",)), (b"<worksheet ", bomb + b"<worksheet "),
        (b"</sheetData>", b"<c>&g;</c></sheetData>"),
    )  # fmt: skip
    with pytest.raises(Refusal, match=r"file\.spoilt"):
        read_table("bomb.xlsx", spoilt, SETTINGS)


@pytest.mark.parametrize(
    ("word", "value"), [("Да", True), ("+", True), ("нет", False), (0, False), (True, True)]
)
def test_yes_and_no_are_read_as_people_write_them(word: Any, value: bool) -> None:
    assert read_cell(word, Column(key="x", titles=("X",), kind=Kind.YES_NO)) is value


def test_another_word_is_neither_yes_nor_no() -> None:
    with pytest.raises(BadValue, match=r"cell\.not_yes_no"):
        read_cell("может быть", Column(key="x", titles=("X",), kind=Kind.YES_NO))
