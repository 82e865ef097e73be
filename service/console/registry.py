"""The registry of schools: list, one school, a new one, closing, a district's name, files."""

from __future__ import annotations

from datetime import date

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as Redirect

from service import audit
from service.access import find_school, need_city
from service.audit import AuditAction
from service.console.context import scope, the_console
from service.console.imported_files import MEDIA_TYPES
from service.console.paging import page_of_list
from service.i18n import gettext as _
from service.i18n import ngettext
from service.models import OperatorRole, SchoolType
from service.registry import editing
from service.registry.columns import Problem, plain
from service.registry.lookup import RegistrySchool, registry_schools
from service.registry.refusals import Refusal
from service.registry.schools import COLUMNS, GROUPS
from service.registry.template import FORMS, registry_file, template
from service.registry.types import TYPES
from service.words import registry as wording

blueprint = Blueprint("registry", __name__, url_prefix="/registry")

SYSTEMS = ("state", "other", "unknown")
"""The filter ``other`` gives the list of docs/facts/indicators.md A3."""

STATES = ("open", "closed", "not_loaded")


@blueprint.get("")
def index() -> str:
    """Filters are in the address: ``district``, ``type``, ``system``, ``state``, ``text``."""
    wanted = {
        name: request.args.get(name, "")
        for name in ("district", "type", "system", "state", "text")
    }  # fmt: skip
    with the_console().transaction() as db:
        schools = registry_schools(db, scope(), at=today())
    shown = [one for one in schools if _fits(one, wanted)]
    return render_template(
        "console/registry.html",
        page=page_of_list(shown, size=100),
        wanted=wanted,
        districts=list(dict.fromkeys(one.district for one in schools)),
        types=[*SchoolType, wording.UNKNOWN_TYPE],
        systems=SYSTEMS,
        states=STATES,
        all_schools=len(schools),
        is_city=scope().role == OperatorRole.CITY,
        forms=FORMS,
    )


def today() -> date:
    console = the_console()
    return console.now().astimezone(console.application.zone).date()


def _fits(school: RegistrySchool, wanted: dict[str, str]) -> bool:
    system = {True: "state", False: "other", None: "unknown"}[school.state_system]
    states = {
        "open": school.is_open,
        "closed": not school.is_open,
        "not_loaded": school.is_open and school.last_applied_at is None,
        "": True,
    }
    text = plain(wanted["text"])
    searched = plain(f"{school.code} {school.short_name} {school.name} {school.source_system}")
    return (
        wanted["district"] in ("", school.district)
        and wanted["type"] in ("", school.type or wording.UNKNOWN_TYPE)
        and wanted["system"] in ("", system)
        and states.get(wanted["state"], False)
        and text in searched
    )


@blueprint.get("/schools.<any(xlsx, csv):form>")
def download(form: str) -> Response:
    """The schools inside, with the columns of the template. Each download is audited."""
    console = the_console()
    with console.transaction() as db:
        content = registry_file(db, scope(), form, at=today())
        audit.record(
            db, AuditAction.REGISTRY_EXPORT, at=console.now(), actor=scope().actor, format=form
        )
    return file_answer(content, f"registry-{today():%Y-%m-%d}.{form}")


@blueprint.get(
    "/template/<any(schools, platform, totals, milestones):subject>.<any(xlsx, csv):form>"
)
def empty_file(subject: str, form: str) -> Response:
    return file_answer(template(subject, form), f"{subject}.{form}")


def file_answer(content: bytes, name: str) -> Response:
    return Response(
        content,
        content_type=MEDIA_TYPES[name.rpartition(".")[2]],
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


@blueprint.get("/school/<path:code>")
def show(code: str) -> str:
    return _school_page(code)


def _school_page(code: str, problems: tuple[Problem, ...] = ()) -> str:
    mine = scope()
    with the_console().transaction() as db:
        find_school(db, mine, code)
        everything = registry_schools(db, mine, at=today())
        school = next(one for one in everything if one.code == code)
        history = editing.history(db, mine, code)
    return render_template(
        "console/registry_school.html",
        school=school,
        allowed=editing.may_change(mine),
        typed=request.form,
        problems=[wording.problem(one) for one in problems],
        columns={column.key: column for column in COLUMNS},
        groups=GROUPS,
        types=dict.fromkeys(TYPES.values()),
        history=history,
        others=[one for one in everything if one.code != code and one.is_open],
        is_city=mine.role == OperatorRole.CITY,
    )


@blueprint.post("/school/<path:code>")
def edit(code: str) -> Redirect | tuple[str, int]:
    console = the_console()
    with console.transaction() as db:
        problems = editing.edit(db, scope(), code, _form(), console.now())
    if problems:
        return _school_page(code, problems), 400
    flash(_("Saved."))
    return redirect(url_for("console.registry.show", code=code))


@blueprint.post("/close/<path:code>")
def close(code: str) -> Redirect:
    """Close, or merge into ``merged_into``."""
    console = the_console()
    try:
        on = date.fromisoformat(request.form.get("on", ""))
    except ValueError:
        flash(_("Give the last day of the school."))
        return redirect(url_for("console.registry.show", code=code))
    successor = request.form.get("merged_into", "").strip()
    try:
        with console.transaction() as db:
            editing.close(db, scope(), code, on=on, merged_into=successor, now=console.now())
    except Refusal as error:
        flash(wording.refusal(error))
    else:
        flash(_("Saved."))
    return redirect(url_for("console.registry.show", code=code))


def _form() -> dict[str, str]:
    return {name: value for name, value in request.form.items() if name != "form_token"}


@blueprint.get("/new")
def new() -> str:
    return _new_page()


def _new_page(problems: tuple[Problem, ...] = ()) -> str:
    need_city(scope())
    return render_template(
        "console/registry_new.html",
        typed=request.form,
        problems=[wording.problem(one) for one in problems],
        types=dict.fromkeys(TYPES.values()),
    )


@blueprint.post("/new")
def add() -> Redirect | tuple[str, int]:
    console = the_console()
    with console.transaction() as db:
        problems = editing.add(db, scope(), _form(), console.now())
    if problems:
        return _new_page(problems), 400
    flash(_("Saved."))
    return redirect(url_for("console.registry.show", code=request.form["code"].strip()))


@blueprint.post("/district")
def rename_district() -> Redirect:
    console = the_console()
    old, name = request.form.get("old", ""), request.form.get("name", "")
    try:
        with console.transaction() as db:
            schools, _operators = editing.rename_district(db, scope(), old, name, console.now())
    except Refusal as error:
        flash(wording.refusal(error))
    else:
        flash(ngettext("{n} school is renamed into the district.",
                       "{n} schools are renamed into the district.", schools))  # fmt: skip
    return redirect(url_for("console.registry.index"))
