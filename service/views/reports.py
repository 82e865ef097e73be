"""Reports as pages and files; their filters are in the address, so an address is a report."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import groupby

from flask import Blueprint, Response, render_template, request

from service.access import Forbidden
from service.i18n import gettext as _
from service.reports import REPORTS
from service.reports.counting import Level
from service.reports.export import to_csv, to_json, to_xlsx
from service.reports.period import PeriodError, parse_period
from service.reports.report import Report, Row
from service.views.context import scope, the_console

blueprint = Blueprint("reports", __name__, url_prefix="/reports")

FILES: Mapping[str, tuple[Callable[[Report], bytes | str], str]] = {
    "csv": (to_csv, "text/csv; charset=utf-8"),
    "xlsx": (to_xlsx, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    "json": (to_json, "application/json"),
}


@blueprint.get("/<name>")
def show(name: str) -> str | tuple[str, int]:
    """The report with ``by``, ``from`` and ``to`` of the address. Wrong dates are explained."""
    try:
        report, problem = _report(name), ""
    except PeriodError as error:
        report, problem = None, str(error)
    page = render_template(
        "console/report.html",
        name=name,
        report=report,
        problem=problem,
        units=list(_units(report)) if report else [],
        totals=list(_units(report, totals=True)) if report else [],
        levels=[
            (Level.DISTRICT, _("by district")),
            (Level.SCHOOL, _("by school")),
            (Level.CLASS, _("by class")),
        ],
        by=_level(),
        files=list(FILES),
    )
    return (page, 400) if problem else page


@blueprint.get("/<name>.<any(csv, xlsx, json):kind>")
def download(name: str, kind: str) -> Response | str | tuple[str, int]:
    """The same figures as a file."""
    try:
        report = _report(name)
    except PeriodError:
        return show(name)
    make, media_type = FILES[kind]
    file_name = f"{name}-{report.cut_off.astimezone(report.zone):%Y-%m-%d}.{kind}"
    return Response(
        make(report),
        content_type=media_type,
        headers={"Content-Disposition": f'attachment; filename="{file_name}"'},
    )


def _report(name: str) -> Report:
    if name not in REPORTS:
        raise Forbidden
    period = parse_period(request.args.get("from"), request.args.get("to"))
    console = the_console()
    with console.transaction() as db:
        return REPORTS[name](
            db,
            scope=scope(),
            by=_level(),
            period=period,
            zone=console.application.zone,
            now=console.now(),
        )


def _level() -> Level:
    asked = request.args.get("by", "")
    return Level(asked) if asked in list(Level) else Level.SCHOOL


def _units(report: Report, *, totals: bool = False) -> Iterator[tuple[Row, list[Row]]]:
    """The cells of each district, school or class, and its lines per role."""
    place = [column.key for column in report.columns].index("role")
    rows = report.totals if totals else report.rows
    for cells, group in groupby(rows, key=lambda row: row[:place]):
        lines = [line[place:] for line in group]
        # Without any load there is nothing to tell apart by role: one line says "no data".
        known = any(value is not None for line in lines for value in line[1:])
        yield cells, lines if known else lines[:1]
