"""Files of reference data: choose one, look at what it would change, say yes or no."""

from __future__ import annotations

from flask import Blueprint, abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from service.console.context import now, only_for_the_city, scope, settings, transaction
from service.console.forms import back_to, done, refused_on, said, typed_day
from service.console.navigation import Part
from service.i18n import N_
from service.i18n import gettext as _
from service.problems import Problem
from service.registry import imports
from service.registry.mappings import MappingError, load_mappings
from service.registry.template import FORMS

blueprint = Blueprint("registry_imports", __name__, url_prefix="/registry/imports")
PARTS = (Part(N_("Files"), "console.registry_imports.index", for_city=True),)
blueprint.before_request(only_for_the_city)

SUBJECTS = (*imports.SUBJECTS, imports.PLATFORM)
SHOWN = 500
"""Entries of each kind on the page of a preview."""


@blueprint.get("")
def index(problem: Problem | None = None, text: str = "") -> str:
    try:
        mappings = load_mappings(settings().registry.mapping_dirs)
    except MappingError as error:
        mappings, problem = {}, problem or error
    with transaction() as db:
        return render_template(
            "console/registry_imports.html",
            imports=imports.latest(db, scope()),
            mappings=mappings.values(),
            subjects=SUBJECTS,
            chosen=request.values.get("subject", SUBJECTS[0]),
            typed=request.form,
            max_bytes=settings().registry.file_bytes,
            problem=text or said(problem),
            forms=FORMS,
        )


@blueprint.post("")
@refused_on(index)
def receive() -> Response | tuple[str, int]:
    """Read the file; nothing changes before the yes on the next page."""
    subject, file = request.form.get("subject", ""), request.files.get("file")
    if subject not in SUBJECTS:
        abort(400)
    if file is None or not file.filename:
        return index(text=_("Choose a file.")), 400
    week = None
    if subject == imports.PLATFORM:
        mapping = load_mappings(settings().registry.mapping_dirs).get(
            request.form.get("mapping", "")
        )
        day = typed_day("day")
        if mapping is None:
            abort(400)
        if day is None:
            return index(text=_("Say which week the figures are of.")), 400
        platform = request.form.get("platform", "")
        week = imports.WeekOfPlatform(platform=platform, day=day, mapping=mapping)
    # One byte more than allowed is enough to say that it is too large.
    data = file.stream.read(settings().registry.file_bytes + 1)
    with transaction() as db:
        received = imports.receive(
            db, settings().registry, scope=scope(), subject=subject, file_name=file.filename,
            data=data, now=now(), week=week,
        )  # fmt: skip
    return redirect(url_for("console.registry_imports.show", import_id=received.id))


@blueprint.get("/<int:import_id>")
def show(import_id: int) -> str:
    with transaction() as db:
        received = imports.find(db, import_id, scope())
        pending = received.status == "pending"
        return render_template(
            "console/registry_import.html",
            received=received,
            found=imports.preview(db, received) if pending else None,
            shown=SHOWN,
        )


@blueprint.post("/<int:import_id>/apply")
@refused_on(back_to("console.registry_imports.show"))
def apply(import_id: int) -> Response:
    with transaction() as db:
        digest = request.form.get("digest", "")
        imports.apply(db, import_id, scope=scope(), digest=digest, now=now())
    return done(_("The data are in the registry."), "console.registry_imports.show")


@blueprint.post("/<int:import_id>/reject")
@refused_on(back_to("console.registry_imports.index"))
def reject(import_id: int) -> Response:
    with transaction() as db:
        imports.reject(db, import_id, scope=scope(), now=now())
    text = _("The file is rejected. Nothing was changed.")
    return done(text, "console.registry_imports.index")
