"""A report as a file or as text: CSV, XLSX, JSON, PDF and a plain table."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from io import BytesIO
from typing import Any, NamedTuple

import xlsxwriter

from service.i18n import gettext as _
from service.reports.printing import to_pdf
from service.reports.report import Column, Kind, Report, Row, Value
from service.spreadsheet import csv_file

_WIDEST_TEXT = 40
"""Characters of a text column in a plain table and on a sheet."""

_LINE_WIDTH = 100
"""Characters of a line of the header in a plain table."""

_A4 = 9
"""Paper number in XLSX files."""


def to_csv(report: Report) -> bytes:
    """Return column titles, rows and totals for a spreadsheet, with decimal commas.

    Without the header of the report, so that the same figures give the same bytes.
    """
    return csv_file(
        (column.title for column in report.columns),
        (
            (
                _csv_text(column, value, report)
                for column, value in zip(report.columns, row, strict=True)
            )
            for row in (*report.rows, *report.totals)
        ),
    )


def _csv_text(column: Column, value: Value, report: Report) -> str:
    text = column.text(value, report.zone)
    if column.kind is Kind.SHARE and value is not None:
        return text.replace(" ", "").replace(".", ",")
    return text


def to_json(report: Report) -> str:
    """Everything, with stable keys: shares from 0 to 1, moments in ISO 8601, absent as null."""
    period = report.period
    fresh = report.freshness
    data: dict[str, Any] = {
        "report": report.name,
        "title": report.title,
        "definition": report.definition,
        "method": report.version,
        "period": {"from": period.first, "to": period.last} if period else None,
        "preliminary": report.preliminary,
        "time_zone": report.zone.key,
        "cut_off": report.cut_off,
        "built_at": report.built_at,
        "built_by": report.built_by,
        "school_rolls": {
            "schools": fresh.schools,
            "loaded": fresh.loaded,
            "oldest_load": fresh.oldest,
            "newest_load": fresh.newest,
        },
        "columns": [
            {"key": column.key, "title": column.title, "kind": column.kind}
            for column in report.columns
        ],
        "rows": _as_objects(report, report.rows),
        "totals": _as_objects(report, report.totals),
    }
    return json.dumps(data, ensure_ascii=False, indent=2, default=lambda moment: moment.isoformat())


def _as_objects(report: Report, rows: Iterable[Row]) -> list[dict[str, Value]]:
    keys = [column.key for column in report.columns]
    return [
        {key: None if value == "" else value for key, value in zip(keys, row, strict=True)}
        for row in rows
    ]


def to_table(report: Report) -> str:
    """The report as lines of text for a terminal."""
    lines = [
        textwrap.fill(f"{label}: {_printable(text)}", _LINE_WIDTH, subsequent_indent="    ")
        for label, text in report.header()
    ]
    body = [_table_cells(report, row) for row in report.rows]
    totals = [_table_cells(report, row) for row in report.totals]
    # A period may be broken after its dash: it would make the widest columns of all.
    words = [column.title.replace("–", "– ").split() for column in report.columns]
    widths = [
        max(len(text) for text in (*(cells[i] for cells in (*body, *totals)), *words[i]))
        for i in range(len(words))
    ]
    titles = [
        textwrap.wrap(" ".join(title), width) for title, width in zip(words, widths, strict=True)
    ]
    height = max(len(title) for title in titles)
    head = [[title[i] if i < len(title) else "" for title in titles] for i in range(height)]
    rule = "  ".join("-" * width for width in widths)

    def line(cells: list[str]) -> str:
        return "  ".join(
            cell.ljust(width) if column.kind is Kind.TEXT else cell.rjust(width)
            for cell, width, column in zip(cells, widths, report.columns, strict=True)
        ).rstrip()

    lines += ["", *map(line, head), rule, *map(line, body), rule, *map(line, totals)]
    return "\n".join(lines) + "\n"


def _table_cells(report: Report, row: Row) -> list[str]:
    texts = (
        _printable(column.text(value, report.zone))
        for column, value in zip(report.columns, row, strict=True)
    )
    return [text if len(text) <= _WIDEST_TEXT else text[: _WIDEST_TEXT - 1] + "…" for text in texts]


def _printable(text: str) -> str:
    """Names come from files: a terminal must not obey them."""
    return "".join(character if character.isprintable() else " " for character in text)


def to_xlsx(report: Report) -> bytes:
    """A workbook: the table with real numbers, its title row frozen and repeated in print, and a
    second sheet with the header of the report.
    """
    out = BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True}) as book:
        book.set_properties(
            {"title": report.title, "created": report.built_at.replace(tzinfo=None)}
        )
        _fill_table(book, report)
        _fill_header(book, report)
    return out.getvalue()


def _fill_table(book: Any, report: Report) -> None:
    sheet = book.add_worksheet(_("Data"))
    title = {"bold": True, "text_wrap": True, "valign": "top", "border": 1, "bg_color": "#E7EEF7"}
    title_format = book.add_format(title)
    lines = (*report.rows, *report.totals)
    for i, column in enumerate(report.columns):
        sheet.write_string(0, i, column.title, title_format)
        cells = (len(column.text(row[i], report.zone)) for row in lines)
        longest_word = max(map(len, column.title.split()))
        sheet.set_column(i, i, 2 + min(_WIDEST_TEXT, max([longest_word, *cells])))
        look, total_look = _cell_formats(book, column, {}), _cell_formats(book, column, _TOTAL)
        for number, row in enumerate(lines, start=1):
            chosen = look if number <= len(report.rows) else total_look
            _write_cell(sheet, number, i, column, row[i], report, *chosen)
    sheet.freeze_panes(1, 0)
    sheet.repeat_rows(0)
    sheet.autofilter(0, 0, max(1, len(report.rows)), len(report.columns) - 1)
    sheet.set_landscape()
    sheet.set_paper(_A4)
    sheet.fit_to_pages(1, 0)
    period = str(report.period or "")
    sheet.set_header("&L" + f"{report.title}. {period}"[:200].replace("&", "&&"))
    sheet.set_footer("&R&P / &N")


_TOTAL = {"bold": True, "top": 1, "bg_color": "#F3F3F3"}
_NUMBERS = {Kind.INTEGER: "#,##0", Kind.SHARE: "0.0%", Kind.MOMENT: "dd.mm.yyyy hh:mm"}


def _cell_formats(book: Any, column: Column, look: dict[str, Any]) -> tuple[Any, Any]:
    """For a value of the column and for its absence."""
    form = {"num_format": _NUMBERS[column.kind]} if column.kind in _NUMBERS else {}
    absent = look | {"align": "right", "italic": True, "font_color": "#767676"}
    return book.add_format(look | form), book.add_format(absent)


def _write_cell(
    sheet: Any, row: int, i: int, column: Column, value: Value, report: Report, form: Any, no: Any
) -> None:
    if value is None:
        sheet.write_string(row, i, column.absent, no)
    elif isinstance(value, datetime):
        # Spreadsheets know no zones: the moment is written as the clock of the report showed it.
        sheet.write_datetime(row, i, value.astimezone(report.zone).replace(tzinfo=None), form)
    elif isinstance(value, str):
        # As text whatever it says: a name that begins with "=" is a name.
        sheet.write_string(row, i, column.text(value, report.zone), form)
    else:
        sheet.write_number(row, i, value, form)


def _fill_header(book: Any, report: Report) -> None:
    sheet = book.add_worksheet(_("About the report"))
    label_format = book.add_format({"bold": True, "valign": "top"})
    text_format = book.add_format({"text_wrap": True, "valign": "top"})
    sheet.set_column(0, 0, 32)
    sheet.set_column(1, 1, 90)
    for row, (label, text) in enumerate(report.header()):
        sheet.write_string(row, 0, label, label_format)
        sheet.write_string(row, 1, text, text_format)


class FileKind(NamedTuple):
    media_type: str
    make: Callable[[Report], bytes]


FILES: Mapping[str, FileKind] = {
    "xlsx": FileKind("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", to_xlsx),
    "csv": FileKind("text/csv; charset=utf-8", to_csv),
    "pdf": FileKind("application/pdf", to_pdf),
    "json": FileKind("application/json", lambda report: to_json(report).encode()),
}
"""By the ending of the file's name, in the order of the buttons on a page."""


def file_name(report: Report, ending: str) -> str:
    """Such as ``coverage-2026-11-20.csv``: the report and the day of its cut-off."""
    return f"{report.name}-{report.cut_off.astimezone(report.zone):%Y-%m-%d}.{ending}"
