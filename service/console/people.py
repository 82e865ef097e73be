"""People, found by a part of name, login or class; of one the card, and the reset of a password."""

from __future__ import annotations

from flask import Blueprint, render_template, request

from auth.oidc.context import current_context
from auth.signin.passwords import own_password_hash
from service.access import Forbidden
from service.console.context import scope, the_console
from service.people.passwords import (
    KeptInMoodle,
    find_person,
    page_in_moodle,
    paused_until,
    reset_password,
)
from service.people.search import SHOWN, search_people
from service.people.slips import slip_of
from service.reports.people import places_of

blueprint = Blueprint("people", __name__, url_prefix="/people")


@blueprint.get("")
def index() -> str:
    return render_template("console/people.html", text="")


@blueprint.post("")
def find() -> str | tuple[str, int]:
    """What is looked for is posted: it tells who somebody is, and addresses are kept by browsers.

    ``login`` is exact, ``text`` any part; whoever is alone in fitting is shown at once.
    """
    login, text = request.form.get("login", ""), request.form.get("text", "")
    try:
        return _page(login) if login else _found(text)
    except Forbidden:
        return render_template("console/people.html", text=login or text, nobody=True), 404


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


def _found(text: str) -> str:
    """Raises ``Forbidden`` when nobody of the operator's schools fits."""
    with the_console().transaction() as db:
        people = search_people(db, scope(), text)
        places = places_of(db, scope(), people[:SHOWN])
    if not people:
        raise Forbidden("person")
    if len(people) == 1:
        return _page(people[0].username)
    return render_template(
        "console/people.html",
        text=text,
        people=people[:SHOWN],
        places_of=places,
        more=len(people) > SHOWN,
    )


def _page(login: str) -> str:
    console = the_console()
    settings = console.application.settings
    with console.transaction() as db:
        person = find_person(db, scope(), login)
        places = places_of(db, scope(), [person])[person.person_id]
        paused = paused_until(db, current_context().throttle, person, console.now())
    has_own = own_password_hash(console.application.sessions, person.person_id) is not None
    in_moodle = settings.passwords.kept_in == "moodle"
    return render_template(
        "console/people.html",
        text=login,
        person=person,
        places=places,
        has_own=has_own,
        paused=paused,
        moodle_page=page_in_moodle(settings, person) if in_moodle else "",
    )
