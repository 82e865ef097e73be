"""Uploading: several files or one archive, for one school or for all that the files name."""

from __future__ import annotations

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

from flask import Blueprint, redirect, render_template, request, url_for
from sqlalchemy import select
from werkzeug.datastructures import FileStorage
from werkzeug.wrappers import Response

from service.access import Scope
from service.console.context import scope, the_console
from service.console.pages import sentence
from service.i18n import gettext as _
from service.loads import operations
from service.models import OperatorRole, School
from service.words import loads as wording

blueprint = Blueprint("uploads", __name__, url_prefix="/upload")

MAX_NAME_LENGTH = 120
"""In characters: the longest Cyrillic name still fits the 255 bytes of a file system."""


@blueprint.get("")
def form() -> str:
    return _page()


@blueprint.errorhandler(operations.LoadProblem)
def _refused(problem: operations.LoadProblem) -> tuple[str, int]:
    return _page(problem=sentence(wording.load_problem(problem))), 409


@blueprint.post("")
def receive() -> Response | tuple[str, int]:
    """Store the files under a new run and let the worker read them."""
    console, mine = the_console(), scope()
    files = [file for file in request.files.getlist("files") if file.filename]
    school = request.form.get("school", "").strip()
    if not files:
        return _page(problem=_("Choose at least one file.")), 400
    if school and not _may_load(mine, school):
        return _page(problem=_("There is no school with this code among yours.")), 400
    home = console.application.settings.home
    with TemporaryDirectory(dir=home, prefix="upload-") as folder:
        paths = [_store(file, Path(folder) / str(n)) for n, file in enumerate(files)]
        with console.transaction() as db:
            load = operations.receive(
                db,
                home=home,
                paths=paths,
                scope=mine,
                expected_school=school,
                now=console.now(),
            )
            number = load.id
    console.queue.plan_load(number)
    return redirect(url_for("console.loads.show", load_id=number))


def _store(file: FileStorage, path: Path) -> tuple[str, Path]:
    """Write the upload to disk; returns the name the user knows and where it lies."""
    with path.open("wb") as target:
        shutil.copyfileobj(file.stream, target)
    return clean_name(file.filename or ""), path


def clean_name(name: str) -> str:
    """The last part of the browser's name, printable and short; its ending is kept."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    printable = "".join(letter for letter in last if letter.isprintable()).strip(". ")
    return printable[-MAX_NAME_LENGTH:] or "file.xml"


def _may_load(mine: Scope, code: str) -> bool:
    if mine.role == OperatorRole.CITY:
        return True
    if mine.role == OperatorRole.SCHOOL:
        return code in mine.items
    with the_console().transaction() as db:
        return mine.sees(db.get(School, code))


def _page(problem: str = "") -> str:
    mine = scope()
    with the_console().transaction() as db:
        schools = db.scalars(select(School).where(mine.schools()).order_by(School.code)).all()
    only_school = next(iter(mine.items)) if _has_one_school(mine) else ""
    limits = the_console().application.settings.reading.limits
    return render_template(
        "console/upload.html",
        schools=schools,
        only_school=only_school,
        max_bytes=limits.total_bytes,
        problem=problem,
        school=request.form.get("school", "") if problem else "",
    )


def _has_one_school(mine: Scope) -> bool:
    return mine.role == OperatorRole.SCHOOL and len(mine.items) == 1
