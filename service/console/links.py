"""Sign-in through ЕСИА: requests of people nobody found, links of a person, and the history."""

from __future__ import annotations

from collections.abc import Iterable

from flask import Blueprint, flash, redirect, render_template, request, url_for
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from auth.linking.comparison import masked_snils
from auth.linking.links import links_of
from auth.linking.models import LinkEvent
from auth.oidc.context import current_context
from service.access import Forbidden
from service.console.context import scope, the_console
from service.console.paging import page_of
from service.i18n import gettext as _
from service.models import KnownUser, School
from service.people.passwords import find_person
from service.privacy import is_private
from service.reports.people import places_of
from service.signin import linking
from service.signin.linking import Linking, LinkProblem

blueprint = Blueprint("links", __name__, url_prefix="/links")

ROWS = 50


@blueprint.get("")
def index() -> str:
    return _requests_page()


def _requests_page(*, nobody: bool = False) -> str:
    """The open requests; ``nobody``: a login was looked for that nobody has."""
    console, mine = the_console(), scope()
    with console.transaction() as db:
        page = page_of(db, linking.waiting(mine, console.now()), size=ROWS)
        return render_template("console/links.html", page=page, schools=_schools(db), nobody=nobody)


@blueprint.get("/history")
def history() -> str:
    with the_console().transaction() as db:
        page = page_of(db, linking.history(scope()), size=ROWS)
        return render_template(
            "console/links_history.html", page=page, people=_people(db, page.items)
        )


@blueprint.get("/<int:request_id>")
def show(request_id: int) -> str:
    return _request_page(request_id)


@blueprint.post("/<int:request_id>/grant")
def grant(request_id: int) -> Response | tuple[str, int]:
    """Link the identity to the person whose login was chosen or typed."""
    console = the_console()
    try:
        with console.transaction() as db:
            _linking(db).grant(
                request_id,
                request.form.get("login", ""),
                reason=request.form.get("reason", ""),
                relink="relink" in request.form,
            )
    except LinkProblem as problem:
        return _request_page(request_id, problem.code), 409
    except IntegrityError:
        return _request_page(request_id, "link.taken"), 409
    except Forbidden as forbidden:
        if forbidden.what != "person":
            raise
        return _request_page(request_id, "link.nobody"), 404
    console.queue.tell_signed_out()
    flash(_("Linked: the person gets in at the next sign-in through ЕСИА."))
    return redirect(url_for("console.links.index"), 303)


@blueprint.post("/<int:request_id>/refuse")
def refuse(request_id: int) -> Response | tuple[str, int]:
    console = the_console()
    try:
        with console.transaction() as db:
            answer, settings = request.form.get("answer", ""), console.application.settings.linking
            _linking(db).refuse(request_id, answer, settings=settings)
    except LinkProblem as problem:
        return _request_page(request_id, problem.code), 409
    flash(_("The answer waits for the person, who reads it at the next try to sign in."))
    return redirect(url_for("console.links.index"), 303)


@blueprint.post("/person")
def person() -> str | tuple[str, int]:
    """The login is posted: it tells who somebody is, and addresses are kept by browsers."""
    try:
        return _person_page(request.form.get("login", ""))
    except Forbidden:
        return _requests_page(nobody=True), 404


@blueprint.post("/unlink")
def unlink() -> str | tuple[str, int]:
    console, login = the_console(), request.form.get("login", "")
    try:
        with console.transaction() as db:
            link_id = request.form.get("link", 0, type=int)
            _linking(db).unlink(login, link_id, reason=request.form.get("reason", ""))
    except LinkProblem as problem:
        return _person_page(login, problem.code), 409
    console.queue.tell_signed_out()
    return _person_page(login, done=True)


def _linking(db: Session) -> Linking:
    return Linking(
        session=db, scope=scope(), clients=current_context().clients, now=the_console().now()
    )


def waiting_count() -> int:
    """For the navigation of every page."""
    console = the_console()
    with console.application.sessions() as db:
        return linking.waiting_count(db, scope(), console.now())


def _request_page(request_id: int, problem: str = "") -> str:
    console, mine = the_console(), scope()
    with console.transaction() as db:
        found = linking.find_request(db, mine, request_id, console.now())
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
            problem=problem,
        )


def _person_page(login: str, problem: str = "", *, done: bool = False) -> str:
    with the_console().transaction() as db:
        person = find_person(db, scope(), login)
        return render_template(
            "console/links_person.html",
            person=person,
            places=places_of(db, scope(), [person])[person.person_id],
            links=links_of(db, person.person_id),
            events=db.scalars(
                linking.history(scope()).where(LinkEvent.person_id == person.person_id)
            ).all(),
            reason=request.form.get("reason", "") if problem else "",
            problem=problem,
            done=done,
        )


def _schools(db: Session) -> dict[str, str]:
    schools = db.scalars(select(School).where(scope().schools()))
    return {school.code: school.short_name for school in schools}


def _people(db: Session, events: Iterable[LinkEvent]) -> dict[str, KnownUser]:
    """Those of the events who are still known, and still of a school of the operator's."""
    ids = {event.person_id for event in events}
    people = db.scalars(
        select(KnownUser).where(
            KnownUser.person_id.in_(ids), KnownUser.school_code.in_(scope().codes())
        )
    )
    return {person.person_id: person for person in people}
