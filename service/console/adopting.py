"""Accounts of Moodle that others made: counts, the list, one account, the yes. For the city."""

from __future__ import annotations

from flask import Blueprint, render_template, request
from werkzeug.wrappers import Response

from provisioning.questions import Answer
from service.console.context import (
    now,
    only_for_the_city,
    own_schools,
    scope,
    the_console,
    transaction,
)
from service.console.forms import done, filters, refused_on, said, typed
from service.console.navigation import Part
from service.console.paging import Page, page_of
from service.console.questions import masked_evidence
from service.i18n import N_
from service.i18n import gettext as _
from service.portal import adopt, adopt_answers, adopt_listing
from service.portal.adopt_people import AdoptionError
from service.portal.adopt_rows import Shown
from service.problems import Problem

blueprint = Blueprint("adopting", __name__, url_prefix="/adopting")
INDEX = "console.adopting.index"
PARTS = (Part(N_("Accounts of others"), INDEX, for_city=True),)

ROWS = 50


@blueprint.get("")
def index(problem: Problem | None = None) -> str:
    """``school`` and ``outcome`` of the address narrow the list."""
    only_for_the_city()
    wanted = filters("school", "outcome")
    outcome = Shown(wanted["outcome"]) if wanted["outcome"] in [*Shown] else None
    with transaction() as db:
        run = adopt_listing.newest_run(db)
        query = adopt_listing.query(outcome=outcome, school_code=wanted["school"])
        stored = page_of(db, query, size=ROWS)
        page = Page(
            items=adopt_listing.seen(db, stored.items),
            number=stored.number, size=stored.size, total=stored.total,
        )  # fmt: skip
        return render_template(
            "console/adopting.html",
            run=run,
            counts=adopt_listing.counts(db),
            left=adopt_listing.people_left(db),
            digest=adopt_listing.digest(db),
            page=page,
            wanted=wanted,
            schools={one.code: one.short_name for one in own_schools(db)},
            outcomes=[one.value for one in Shown],
            refused=said(problem),
        )


@blueprint.post("/look")
@refused_on(index)
def look() -> Response:
    """Look at all accounts of Moodle, or go on with a look that was broken off."""
    only_for_the_city()
    with transaction() as db:
        run_id = adopt.begin(db, scope=scope(), now=now())
    return _queued(run_id, _("Moodle is being read. What is found stands here."))


@blueprint.post("/yes")
@refused_on(index)
def say_yes() -> Response:
    """Say yes to the list that was looked at, or go on with it."""
    only_for_the_city()
    with transaction() as db:
        run_id = adopt.approve(
            db, expected_digest=typed("digest"), scope=scope(), now=now(),
            despite_questions="despite_questions" in request.form,
        )  # fmt: skip
    return _queued(run_id, _("The accounts are being taken over."))


def _queued(run_id: int, text: str) -> Response:
    if not the_console().queue.adopt(run_id):
        raise AdoptionError("load.no_queue")
    return done(text, INDEX)


@blueprint.get("/<int:number>")
def show(number: int, problem: Problem | None = None) -> str:
    only_for_the_city()
    with transaction() as db:
        (seen,) = adopt_listing.seen(db, [adopt_listing.find(db, scope(), number)])
    return render_template(
        "console/adopting_account.html",
        seen=seen,
        sides=[(one, masked_evidence(one.evidence)) for one in seen.people],
        is_open=seen.outcome in (Shown.QUESTION, Shown.CERTAIN),
        refused=said(problem),
    )


@blueprint.post("/<int:number>")
@refused_on(show)
def answer(number: int) -> Response:
    """Take the answer that was chosen; nothing without the tick that both sides were looked at."""
    only_for_the_city()
    given, _blank, candidate = typed("choice").partition(" ")
    if "looked" not in request.form or given not in (Answer.SAME, Answer.DIFFERENT):
        raise AdoptionError("adoption.candidate")
    with transaction() as db:
        adopt_answers.answer(
            db, number, Answer(given), candidate=candidate, scope=scope(), now=now()
        )
    return done(_("The answer is taken."), INDEX)
