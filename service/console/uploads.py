"""Uploading: several files or one archive, for one school or for all that the files name."""

from __future__ import annotations

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.datastructures import FileStorage
from werkzeug.wrappers import Response

from service.access import Scope
from service.console.context import now, own_schools, scope, settings, the_console, transaction
from service.console.forms import refused_on, said, typed
from service.console.navigation import Part
from service.i18n import N_
from service.i18n import gettext as _
from service.loads import operations
from service.models import OperatorRole, School
from service.problems import Problem

blueprint = Blueprint("uploads", __name__, url_prefix="/upload")
PARTS = (Part(N_("New load"), "console.uploads.form"),)

MAX_NAME_LENGTH = 120
"""In characters: the longest Cyrillic name still fits the 255 bytes of a file system."""


@blueprint.get("")
def form(problem: Problem | None = None, text: str = "") -> str:
    mine = scope()
    with transaction() as db:
        schools = own_schools(db)
    has_one = mine.role == OperatorRole.SCHOOL and len(mine.items) == 1
    text = text or said(problem)
    return render_template(
        "console/upload.html",
        schools=schools,
        only_school=next(iter(mine.items)) if has_one else "",
        max_bytes=settings().reading.limits.total_bytes,
        problem=text,
        school=request.form.get("school", "") if text else "",
    )


@blueprint.post("")
@refused_on(form)
def receive() -> Response | tuple[str, int]:
    """Store the files under a new load and let the worker read them."""
    mine, school, home = scope(), typed("school"), settings().home
    files = [file for file in request.files.getlist("files") if file.filename]
    if not files:
        return form(text=_("Choose at least one file.")), 400
    if school and not _may_load(mine, school):
        return form(text=_("There is no school with this code among yours.")), 400
    with TemporaryDirectory(dir=home, prefix="upload-") as folder:
        paths = [_store(file, Path(folder) / str(n)) for n, file in enumerate(files)]
        with transaction() as db:
            load = operations.receive(
                db, home=home, paths=paths, scope=mine, expected_school=school, now=now()
            )
            number = load.id
    the_console().queue.plan_load(number)
    return redirect(url_for("console.loads.show", load_id=number))


def _store(file: FileStorage, path: Path) -> tuple[str, Path]:
    """Write the upload to disk; return the name the user knows and where it lies."""
    with path.open("wb") as target:
        shutil.copyfileobj(file.stream, target)
    return clean_name(file.filename or ""), path


def clean_name(name: str) -> str:
    """Return the last part of the browser's name, printable and short; its ending is kept."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    printable = "".join(letter for letter in last if letter.isprintable()).strip(". ")
    return printable[-MAX_NAME_LENGTH:] or "file.xml"


def _may_load(mine: Scope, code: str) -> bool:
    if mine.role == OperatorRole.SCHOOL:
        return code in mine.items
    with transaction() as db:
        return mine.sees(db.get(School, code))
