"""Two humans in one account: its rows, both sides, what a split will do, and the split."""

from __future__ import annotations

from flask import Blueprint, render_template, request
from werkzeug.wrappers import Response

from provisioning.questions import RowRef
from service.console.context import now, scope, settings, the_console, transaction
from service.console.forms import done, refused_on, said, typed
from service.console.questions import masked_evidence
from service.i18n import gettext as _
from service.problems import Problem
from service.questions import separating
from service.questions.answering import QuestionProblem

blueprint = Blueprint("separating", __name__, url_prefix="/people/split")


def _row() -> RowRef | None:
    """Return the row that was chosen; a school's code has no slash, an id may have one."""
    school, slash, sourced_id = typed("row").partition("/")
    return RowRef(school_code=school, sourced_id=sourced_id) if slash else None


def _page(problem: Problem | None = None) -> str:
    login, row = typed("login"), _row()
    rows: list[RowRef] = []
    hidden, preview = 0, None
    with transaction() as db:
        if login and (problem is None or problem.code != "link.nobody"):
            _person, every = separating.rows_of(db, scope(), login)
            rows = separating.rows_inside(db, scope(), every)
            hidden = len(every) - len(rows)
            if row in rows:
                preview = separating.preview(db, scope(), login, row)
    return render_template(
        "console/separating.html",
        login=login,
        rows=rows,
        hidden=hidden,
        preview=preview,
        evidence=masked_evidence(preview.evidence) if preview else [],
        reason=typed("reason"),
        refused=said(problem),
    )


@blueprint.get("")
def index() -> str:
    return _page()


@blueprint.post("")
@refused_on(_page, person="link.nobody", school="separate.row")
def show() -> str:
    """Whose rows they are is posted, as it tells who somebody is. ``row``: the one chosen."""
    return _page()


@blueprint.post("/take")
@refused_on(_page, person="link.nobody", school="separate.row")
def split() -> Response:
    """Say that the row is another human; nothing without the tick that both were looked at."""
    row = _row()
    if row is None or "looked" not in request.form:
        raise QuestionProblem("asked.not_chosen")
    application = the_console().application
    taken = separating.separate(
        application.sessions, typed("login"), row, home=settings().home, scope=scope(), now=now(),
        reason=typed("reason"),
    )  # fmt: skip
    text = _("Two people from now on. The question that it is kept as can take it back.")
    if taken.load_id is None:
        text += " " + _("It counts from the next file of the school on.")
        return done(text, "console.questions.show", 303, question_id=taken.question_id)
    the_console().queue.plan_load(taken.load_id)
    text += " " + _("The school is planned again; look at the plan and approve it.")
    return done(text, "console.loads.show", 303, load_id=taken.load_id)
