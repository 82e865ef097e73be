"""What people bring besides schools: platforms' weeks, regional totals, the plan of the move."""

from __future__ import annotations

from collections.abc import Sequence

from flask import Blueprint, redirect, render_template, request, url_for
from sqlalchemy import select
from werkzeug.wrappers import Response

from service.access import Forbidden, need_city
from service.console.context import now, scope, today, transaction
from service.console.forms import back_to, done, refused_on, typed, typed_day
from service.console.navigation import Part
from service.i18n import N_
from service.i18n import gettext as _
from service.models import PlatformSchool, RegionalTotal, School, TotalKey
from service.registry import lookup, milestones, platforms, totals
from service.registry.columns import Column, Problem, Row, read_values
from service.registry.mappings import FIGURES, FLAGS
from service.words import registry as wording

blueprint = Blueprint("registry_figures", __name__, url_prefix="/registry")

WEEKS = "console.registry_figures.weeks"
TOTALS = "console.registry_figures.regional_totals"
PLAN = "console.registry_figures.plan"
PARTS = (
    Part(N_("Other platforms"), WEEKS),
    Part(N_("Regional totals"), TOTALS, (TOTALS, "console.registry_figures.add_total")),
    Part(N_("Plan of the transition"), PLAN, (PLAN, "console.registry_figures.save_step")),
)


@blueprint.get("/platforms")
def weeks() -> str:
    """Weeks and versions; for the city also the schools that a person has to match."""
    unmatched = (
        select(PlatformSchool)
        .where(PlatformSchool.school_code.is_(None), PlatformSchool.ignored.is_(False))
        .order_by(PlatformSchool.platform, PlatformSchool.label)
    )
    is_city = scope().is_city
    with transaction() as db:
        names = lookup.platforms(db)
        return render_template(
            "console/registry_platforms.html",
            versions=[one for name in names for one in lookup.platform_versions(db, name)],
            unmatched=db.scalars(unmatched).all() if is_city else [],
            schools=db.scalars(select(School).order_by(School.code)).all() if is_city else [],
        )


@blueprint.get("/platforms/week")
def week() -> str:
    """One version: ``platform``, ``day`` and ``version`` of the address."""
    day = typed_day("day", request.args)
    if day is None:
        raise Forbidden("school")
    with transaction() as db:
        found = lookup.platform_figures(
            db, scope(), request.args.get("platform", ""), day,
            version=request.args.get("version", type=int),
        )  # fmt: skip
        if found is None:
            raise Forbidden("school")
        schools = lookup.registry_schools(db, scope(), at=day)
    rows = (*found.schools.values(), *found.unmatched)
    return render_template(
        "console/registry_week.html",
        found=found,
        schools=[one for one in schools if one.is_open or one.code in found.schools],
        figures=[
            name
            for name in (*FIGURES, *FLAGS)
            if any(getattr(row, name) is not None for row in rows)
        ],
    )


@blueprint.post("/platforms/match")
@refused_on(back_to(WEEKS))
def match() -> Response:
    """Say which school a name of the platform is; ``ignore`` says that it is none of ours."""
    code, ignored = typed("code"), "ignore" in request.form
    if not code and not ignored:
        return done(_("Give the code of the school."), WEEKS)
    with transaction() as db:
        platforms.match(
            db, scope(), request.form.get("platform", ""), request.form.get("label", ""),
            None if ignored else code, now(),
        )  # fmt: skip
    return done(_("Remembered, also for the weeks to come."), WEEKS)


@blueprint.get("/totals")
def regional_totals(problems: Sequence[Problem] = ()) -> str:
    newest = (RegionalTotal.key, RegionalTotal.as_of.desc(), RegionalTotal.id.desc())
    with transaction() as db:
        return render_template(
            "console/registry_totals.html",
            in_force=lookup.regional_totals(db, today()),
            history=db.scalars(select(RegionalTotal).order_by(*newest)).all(),
            keys=list(TotalKey),
            typed=request.form,
            problems=[wording.problem(one) for one in problems],
        )


@blueprint.post("/totals")
def add_total() -> Response | tuple[str, int]:
    """A new dated row; none is ever changed."""
    need_city(scope())
    values, problems = _read(totals.COLUMNS)
    if problems:
        return regional_totals(problems), 400
    with transaction() as db:
        found = totals.preview(db, [values])
        totals.apply(db, found, actor=scope().actor, now=now())
    return done(_("Saved.") if found.added else _("This figure stands already."), TOTALS)


@blueprint.get("/plan")
def plan(problems: Sequence[Problem] = ()) -> str:
    with transaction() as db:
        steps = lookup.milestones(db, today())
    return render_template(
        "console/registry_plan.html",
        steps=steps,
        step=next((one for one in steps if one.number == request.args.get("step")), None),
        typed=request.form,
        problems=[wording.problem(one) for one in problems],
    )


@blueprint.post("/plan")
def save_step() -> Response | tuple[str, int]:
    """Add a step or change the one of this number; an emptied date is taken away."""
    need_city(scope())
    values, problems = _read(milestones.COLUMNS)
    if not problems:
        problems = milestones.check([values])
    if problems:
        return plan(problems), 400
    emptied = dict.fromkeys(milestones.FIELDS) | {"responsible": []}
    with transaction() as db:
        milestones.save(db, scope(), str(values["number"]), emptied | values, now())
    return done(_("Saved."), PLAN)


@blueprint.post("/plan/done")
def mark_done() -> Response:
    """Set the mark of today, or take it away with ``undo``."""
    done_on = None if "undo" in request.form else today().isoformat()
    with transaction() as db:
        milestones.mark(db, scope(), request.form.get("number", ""), done_on, now())
    return redirect(url_for(PLAN))


@blueprint.post("/plan/remove")
def remove_step() -> Response:
    with transaction() as db:
        milestones.remove(db, scope(), request.form.get("number", ""), now())
    return done(_("The step is out of the plan."), PLAN)


@blueprint.post("/plan/offer")
def offer() -> Response:
    """Put the steps of the letter into the plan, without dates."""
    with transaction() as db:
        milestones.offer_starting_set(db, scope(), now())
    return redirect(url_for(PLAN))


def _read(columns: Sequence[Column]) -> tuple[Row, list[Problem]]:
    """The posted fields as a row of these columns."""
    values, problems = read_values(
        {column.key: request.form.get(column.key, "") for column in columns}, columns
    )
    return {"row": 0, **values}, problems
