"""Files of reference data: choose one, look at what it would change, say yes or no."""

from __future__ import annotations

from datetime import date

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from service.access import need_city
from service.console.context import scope, the_console
from service.console.imported_files import uploaded_table
from service.i18n import gettext as _
from service.registry import imports
from service.registry.mappings import MappingError, load_mappings
from service.registry.refusals import Refusal
from service.registry.tables import TableError
from service.registry.template import FORMS
from service.words import registry as wording

blueprint = Blueprint("registry_imports", __name__, url_prefix="/registry/imports")

SUBJECTS = (*imports.SUBJECTS, imports.PLATFORM)
SHOWN = 500
"""Entries of each kind on the page of a preview."""


@blueprint.get("")
def index() -> str:
    return _page()


def _page(problem: str = "") -> str:
    need_city(scope())
    settings = the_console().application.settings
    try:
        mappings = load_mappings(settings.registry.mapping_dirs)
    except MappingError as error:
        mappings, problem = {}, problem or str(error)
    with the_console().transaction() as db:
        return render_template(
            "console/registry_imports.html",
            imports=imports.latest(db, scope()),
            mappings=mappings.values(),
            subjects=SUBJECTS,
            chosen=request.values.get("subject", SUBJECTS[0]),
            typed=request.form,
            max_bytes=settings.registry.file_bytes,
            problem=problem,
            forms=FORMS,
        )


@blueprint.post("")
def receive() -> Response | tuple[str, int]:
    """Read the file; nothing changes before the yes on the next page."""
    need_city(scope())
    console, subject, file = the_console(), request.form.get("subject", ""), uploaded_table()
    if subject not in SUBJECTS:
        abort(400)
    if file is None:
        return _page(_("Choose a file.")), 400
    try:
        week = _week() if subject == imports.PLATFORM else None
        with console.transaction() as db:
            received = imports.receive(
                db, console.application.settings.registry, scope=scope(), subject=subject,
                file_name=file[0], data=file[1], now=console.now(), week=week,
            )  # fmt: skip
    except TableError as error:
        return _page(wording.table_error(error)), 400
    except Refusal as error:
        return _page(wording.refusal(error)), 400
    except MappingError as error:
        return _page(str(error)), 400
    except ValueError:
        return _page(_("Say which week the figures are of.")), 400
    return redirect(url_for("console.registry_imports.show", import_id=received.id))


def _week() -> imports.WeekOfPlatform:
    """Raises ``ValueError`` without a day, ``MappingError`` when there is no such mapping."""
    mappings = load_mappings(the_console().application.settings.registry.mapping_dirs)
    name = request.form.get("mapping", "")
    if name not in mappings:
        abort(400)
    day = date.fromisoformat(request.form.get("day", ""))
    platform = request.form.get("platform", "")
    return imports.WeekOfPlatform(platform=platform, day=day, mapping=mappings[name])


@blueprint.get("/<int:import_id>")
def show(import_id: int) -> str:
    with the_console().transaction() as db:
        received = imports.find(db, import_id, scope())
        pending = received.status == "pending"
        return render_template(
            "console/registry_import.html",
            received=received,
            found=imports.preview(db, received) if pending else None,
            shown=SHOWN,
        )


@blueprint.post("/<int:import_id>/apply")
def apply(import_id: int) -> Response:
    console, digest = the_console(), request.form.get("digest", "")
    try:
        with console.transaction() as db:
            imports.apply(db, import_id, scope=scope(), digest=digest, now=console.now())
    except Refusal as error:
        flash(wording.refusal(error))
        return redirect(url_for("console.registry_imports.show", import_id=import_id))
    flash(_("The data are in the registry."))
    return redirect(url_for("console.registry_imports.show", import_id=import_id))


@blueprint.post("/<int:import_id>/reject")
def reject(import_id: int) -> Response:
    console = the_console()
    try:
        with console.transaction() as db:
            imports.reject(db, import_id, scope=scope(), now=console.now())
    except Refusal as error:
        flash(wording.refusal(error))
    else:
        flash(_("The file is rejected. Nothing was changed."))
    return redirect(url_for("console.registry_imports.index"))
