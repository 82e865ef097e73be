"""What nothing of ours touches in Moodle, and what stays there as it was changed by hand."""

from __future__ import annotations

from flask import Blueprint, render_template, request
from werkzeug.wrappers import Response

from provisioning.changes import Kind
from provisioning.exclusions import Excluded
from service.access import Forbidden
from service.console.context import now, own_schools, scope, settings, transaction
from service.console.forms import back_to, done, refused_on, said, typed
from service.console.navigation import Part
from service.console.paging import page_of
from service.i18n import N_
from service.i18n import gettext as _
from service.portal import excluding, keeping
from service.portal.excluding import Excluding
from service.portal.keeping import Keeping, Place
from service.problems import Problem

blueprint = Blueprint("exclusions", __name__, url_prefix="/moodle")
INDEX, HANDS = "console.exclusions.index", "console.exclusions.hands"
PARTS = (
    Part(N_("Changed by hand"), HANDS, belongs=(HANDS, "console.exclusions.decide")),
    Part(N_("Exclusions"), INDEX),
)
ROWS = 50


def _excluding(db: object) -> Excluding:
    return Excluding(session=db, settings=settings(), scope=scope(), now=now())  # type: ignore[arg-type]


@blueprint.get("/exclusions")
def index(problem: Problem | None = None) -> str:
    """What is excluded, with the form; ``ended`` shows what was excluded once."""
    mine, ended = scope(), bool(request.args.get("ended"))
    with transaction() as db:
        use_cases = _excluding(db)
        rows = excluding.listed(db, mine, ended=ended)
        return render_template(
            "console/exclusions.html",
            rows=[(row, use_cases.may_end(row)) for row in rows],
            people=excluding.people_named(db, mine, rows),
            ended=ended,
            whats=list(Excluded),
            untouched=settings().moodle.untouched_logins,
            schools=own_schools(db),
            refused=said(problem),
            form=request.form,
        )


@blueprint.post("/exclusions")
@refused_on(index, person="link.nobody", school="school")
def add() -> Response:
    """What is named is posted: a login tells who somebody is."""
    try:
        what = Excluded(typed("what"))
    except ValueError as error:
        raise Forbidden("exclusion") from error
    with transaction() as db:
        _excluding(db).add(
            what=what, pattern=typed("pattern"), school_code=typed("school"),
            reason=typed("reason"),
        )  # fmt: skip
    return done(_("It is excluded: no plan touches it from now on."), INDEX, 303)


@blueprint.post("/exclusions/<int:number>/end")
def end(number: int) -> Response:
    with transaction() as db:
        _excluding(db).end(number)
    return done(_("The exclusion has ended: the next plan brings it up to date."), INDEX, 303)


@blueprint.get("/by-hand")
def hands() -> str:
    """Fields and places that stay as somebody changed them in Moodle."""
    mine = scope()
    with transaction() as db:
        page = page_of(db, keeping.listed(mine), size=ROWS)
        return render_template(
            "console/by_hand_in_moodle.html",
            page=page,
            people=keeping.people_of(db, mine, page.items),
            objects=keeping.objects_of(db, page.items),
            asked=keeping.asked_of(db, page.items),
        )


@blueprint.post("/by-hand")
@refused_on(back_to(HANDS))
def decide() -> Response:
    """Take the source's value again, or say that Moodle's is right."""
    try:
        place = Place(subject=Kind(typed("subject")), key=typed("key"), field=typed("field"))
    except ValueError as error:
        raise Forbidden("field") from error
    with transaction() as db:
        use_cases = Keeping(session=db, settings=settings(), scope=scope(), now=now())
        if typed("answer") == "moodle":
            use_cases.agree(place)
            told = _("Moodle's value stays until the source changes once more.")
        else:
            use_cases.end(place)
            told = _("The next plan brings back what the source says.")
    return done(told, HANDS, 303)
