"""People, found by a part of name, login or class; of one the card, and the reset of a password."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, render_template, request
from sqlalchemy.orm import Session

from auth.oidc.context import current_context
from auth.signin.passwords import own_password_hash
from service.access import Forbidden
from service.console.context import now, scope, settings, the_console, transaction
from service.console.forms import refused_on
from service.console.navigation import Part
from service.i18n import N_
from service.loads.left_alone import exclusions
from service.models import KnownUser
from service.people.passwords import find_person, page_in_moodle, paused_until, reset_password
from service.people.search import SHOWN, search_people
from service.people.slips import slip_of
from service.portal import deciding, keeping, looks
from service.problems import Problem
from service.reports.people import places_of

blueprint = Blueprint("people", __name__, url_prefix="/people")
PARTS = (
    Part(
        N_("Passwords"), "console.people.index", belongs=("console.people.", "console.separating.")
    ),
)


def _page(login: str) -> str:
    application = the_console().application
    with transaction() as db:
        person = find_person(db, scope(), login)
        places = places_of(db, scope(), [person])[person.person_id]
        paused = paused_until(db, current_context().throttle, person, now())
        moodle = _in_moodle(db, person)
    in_moodle = settings().passwords.kept_in == "moodle"
    return render_template(
        "console/people.html",
        text=login,
        person=person,
        places=places,
        has_own=own_password_hash(application.sessions, person.person_id) is not None,
        paused=paused,
        moodle_page=page_in_moodle(settings(), person) if in_moodle else "",
        **moodle,
    )


def _in_moodle(db: Session, person: KnownUser) -> dict[str, Any]:
    """What the card says of the account: as of which look, what differs, what stays as it is."""
    sticky = keeping.of_person(db, person.person_id)
    excluded = exclusions(db, settings().moodle, person.school_code)
    drifts = deciding.of_person(db, person.person_id)
    return {
        "sticky": sticky,
        "asked": keeping.asked_of(db, sticky),
        "drifts": [one for one in drifts if deciding.is_visible(db, scope(), one)],
        "excluded": excluded.names_person(
            idnumber=person.person_id, login=person.username, roles=[person.role]
        ),
        "last_look": looks.last(db, school=person.school_code),
    }


def _nobody(problem: Problem) -> str:
    text = request.form.get("login") or request.form.get("text", "")
    return render_template("console/people.html", text=text, nobody=True)


def _kept_elsewhere(problem: Problem) -> str:
    """The card, which leads to the person's page in Moodle."""
    return _page(request.form.get("login", ""))


@blueprint.get("")
def index() -> str:
    return render_template("console/people.html", text="")


@blueprint.post("")
@refused_on(_nobody, person="link.nobody")
def find() -> str:
    """What is looked for is posted: it tells who somebody is, and addresses are kept by browsers.

    ``login`` is exact, ``text`` any part; whoever is alone in fitting is shown at once.
    """
    login, text = request.form.get("login", ""), request.form.get("text", "")
    if login:
        return _page(login)
    with transaction() as db:
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


@blueprint.post("/reset")
@refused_on(_kept_elsewhere)
def reset() -> str:
    """The page afterwards holds the new slip; looking at it is audited too."""
    console = the_console()
    with transaction() as db:
        person = reset_password(db, settings(), scope(), request.form.get("login", ""), now())
        slip = slip_of(db, console.application, scope(), person)
    console.queue.tell_signed_out()
    return render_template("console/slips_sheet.html", slips=[slip] if slip else [], reset=True)
