"""The new school year: how far each school is, and the days on which schools turn."""

from __future__ import annotations

import re

from flask import Blueprint, render_template, request
from werkzeug.wrappers import Response

from service.console.context import now, own_schools, scope, the_console, transaction
from service.console.forms import done, refused_on, said, typed, typed_day
from service.console.navigation import Part
from service.console.paging import page_of_list
from service.i18n import N_
from service.i18n import gettext as _
from service.loads import year_checklist, years
from service.loads.operations import LoadProblem
from service.problems import Problem

blueprint = Blueprint("years", __name__, url_prefix="/years")
INDEX = "console.years.index"
PARTS = (Part(N_("New school year"), INDEX),)

STATES = ("not_loaded", "blocked", "to_confirm", "confirmed", "to_approve", "turned")


@blueprint.get("")
def index(problem: Problem | None = None) -> str:
    """The checklist; ``state`` shows only the schools that are so far."""
    application = the_console().application
    asked = request.values.get("year", "")
    year = (
        asked if re.fullmatch(r"20\d\d/20\d\d", asked) else year_checklist.year_to_come(application)
    )
    wanted = request.args.get("state", "")
    with transaction() as db:
        lines = year_checklist.checklist(db, application, scope(), year)
        schools = own_schools(db)
    shown = [one for one in lines if wanted in ("", one.state)]
    return render_template(
        "console/years.html",
        year=year,
        counts=year_checklist.counted(lines),
        total=len(lines),
        states=STATES,
        wanted=wanted,
        page=page_of_list(shown, size=100),
        schools=schools,
        districts=sorted({one.district for one in schools if one.district}),
        refused=said(problem),
    )


@blueprint.post("")
@refused_on(index)
def set_day() -> Response:
    """Let the city, a district or a school turn on another day."""
    day = typed_day("turn_on")
    if day is None or not re.fullmatch(r"20\d\d/20\d\d", typed("year")):
        raise LoadProblem("years.no_day")
    with transaction() as db:
        years.set_day(
            db, scope=scope(), school_year=typed("year"), turn_on=day, district=typed("district"),
            school_code=typed("school"), now=now(),
        )  # fmt: skip
    return done(_("The day is set."), INDEX)
