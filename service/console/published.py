"""Published reports: the list, one as it was, its files, and publishing itself."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, render_template, request
from werkzeug.wrappers import Response

from service.console.context import now, scope, transaction
from service.console.forms import done, file_answer, refused_on, said
from service.console.navigation import Part
from service.console.paging import page_of_list
from service.console.reports import (
    GROUPS_ON_A_PAGE,
    drawn,
    shown_groups,
    the_definition,
    the_question,
)
from service.i18n import N_
from service.i18n import gettext as _
from service.models import PublishedReport
from service.problems import Problem
from service.reports import REPORTS
from service.reports.export import FILES, file_name
from service.reports.publishing import (
    find_published,
    publish,
    published_reports,
    versions,
)
from service.reports.report import Report
from service.reports.stored import from_data
from service.reports.table import total_groups
from service.reports.tracing import note_published_export

SHOWN = 500
"""Of the list; older ones are found through the period of the report."""

blueprint = Blueprint("published", __name__, url_prefix="/published")
PARTS = (Part(N_("Published reports"), "console.reports.published.index"),)


def _find(number: int, *, form: str = "") -> tuple[PublishedReport, Report, list[PublishedReport]]:
    with transaction() as db:
        published = find_published(db, scope(), number)
        if form:
            note_published_export(db, scope(), published, form, at=now())
        # The large columns are read while there is a session.
        db.refresh(published, ["data", "csv"])
        return published, from_data(published.data), list(versions(db, published))


def _not_published(problem: Problem) -> tuple[str, int]:
    return render_template("error.html", title=_("Not published"), text=said(problem)), 409


def _not_shown(number: int, problem: Problem, **_values: Any) -> str:
    return render_template("error.html", title=_find(number)[1].title, text=said(problem))


@blueprint.get("")
def index() -> str:
    with transaction() as db:
        found = published_reports(db, scope(), limit=SHOWN)
    titles = {name: definition.title() for name, definition in REPORTS.items()}
    return render_template(
        "console/published.html", page=page_of_list(found, size=50), titles=titles
    )


@blueprint.post("")
@refused_on(_not_published)
def make() -> Response:
    """Publish the report ``name`` with the question of the form."""
    definition = the_definition(request.form.get("name", ""))
    with transaction() as db:
        asked, reason = the_question(db, definition, request.form), request.form.get("reason", "")
        published = publish(db, definition, asked, now=now(), by=scope().actor, reason=reason)
    text = _("Published: from now on this question gives these figures.")
    return done(text, "console.reports.published.show", number=published.id)


@blueprint.get("/<int:number>")
@refused_on(_not_shown)
def show(number: int) -> str:
    """The figures as they were published."""
    published, report, others = _find(number)
    return render_template(
        "console/published_report.html",
        published=published,
        report=report,
        versions=others,
        page=page_of_list(shown_groups(report), size=GROUPS_ON_A_PAGE),
        totals=total_groups(report),
        chart=drawn(report),
        files=list(FILES),
    )


@blueprint.get(f"/<int:number>.<any({', '.join(FILES)}):kind>")
@refused_on(_not_shown)
def download(number: int, kind: str) -> Response:
    """A file of it; the CSV is the one that was stored."""
    published, report, _others = _find(number, form=kind)
    data = published.csv if kind == "csv" else FILES[kind].make(report)
    return file_answer(data, file_name(report, kind))
