"""Sign-in through ЕСИА: requests of people nobody found, links of a person, and the history."""

from __future__ import annotations

from collections.abc import Iterable

from flask import Blueprint, render_template, request
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from auth.linking.comparison import masked_snils
from auth.linking.links import links_of
from auth.linking.models import LinkEvent
from auth.oidc.context import current_context
from service.console.context import now, own_schools, scope, settings, the_console, transaction
from service.console.forms import done, refused_on, said
from service.console.navigation import Part
from service.console.paging import page_of
from service.i18n import N_
from service.i18n import gettext as _
from service.models import KnownUser, School
from service.people.passwords import find_person
from service.privacy import is_private
from service.problems import Problem
from service.reports.people import places_of
from service.signin import linking
from service.signin.linking import Linking

blueprint = Blueprint("links", __name__, url_prefix="/links")

ROWS = 50


def _waiting() -> int:
    with transaction() as db:
        return linking.waiting_count(db, scope(), now())


PARTS = (Part(N_("Links"), "console.links.index", waiting=_waiting),)


def _linking(db: Session) -> Linking:
    return Linking(session=db, scope=scope(), clients=current_context().clients, now=now())


@blueprint.get("")
def index(problem: Problem | None = None) -> str:
    """The open requests; a ``problem``: a login was looked for that nobody has."""
    with transaction() as db:
        page = page_of(db, linking.waiting(scope(), now()), size=ROWS)
        return render_template(
            "console/links.html",
            page=page,
            schools={school.code: school.short_name for school in own_schools(db)},
            nobody=problem is not None,
        )


@blueprint.get("/<int:request_id>")
def show(request_id: int, problem: Problem | None = None) -> str:
    mine = scope()
    with transaction() as db:
        found = linking.find_request(db, mine, request_id, now())
        return render_template(
            "console/links_request.html",
            found=found,
            school=db.get(School, found.school_code),
            snils=masked_snils(found.snils),
            masks_birth_date=is_private("birth_date", mine),
            candidates=linking.candidates(db, found),
            login=request.form.get("login", ""),
            reason=request.form.get("reason", ""),
            answer=request.form.get("answer", ""),
            problem=said(problem),
        )


def _person_page(problem: Problem | None = None, *, done: bool = False) -> str:
    """The links of the person whose login is posted."""
    with transaction() as db:
        person = find_person(db, scope(), request.form.get("login", ""))
        return render_template(
            "console/links_person.html",
            person=person,
            places=places_of(db, scope(), [person])[person.person_id],
            links=links_of(db, person.person_id),
            events=db.scalars(
                linking.history(scope()).where(LinkEvent.person_id == person.person_id)
            ).all(),
            reason=request.form.get("reason", "") if problem else "",
            problem=said(problem),
            done=done,
        )


@blueprint.get("/history")
def history() -> str:
    with transaction() as db:
        page = page_of(db, linking.history(scope()), size=ROWS)
        return render_template(
            "console/links_history.html", page=page, people=_people(db, page.items)
        )


@blueprint.post("/<int:request_id>/grant")
@refused_on(show, person="link.nobody")
def grant(request_id: int) -> Response:
    """Link the identity to the person whose login was chosen or typed."""
    with transaction() as db:
        login, reason = request.form.get("login", ""), request.form.get("reason", "")
        _linking(db).grant(request_id, login, reason=reason, relink="relink" in request.form)
    the_console().queue.tell_signed_out()
    text = _("Linked: the person gets in at the next sign-in through ЕСИА.")
    return done(text, "console.links.index", 303)


@blueprint.post("/<int:request_id>/refuse")
@refused_on(show)
def refuse(request_id: int) -> Response:
    with transaction() as db:
        answer = request.form.get("answer", "")
        _linking(db).refuse(request_id, answer, settings=settings().linking)
    text = _("The answer waits for the person, who reads it at the next try to sign in.")
    return done(text, "console.links.index", 303)


@blueprint.post("/person")
@refused_on(index, person="link.nobody")
def person() -> str:
    """The login is posted: it tells who somebody is, and addresses are kept by browsers."""
    return _person_page()


@blueprint.post("/unlink")
@refused_on(_person_page)
def unlink() -> str:
    with transaction() as db:
        login, link_id = request.form.get("login", ""), request.form.get("link", 0, type=int)
        _linking(db).unlink(login, link_id, reason=request.form.get("reason", ""))
    the_console().queue.tell_signed_out()
    return _person_page(done=True)


def _people(db: Session, events: Iterable[LinkEvent]) -> dict[str, KnownUser]:
    """Those of the events who are still known, and still of a school of the operator's."""
    ids = {event.person_id for event in events}
    people = db.scalars(
        select(KnownUser).where(
            KnownUser.person_id.in_(ids), KnownUser.school_code.in_(scope().codes())
        )
    )
    return {person.person_id: person for person in people}
