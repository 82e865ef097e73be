"""People entered by hand until the next export names them: who they are, and the form."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from provisioning.roster import Role
from service.access import Scope
from service.console.context import own_schools, scope, the_console, transaction
from service.console.forms import refused_on, said, typed, typed_day
from service.console.navigation import Part
from service.console.paging import page_of_rows
from service.i18n import N_
from service.loads import by_hand
from service.loads.operations import LoadProblem
from service.ordering import natural
from service.problems import Problem

blueprint = Blueprint("by_hand", __name__, url_prefix="/by-hand")
PARTS = (Part(N_("By hand"), "console.by_hand.index"),)

ON_A_PAGE = 50


@blueprint.route("", methods=["GET"])
def index(problem: Problem | None = None) -> str:
    mine = scope()
    with transaction() as db:
        schools = own_schools(db)
        only_school = _only_school(mine)
        code = only_school or request.values.get("school", "").strip()
        seen = any(school.code == code for school in schools)
        classes = by_hand.classes_of(db, code) if seen else {}
        return render_template(
            "console/by_hand.html",
            schools=schools,
            only_school=only_school,
            school=code,
            classes=sorted(classes.items(), key=lambda one: natural(one[1])),
            roles=[role.value for role in by_hand.ROLES],
            page=page_of_rows(db, by_hand.entered_people(mine), size=ON_A_PAGE),
            problem=said(problem),
            form=request.form,
        )


@blueprint.post("")
@refused_on(index, school="phase.no_school")
def add() -> Response:
    """Plan the account and lead to the load, which waits for its yes."""
    born, until = typed_day("birth_date"), typed_day("until")
    if born is None:
        raise LoadProblem("by_hand.birth_date")
    if until is None:
        raise LoadProblem("by_hand.no_day")
    role = typed("role")
    entered = by_hand.Entered(
        school_code=typed("school") or _only_school(scope()),
        family_name=typed("family_name"),
        given_name=typed("given_name"),
        middle_name=typed("middle_name"),
        birth_date=born,
        role=Role(role) if role in by_hand.ROLES else Role.STUDENT,
        class_id=typed("class_id"),
        until=until,
        same_as=typed("same_as"),
        is_another=request.form.get("is_another") == "1",
    )
    load_id = by_hand.add(the_console().application, entered, scope=scope())
    return redirect(url_for("console.loads.show", load_id=load_id))


def _only_school(mine: Scope) -> str:
    return next(iter(mine.items)) if len(mine.items) == 1 and mine.role == "school" else ""
