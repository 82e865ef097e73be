"""The queue of questions: what waits, one question with both sides, the answer, taking it back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from flask import Blueprint, render_template, request
from werkzeug.wrappers import Response

from provisioning.questions import Answer, Evidence, QuestionKind
from service.console.context import now, own_schools, scope, settings, the_console, transaction
from service.console.forms import done, filters, refused_on, said, typed
from service.console.navigation import Part
from service.console.paging import Page, page_of
from service.i18n import N_
from service.i18n import gettext as _
from service.privacy import MASK, is_private
from service.problems import Problem
from service.questions import answering, listing
from service.questions.listing import SeenQuestion, Shown

blueprint = Blueprint("questions", __name__, url_prefix="/questions")

ROWS = 50


def _waiting() -> int:
    with transaction() as db:
        return listing.count_open(db, scope())


PARTS = (Part(N_("Questions"), "console.questions.index", waiting=_waiting),)


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """One answer that can be chosen on the page."""

    value: str
    """``same 2``: the answer and the number of the candidate."""
    given: Answer
    number: int = 0
    """Of the candidate; 0 for an answer that names none."""


@blueprint.get("")
def index() -> str:
    """``school``, ``kind`` and ``state`` of the address narrow the list."""
    mine = scope()
    wanted = filters("school", "kind", "state")
    shown = Shown(wanted["state"]) if wanted["state"] in [*Shown] else Shown.OPEN
    query = listing.query(mine, shown=shown, school=wanted["school"], kind=wanted["kind"])
    with transaction() as db:
        stored = page_of(db, query, size=ROWS)
        page = Page(
            items=listing.seen(db, mine, stored.items),
            number=stored.number, size=stored.size, total=stored.total,
        )  # fmt: skip
        return render_template(
            "console/questions.html",
            page=page,
            wanted=wanted | {"state": shown.value},
            schools={one.code: one.short_name for one in own_schools(db)},
            kinds=[one.value for one in QuestionKind],
            states=[one.value for one in Shown],
        )


@blueprint.get("/<int:question_id>")
def show(question_id: int, problem: Problem | None = None) -> str:
    mine = scope()
    with transaction() as db:
        stored = listing.find(db, mine, question_id)
        (seen,) = listing.seen(db, mine, [stored])
        return render_template(
            "console/question.html",
            seen=seen,
            common=masked_evidence(seen.evidence),
            sides=[(one, masked_evidence(one.evidence)) for one in seen.candidates],
            choices=_choices(seen),
            decisions=listing.decisions(db, stored.id),
            school={one.code: one.short_name for one in own_schools(db)}.get(
                stored.school_code, stored.school_code
            ),
            chosen=request.form.get("choice", ""),
            reason=request.form.get("reason", ""),
            refused=said(problem),
        )


def _choices(seen: SeenQuestion) -> Sequence[Choice]:
    found: list[Choice] = []
    for given in seen.answers:
        if given is Answer.SAME and seen.candidates:
            found += [
                Choice(value=f"{given} {one.number}", given=given, number=one.number)
                for one in seen.candidates
            ]
        else:
            found.append(Choice(value=given.value, given=given))
    return found


def masked_evidence(evidence: Iterable[Evidence]) -> list[Evidence]:
    """Return the evidence with private values masked for those who need not know them."""
    return [
        replace(one, ours=MASK if one.ours else "", theirs=MASK if one.theirs else "")
        if is_private(one.code.partition(".")[0], scope())
        else one
        for one in evidence
    ]


@blueprint.post("/<int:question_id>")
@refused_on(show)
def answer(question_id: int) -> Response:
    """Take the answer that was chosen; nothing without the tick that both sides were looked at."""
    given, _blank, number = typed("choice").partition(" ")
    if "looked" not in request.form or given not in [*Answer]:
        raise answering.QuestionProblem("asked.not_chosen")
    return _went_on(
        answering.answer(
            the_console().application.sessions, question_id, Answer(given),
            home=settings().home, scope=scope(), now=now(), candidate=number,
            all_like_this="alike" in request.form,
            alike=typed("alike_told"), version=typed("version"),
            reason=typed("reason"),
        ),
        _("The answer is taken."),
    )  # fmt: skip


@blueprint.post("/<int:question_id>/undo")
@refused_on(show)
def undo(question_id: int) -> Response:
    if "looked" not in request.form:
        raise answering.QuestionProblem("asked.not_chosen")
    return _went_on(
        answering.undo(
            the_console().application.sessions, question_id,
            home=settings().home, scope=scope(), now=now(),
        ),
        _("The answer is taken back."),
    )  # fmt: skip


def _went_on(answered: answering.Answered, text: str) -> Response:
    """Queue the load that plans the schools again, and lead to it."""
    if answered.load_id is None:
        text += " " + _("It counts from the next file of the school on.")
        return done(text, "console.questions.index", 303)
    the_console().queue.plan_load(answered.load_id)
    text += " " + _("The school is planned again; look at the plan and approve it.")
    return done(text, "console.loads.show", 303, load_id=answered.load_id)
