"""Reports as pages and files; their filters are in the address, so an address is a report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from flask import Blueprint, Response, render_template, request, url_for
from markupsafe import Markup
from sqlalchemy import select
from sqlalchemy.orm import Session

from service.access import Forbidden
from service.console.context import scope, the_console
from service.console.pages import sentence
from service.console.paging import Page, page_of_list
from service.i18n import gettext as _
from service.models import School
from service.ordering import natural
from service.pdf import NoPdf
from service.reports import REPORTS
from service.reports.chart import to_svg
from service.reports.definition import Definition, Level, ask
from service.reports.files import FILES, file_name
from service.reports.grouping import schools_in_order
from service.reports.people import leads_to_people, may_see_names
from service.reports.printing import STYLE, to_page
from service.reports.publishing import Answer, answer
from service.reports.question import AskError, Question
from service.reports.report import Report
from service.reports.table import groups, in_order, searched, total_groups
from service.reports.tracing import note_export
from service.words import loads as wording

GROUPS_ON_A_PAGE = 100
SCHOOLS_ON_A_PAGE = 4
"""Of a report by class."""

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
        asked, given, schools = _answer_page(definition)
        report = given.report
        found = searched(report, groups(report), request.args.get("search", ""))
        if sort := request.args.get("sort", ""):
            found = in_order(report, found, sort)
    except (AskError, Forbidden) as error:
        return _asked_again(definition, error)
    settings = the_console().application.settings.reports
    return _page(
        definition,
        asked=asked,
        report=report,
        published=given.published,
        live=_live(),
        differs=given.differs,
        page=replace(schools, items=found)
        if schools
        else page_of_list(found, size=GROUPS_ON_A_PAGE),
        pages_of_schools=schools is not None,
        totals=total_groups(report),
        chart=Markup(to_svg(report.chart)) if report.chart else "",  # noqa: S704 - made by us
        files=list(FILES),
        # What is frozen may be of other people than those of now.
        names_shown=may_see_names(scope(), settings)
        and not asked.publish
        and (_live() or given.published is None),
        leads_to_people=leads_to_people,
    )


@blueprint.get("/<name>/print")
def print_view(name: str) -> str | tuple[str, int]:
    """All rows on one page for the printer."""
    definition = the_definition(name)
    try:
        report = _answer(definition, form="print")[1].report
    except (AskError, Forbidden) as error:
        return _asked_again(definition, error)
    return to_page(report, style_address=url_for("static", filename=STYLE))


@blueprint.get(f"/<name>.<any({', '.join(FILES)}):kind>")
def download(name: str, kind: str) -> Response | tuple[str, int]:
    """The same figures as a file."""
    definition = the_definition(name)
    try:
        report = _answer(definition, form=kind)[1].report
        data = FILES[kind].make(report)
    except (AskError, Forbidden) as error:
        return _asked_again(definition, error)
    except NoPdf as error:
        return _page(definition, problem=sentence(wording.no_pdf(error))), 501
    return as_file(report, kind, data)


def as_file(report: Report, kind: str, data: bytes) -> Response:
    """What the browser saves."""
    return Response(
        data,
        content_type=FILES[kind].media_type,
        headers={"Content-Disposition": f'attachment; filename="{file_name(report, kind)}"'},
    )


def the_definition(name: str) -> Definition:
    """Raises ``Forbidden`` for a report that is not there."""
    if name not in REPORTS:
        raise Forbidden("report")
    return REPORTS[name]


def the_question(
    db: Session, definition: Definition, given: Mapping[str, str] | None = None
) -> Question:
    """What the address asks, or the form ``given``. Raises ``AskError`` and ``Forbidden``."""
    console = the_console()
    return ask(
        db,
        definition,
        request.args if given is None else given,
        scope=scope(),
        zone=console.application.zone,
        now=console.now(),
        settings=console.application.settings.reports,
    )


def _answer(definition: Definition, *, form: str = "") -> tuple[Question, Answer]:
    """The answer; taking it out of the console in some ``form`` is written to the audit."""
    with the_console().reading() as db:
        asked = the_question(db, definition)
        given = answer(db, definition, asked, live=_live())
    if form:
        with the_console().transaction() as db:
            note_export(db, asked, given.report, form, at=the_console().now())
    return asked, given


def _answer_page(definition: Definition) -> tuple[Question, Answer, Page[Any] | None]:
    """The answer for one page. Classes of many schools are paged by school, and only those of the
    page are counted, unless their order or the words looked for hang on all of them."""
    with the_console().reading() as db:
        asked = the_question(db, definition)
        schools = None
        whole = request.args.get("search") or request.args.get("sort")
        if asked.by == Level.CLASS and not (whole or asked.publish or asked.compare):
            codes = [school.code for school in schools_in_order(db, asked.scope)]
            schools = page_of_list(codes, size=SCHOOLS_ON_A_PAGE)
        shown = asked.scope.of_schools(schools.items) if schools else None
        given = answer(db, definition, asked, live=_live(), shown=shown)
    return asked, given, None if given.published else schools


def _live() -> bool:
    """Figures of now are wanted, even of what is published."""
    return request.args.get("live") == "1"


def _asked_again(definition: Definition, error: AskError | Forbidden) -> tuple[str, int]:
    """The filters as they were given, and what makes no sense in them."""
    if isinstance(error, AskError):
        return _page(definition, problem=str(error)), 400
    given = request.args.get("district", ""), request.args.get("school", "")
    text = (
        _("There is no school with this code in this district, or it is none of yours.")
        if all(given)
        else _("There is no school with this code among yours.")
        if given[1]
        else _("There is no such district among yours.")
    )
    return _page(definition, problem=text), 404


def _page(definition: Definition, **parts: Any) -> str:
    with the_console().transaction() as db:
        districts = db.scalars(select(School.district).where(scope().schools()).distinct()).all()
    settings = the_console().application.settings.reports
    asked: Question | None = parts.get("asked")
    given = {
        one.name: request.args.get(one.name) or one.usual(settings) for one in definition.options
    }
    shown_only = ("search", "sort", "page", "name")
    question = {key: value for key, value in request.args.items() if key not in shown_only}
    return render_template(
        "console/report.html",
        definition=definition,
        districts=sorted(districts, key=natural),
        question={**question, "name": definition.name},
        options_shown=asked.options if asked else given,
        **parts,
    )
