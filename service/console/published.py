"""Published reports: the list, one as it was, its files, and publishing itself."""

from __future__ import annotations

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from markupsafe import Markup
from werkzeug.wrappers import Response as Answer

from service.console.context import scope, the_console
from service.console.pages import sentence
from service.console.paging import page_of_list
from service.console.reports import GROUPS_ON_A_PAGE, as_file, the_definition, the_question
from service.i18n import gettext as _
from service.models import PublishedReport
from service.pdf import NoPdf
from service.reports import REPORTS
from service.reports.chart import to_svg
from service.reports.files import FILES
from service.reports.publishing import (
    PublishProblem,
    find_published,
    publish,
    published_reports,
    stored_report,
    versions,
)
from service.reports.question import AskError
from service.reports.report import Report
from service.reports.table import groups, in_order, searched, total_groups
from service.reports.tracing import note_published_export
from service.words import loads as wording

SHOWN = 500
"""Of the list; older ones are found through the period of the report."""

blueprint = Blueprint("published", __name__, url_prefix="/published")


@blueprint.get("")
def index() -> str:
    with the_console().transaction() as db:
        found = published_reports(db, scope(), limit=SHOWN)
    return render_template(
        "console/published.html", page=page_of_list(found, size=50), titles=_titles()
    )


@blueprint.post("")
def make() -> Answer | tuple[str, int]:
    """Publish the report ``name`` with the question of the form."""
    console = the_console()
    definition = the_definition(request.form.get("name", ""))
    try:
        with console.transaction() as db:
            asked = the_question(db, definition, request.form)
            published = publish(
                db,
                definition,
                asked,
                now=console.now(),
                by=scope().actor,
                reason=request.form.get("reason", ""),
            )
    except (AskError, PublishProblem) as error:
        return render_template("error.html", title=_("Not published"), text=str(error)), 409
    flash(_("Published: from now on this question gives these figures."))
    return redirect(url_for("console.reports.published.show", number=published.id))


@blueprint.get("/<int:number>")
def show(number: int) -> str | tuple[str, int]:
    """The figures as they were published."""
    published, report, others = _find(number)
    try:
        found = searched(report, groups(report), request.args.get("search", ""))
        if sort := request.args.get("sort", ""):
            found = in_order(report, found, sort)
    except AskError as error:
        return render_template("error.html", title=report.title, text=str(error)), 400
    return render_template(
        "console/published_report.html",
        published=published,
        report=report,
        versions=others,
        page=page_of_list(found, size=GROUPS_ON_A_PAGE),
        totals=total_groups(report),
        chart=Markup(to_svg(report.chart)) if report.chart else "",  # noqa: S704 - made by us
        files=list(FILES),
    )


@blueprint.get(f"/<int:number>.<any({', '.join(FILES)}):kind>")
def download(number: int, kind: str) -> Response | tuple[str, int]:
    """A file of it; the CSV is the one that was stored."""
    published, report, _others = _find(number, form=kind)
    try:
        data = published.csv if kind == "csv" else FILES[kind].make(report)
    except NoPdf as error:
        text = sentence(wording.no_pdf(error))
        return render_template("error.html", title=report.title, text=text), 501
    return as_file(report, kind, data)


def _find(number: int, *, form: str = "") -> tuple[PublishedReport, Report, list[PublishedReport]]:
    console = the_console()
    with console.transaction() as db:
        published = find_published(db, scope(), number)
        if form:
            note_published_export(db, scope(), published, form, at=console.now())
        # The large columns are read while there is a session.
        db.refresh(published, ["data", "csv"])
        return published, stored_report(published), list(versions(db, published))


def _titles() -> dict[str, str]:
    return {name: definition.title() for name, definition in REPORTS.items()}
