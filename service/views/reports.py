"""Reports as pages and files; their filters are in the address, so an address is a report."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from flask import Blueprint, Response, render_template, request
from sqlalchemy.orm import Session

from service.access import Forbidden
from service.reports import REPORTS
from service.reports.asked import Asked, AskError
from service.reports.definition import Definition, ask, make
from service.reports.files import FILES, file_name
from service.reports.report import Report, Row
from service.reports.tracing import note_export
from service.views.context import scope, the_console

blueprint = Blueprint("reports", __name__, url_prefix="/reports")


@blueprint.get("/")
def index() -> str:
    """All reports, with what each answers."""
    return render_template("console/reports.html", definitions=REPORTS.values())


@blueprint.get("/<name>")
def show(name: str) -> str | tuple[str, int]:
    """The report with the filters of the address. A question without sense is explained."""
    definition = the_definition(name)
    try:
        with the_console().transaction() as db:
            asked = the_question(db, definition)
            report = make(db, definition, asked)
    except AskError as error:
        return _problem(definition, error), 400
    return render_template(
        "console/report.html",
        definition=definition,
        asked=asked,
        report=report,
        units=list(_units(report, report.rows)),
        totals=list(_units(report, report.totals)),
        files=list(FILES),
    )


@blueprint.get("/<name>.<any(csv, xlsx, json):kind>")
def download(name: str, kind: str) -> Response | tuple[str, int]:
    """The same figures as a file."""
    definition = the_definition(name)
    try:
        with the_console().transaction() as db:
            asked = the_question(db, definition)
            report = make(db, definition, asked)
            note_export(db, asked, report, kind, at=the_console().now())
    except AskError as error:
        return _problem(definition, error), 400
    return Response(
        FILES[kind].make(report),
        content_type=FILES[kind].media_type,
        headers={"Content-Disposition": f'attachment; filename="{file_name(report, kind)}"'},
    )


def the_definition(name: str) -> Definition:
    """Raises ``Forbidden`` for a report that is not there."""
    if name not in REPORTS:
        raise Forbidden("report")
    return REPORTS[name]


def the_question(db: Session, definition: Definition) -> Asked:
    """What the address asks. Raises ``AskError`` and ``Forbidden``."""
    console = the_console()
    return ask(
        db,
        definition,
        request.args,
        scope=scope(),
        zone=console.application.zone,
        now=console.now(),
        settings=console.application.settings.reports,
    )


def _problem(definition: Definition, error: AskError) -> str:
    return render_template("console/report.html", definition=definition, problem=str(error))


def _units(report: Report, rows: tuple[Row, ...]) -> Iterator[tuple[Row, list[Row]]]:
    """The merged cells of each group of rows, and what is left of its lines."""
    if not report.merged:
        yield from (((), [row]) for row in rows)
        return
    for cells, group in groupby(rows, key=lambda row: row[: report.merged]):
        lines = [line[report.merged :] for line in group]
        # Without any load there is nothing to tell apart by role: one line says "no data".
        known = any(value is not None for line in lines for value in line[1:])
        yield cells, lines if known else lines[:1]
