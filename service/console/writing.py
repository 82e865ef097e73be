"""The switch of the city: pause all writing to Moodle, and let it go on."""

from __future__ import annotations

from datetime import datetime

from flask import Blueprint, render_template, request
from werkzeug.wrappers import Response

from service import moodle_gate
from service.console.context import (
    now,
    only_for_the_city,
    scope,
    settings,
    the_console,
    transaction,
)
from service.console.forms import done, refused_on, said, typed
from service.console.navigation import Part
from service.i18n import N_
from service.i18n import gettext as _
from service.moodle_gate import Closed, PauseProblem
from service.problems import Problem

blueprint = Blueprint("writing", __name__, url_prefix="/writing")
blueprint.before_request(only_for_the_city)
FORM = "console.writing.form"
PARTS = (Part(N_("Writing to Moodle"), FORM, for_city=True),)


@blueprint.app_template_global()
def writing_closed() -> Closed | None:
    """Tell why nothing is written to Moodle now; pages say it where people wait for it."""
    return the_console().application.writing_closed()


@blueprint.get("")
def form(problem: Problem | None = None) -> str:
    with transaction() as db:
        return render_template(
            "console/writing.html",
            problem=said(problem),
            pause=moodle_gate.current_pause(db, now()),
            pauses=moodle_gate.pauses(db),
            quiet=settings().quiet,
            reason=request.form.get("reason", ""),
            until=request.form.get("until", ""),
            now=now(),
        )


@blueprint.post("/pause")
@refused_on(form)
def pause() -> Response:
    with transaction() as db:
        moodle_gate.pause(db, scope=scope(), now=now(), reason=typed("reason"), until=_until())
    text = _("Nothing is written to Moodle any more; what is under way stops at its next batch.")
    return done(text, FORM)


@blueprint.post("/resume")
@refused_on(form)
def resume() -> Response:
    with transaction() as db:
        moodle_gate.resume(db, scope=scope(), now=now())
    return done(_("Writing goes on; loads that waited go on by themselves."), FORM)


def _until() -> datetime | None:
    """Return the moment of the form, as clocks here show it."""
    if not typed("until"):
        return None
    try:
        moment = datetime.fromisoformat(typed("until"))
    except ValueError:
        raise PauseProblem("pause.no_moment") from None
    return moment.replace(tzinfo=the_console().application.zone)
