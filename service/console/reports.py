"""Reports as pages and files; their filters are in the address, so an address is a report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from flask import Blueprint, render_template, request, url_for
from markupsafe import Markup
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from service.access import Forbidden
from service.console.context import now, reading, scope, settings, the_console, transaction
from service.console.forms import file_answer, refused_on, said
from service.console.navigation import Part
from service.console.paging import Page, page_of, page_of_list
from service.i18n import N_
from service.i18n import gettext as _
from service.models import School
from service.ordering import natural
from service.problems import AskError, Problem
from service.reports import REPORTS
from service.reports.chart import to_svg
from service.reports.definition import Cell, Definition, Level, ask, make
from service.reports.export import FILES, file_name
from service.reports.grouping import schools_in_order
from service.reports.people import (
    column_of,
    leads_to_people,
    may_see_names,
    people_behind,
    places_of,
)
from service.reports.printing import STYLE, to_page
from service.reports.publishing import Answer, answer
from service.reports.question import Question
from service.reports.report import Kind, Report
from service.reports.table import Group, groups, in_order, searched, total_groups
from service.reports.tracing import note_export, note_people

GROUPS_ON_A_PAGE = 100
SCHOOLS_ON_A_PAGE = 4
"""Of a report by class."""
PEOPLE_ON_A_PAGE = 50

blueprint = Blueprint("reports", __name__, url_prefix="/reports")
PARTS = (Part(N_("All reports"), "console.reports.index"),)


def _asked_again(name: str, problem: Problem, **_values: Any) -> str:
    """The filters as they were given, and what makes no sense in them."""
    return _page(
        the_definition(name), problem=_no_place() if problem.code == "school" else said(problem)
    )


def _no_place() -> str:
    district, school = request.args.get("district", ""), request.args.get("school", "")
    if district and school:
        return _("There is no school with this code in this district, or it is none of yours.")
    if school:
        return _("There is no school with this code among yours.")
    return _("There is no such district among yours.")


def _page(definition: Definition, **parts: Any) -> str:
    with transaction() as db:
        districts = db.scalars(select(School.district).where(scope().schools()).distinct()).all()
    asked: Question | None = parts.get("asked")
    given = {
        one.name: request.args.get(one.name) or one.usual(settings().reports)
        for one in definition.options
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


@blueprint.get("/")
def index() -> str:
    """All reports, with what each answers."""
    return render_template("console/reports.html", definitions=REPORTS.values())


@blueprint.get("/<name>")
@refused_on(_asked_again, school="school")
def show(name: str) -> str:
    """The report with the filters of the address. A question without sense is explained."""
    definition = the_definition(name)
    asked, given, schools = _answer_page(definition)
    report, found = given.report, shown_groups(given.report)
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
        chart=drawn(report),
        files=list(FILES),
        # What is frozen may be of other people than those of now.
        names_shown=may_see_names(scope(), settings().reports)
        and not asked.publish
        and (_live() or given.published is None),
        leads_to_people=leads_to_people,
    )


@blueprint.get("/<name>/print")
@refused_on(_asked_again, school="school")
def print_view(name: str) -> str:
    """All rows on one page for the printer."""
    report = _answer(the_definition(name), form="print")
    return to_page(report, style_address=url_for("static", filename=STYLE))


@blueprint.get(f"/<name>.<any({', '.join(FILES)}):kind>")
@refused_on(_asked_again, school="school")
def download(name: str, kind: str) -> Response:
    """The same figures as a file."""
    report = _answer(the_definition(name), form=kind)
    return file_answer(FILES[kind].make(report), file_name(report, kind))


@blueprint.get("/<name>/people")
def people(name: str) -> str:
    """The people of the line ``row`` and the column ``column``, under the filters of the report."""
    definition = the_definition(name)
    if not may_see_names(scope(), settings().reports):
        raise Forbidden("person")
    cell = Cell(row=request.args.get("row", ""), column=request.args.get("column", ""))
    try:
        with reading() as db:
            asked = the_question(db, definition)
            report = make(db, definition, asked)
            column = column_of(report, cell.column)
            page = page_of(db, people_behind(db, definition, asked, cell), size=PEOPLE_ON_A_PAGE)
            places = places_of(db, asked.scope, page.items)
        with transaction() as db:
            note_people(db, asked, name, cell, len(page.items), at=now())
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


def shown_groups(report: Report) -> list[Group]:
    """Return the groups that are searched for, in the order asked for. Raises ``AskError``."""
    found = searched(report, groups(report), request.args.get("search", ""))
    sort = request.args.get("sort", "")
    return in_order(report, found, sort) if sort else found


def drawn(report: Report) -> Markup | str:
    return Markup(to_svg(report.chart)) if report.chart else ""  # noqa: S704 - made by us


def the_definition(name: str) -> Definition:
    """Raises ``Forbidden`` for a report that is not there."""
    if name not in REPORTS:
        raise Forbidden("report")
    return REPORTS[name]


def the_question(
    db: Session, definition: Definition, given: Mapping[str, str] | None = None
) -> Question:
    """What the address asks, or the form ``given``. Raises ``AskError`` and ``Forbidden``."""
    return ask(
        db, definition, request.args if given is None else given, scope=scope(),
        zone=the_console().application.zone, now=now(), settings=settings().reports,
    )  # fmt: skip


def _answer(definition: Definition, *, form: str) -> Report:
    """The report to be taken out of the console in some ``form``, which is written to the audit."""
    with reading() as db:
        asked = the_question(db, definition)
        report = answer(db, definition, asked, live=_live()).report
    with transaction() as db:
        note_export(db, asked, report, form, at=now())
    return report


def _answer_page(definition: Definition) -> tuple[Question, Answer, Page[Any] | None]:
    """The answer for one page. Classes of many schools are paged by school, and only those of the
    page are counted, unless their order or the words looked for hang on all of them."""
    with reading() as db:
        asked = the_question(db, definition)
        schools = None
        whole = request.args.get("search") or request.args.get("sort")
        if asked.by == Level.CLASS and not (whole or asked.publish or asked.compare):
            codes = [school.code for school in schools_in_order(db, asked.scope)]
            schools = page_of_list(codes, size=SCHOOLS_ON_A_PAGE)
        shown = asked.scope.of_schools(schools.items) if schools else None
        given = answer(db, definition, asked, live=_live(), shown=shown)
    return asked, given, None if given.published else schools


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


def _live() -> bool:
    """Figures of now are wanted, even of what is published."""
    return request.args.get("live") == "1"
