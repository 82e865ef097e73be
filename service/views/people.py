"""One person, found by login: where they are, and the reset of their password."""

from __future__ import annotations

from flask import Blueprint, render_template, request

from auth.passwords import own_password_hash
from auth.provider import current_provider
from service.access import Forbidden
from service.passwords import (
    KeptInMoodle,
    find_person,
    page_in_moodle,
    paused_until,
    reset_password,
)
from service.reports.people import places_of
from service.slips import slip_of
from service.views.context import scope, the_console

blueprint = Blueprint("people", __name__, url_prefix="/people")


@blueprint.get("")
def index() -> str:
    return render_template("console/people.html", login="")


@blueprint.post("")
def find() -> str | tuple[str, int]:
    """The login is posted: it tells who somebody is, and addresses are kept by browsers."""
    login = request.form.get("login", "")
    try:
        return _page(login)
    except Forbidden:
        return render_template("console/people.html", login=login, nobody=True), 404


@blueprint.post("/reset")
def reset() -> str | tuple[str, int]:
    """The page afterwards holds the new slip; looking at it is audited too."""
    console, login = the_console(), request.form.get("login", "")
    settings = console.application.settings
    try:
        with console.transaction() as db:
            person = reset_password(db, settings, scope(), login, console.now())
            slip = slip_of(db, console.application, scope(), person)
    except KeptInMoodle:
        return _page(login), 409
    console.queue.tell_signed_out()
    return render_template("console/slips_sheet.html", slips=[slip] if slip else [], reset=True)


def _page(login: str) -> str:
    console = the_console()
    settings = console.application.settings
    with console.transaction() as db:
        person = find_person(db, scope(), login)
        places = places_of(db, scope(), [person])[person.person_id]
        paused = paused_until(db, current_provider().throttle, person, console.now())
    has_own = own_password_hash(console.application.sessions, person.person_id) is not None
    in_moodle = settings.passwords.kept_in == "moodle"
    return render_template(
        "console/people.html",
        login=login,
        person=person,
        places=places,
        has_own=has_own,
        paused=paused,
        moodle_page=page_in_moodle(settings, person) if in_moodle else "",
    )
