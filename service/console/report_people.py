"""The people behind a number of a report: for operators who may see names, and in the audit."""

from __future__ import annotations

from flask import Blueprint, render_template, request

from service.access import Forbidden
from service.console.context import scope, the_console
from service.console.paging import page_of
from service.console.reports import the_definition, the_question
from service.reports.definition import Cell, make
from service.reports.people import column_of, may_see_names, people_behind, places_of
from service.reports.question import AskError
from service.reports.report import Kind, Report
from service.reports.tracing import note_people

PEOPLE_ON_A_PAGE = 50

blueprint = Blueprint("people", __name__)


@blueprint.get("/<name>/people")
def show(name: str) -> str:
    """The people of the line ``row`` and the column ``column``, under the filters of the report."""
    console, definition = the_console(), the_definition(name)
    if not may_see_names(scope(), console.application.settings.reports):
        raise Forbidden("person")
    cell = Cell(row=request.args.get("row", ""), column=request.args.get("column", ""))
    try:
        with console.reading() as db:
            asked = the_question(db, definition)
            report = make(db, definition, asked)
            column = column_of(report, cell.column)
            page = page_of(db, people_behind(db, definition, asked, cell), size=PEOPLE_ON_A_PAGE)
            places = places_of(db, asked.scope, page.items)
        with console.transaction() as db:
            note_people(db, asked, name, cell, len(page.items), at=console.now())
    except AskError as error:
        raise Forbidden("report") from error
    return render_template(
        "console/report_people.html",
        definition=definition,
        report=report,
        column=column,
        line=_line_in_words(report, cell.row),
        page=page,
        places=places,
        question={k: v for k, v in request.args.items() if k not in ("row", "column", "page")},
    )


def _line_in_words(report: Report, key: str) -> str:
    """The texts of the line: which district, school, class or role it is of."""
    for keys, rows in ((report.keys, report.rows), (report.total_keys, report.totals)):
        for found, row in zip(keys, rows, strict=False):
            if found == key:
                texts = (
                    column.text(value, report.zone)
                    for column, value in zip(report.columns, row, strict=True)
                    if column.kind is Kind.TEXT
                )
                return ", ".join(filter(None, texts))
    raise Forbidden("report")
