"""What people bring besides schools: platforms' weeks, regional totals, the plan of the move."""

from __future__ import annotations

from datetime import date

from flask import Blueprint, flash, redirect, render_template, request, url_for
from sqlalchemy import select
from werkzeug.wrappers import Response

from service.access import Forbidden, need_city
from service.console.context import scope, the_console
from service.console.registry import today
from service.i18n import gettext as _
from service.models import OperatorRole, PlatformSchool, RegionalTotal, School, TotalKey
from service.registry import lookup, milestones, platforms, totals
from service.registry.columns import BadValue, Column, Problem, bad_value, is_empty, read_cell
from service.registry.mappings import FIGURES, FLAGS
from service.registry.refusals import Refusal
from service.words import registry as wording

blueprint = Blueprint("registry_figures", __name__, url_prefix="/registry")


@blueprint.get("/platforms")
def weeks() -> str:
    """Weeks and versions; for the city also the schools that a person has to match."""
    is_city = scope().role == OperatorRole.CITY
    with the_console().transaction() as db:
        names = lookup.platforms(db)
        unmatched = (
            db.scalars(
                select(PlatformSchool)
                .where(PlatformSchool.school_code.is_(None), PlatformSchool.ignored.is_(False))
                .order_by(PlatformSchool.platform, PlatformSchool.label)
            ).all()
            if is_city
            else []
        )
        return render_template(
            "console/registry_platforms.html",
            versions=[one for name in names for one in lookup.platform_versions(db, name)],
            unmatched=unmatched,
            schools=db.scalars(select(School).order_by(School.code)).all() if is_city else [],
            is_city=is_city,
        )


@blueprint.get("/platforms/week")
def week() -> str:
    """One version: ``platform``, ``day`` and ``version`` of the address."""
    mine = scope()
    try:
        day = date.fromisoformat(request.args.get("day", ""))
    except ValueError as error:
        raise Forbidden("school") from error
    with the_console().transaction() as db:
        found = lookup.platform_figures(
            db, mine, request.args.get("platform", ""), day,
            version=request.args.get("version", type=int),
        )  # fmt: skip
        if found is None:
            raise Forbidden("school")
        schools = lookup.registry_schools(db, mine, at=day)
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
def match() -> Response:
    """Say which school a name of the platform is; ``ignore`` says that it is none of ours."""
    console, code = the_console(), request.form.get("code", "").strip()
    ignored = "ignore" in request.form
    if not code and not ignored:
        flash(_("Give the code of the school."))
        return redirect(url_for("console.registry_figures.weeks"))
    try:
        with console.transaction() as db:
            platforms.match(
                db, scope(), request.form.get("platform", ""), request.form.get("label", ""),
                None if ignored else code, console.now(),
            )  # fmt: skip
    except Refusal as error:
        flash(wording.refusal(error))
    else:
        flash(_("Remembered, also for the weeks to come."))
    return redirect(url_for("console.registry_figures.weeks"))


@blueprint.get("/totals")
def regional_totals() -> str:
    return _totals_page()


def _totals_page(problems: list[Problem] | None = None) -> str:
    with the_console().transaction() as db:
        return render_template(
            "console/registry_totals.html",
            in_force=lookup.regional_totals(db, today()),
            history=db.scalars(
                select(RegionalTotal).order_by(
                    RegionalTotal.key, RegionalTotal.as_of.desc(), RegionalTotal.id.desc()
                )
            ).all(),
            keys=list(TotalKey),
            typed=request.form,
            problems=[wording.problem(one) for one in problems or ()],
            is_city=scope().role == OperatorRole.CITY,
        )


@blueprint.post("/totals")
def add_total() -> Response | tuple[str, int]:
    """A new dated row; none is ever changed."""
    need_city(scope())
    console = the_console()
    values, problems = _read(totals.COLUMNS)
    if problems:
        return _totals_page(problems), 400
    with console.transaction() as db:
        found = totals.preview(db, [{"row": 0, **values}])
        totals.apply(db, found, actor=scope().actor, now=console.now())
    flash(_("Saved.") if found.added else _("This figure stands already."))
    return redirect(url_for("console.registry_figures.regional_totals"))


@blueprint.get("/plan")
def plan() -> str:
    return _plan_page()


def _plan_page(problems: list[Problem] | None = None) -> str:
    with the_console().transaction() as db:
        steps = lookup.milestones(db, today())
    return render_template(
        "console/registry_plan.html",
        steps=steps,
        step=next((one for one in steps if one.number == request.args.get("step")), None),
        typed=request.form,
        problems=[wording.problem(one) for one in problems or ()],
        is_city=scope().role == OperatorRole.CITY,
    )


@blueprint.post("/plan")
def save_step() -> Response | tuple[str, int]:
    """Add a step or change the one of this number; an emptied date is taken away."""
    need_city(scope())
    console = the_console()
    values, problems = _read(milestones.COLUMNS)
    for name in milestones.FIELDS:
        values.setdefault(name, [] if name == "responsible" else None)
    if not problems:
        _rows, problems = milestones.cleaned(
            [{"row": 0} | {name: one for name, one in values.items() if one is not None}]
        )
    if problems:
        return _plan_page(problems), 400
    with console.transaction() as db:
        milestones.save(db, scope(), str(values.pop("number")), values, console.now())
    flash(_("Saved."))
    return redirect(url_for("console.registry_figures.plan"))


@blueprint.post("/plan/done")
def mark_done() -> Response:
    """Set the mark of today, or take it away with ``undo``."""
    console = the_console()
    done_on = None if "undo" in request.form else today().isoformat()
    with console.transaction() as db:
        milestones.mark(db, scope(), request.form.get("number", ""), done_on, console.now())
    return redirect(url_for("console.registry_figures.plan"))


@blueprint.post("/plan/remove")
def remove_step() -> Response:
    console = the_console()
    with console.transaction() as db:
        milestones.remove(db, scope(), request.form.get("number", ""), console.now())
    flash(_("The step is out of the plan."))
    return redirect(url_for("console.registry_figures.plan"))


@blueprint.post("/plan/offer")
def offer() -> Response:
    """Put the steps of the letter into the plan, without dates."""
    console = the_console()
    with console.transaction() as db:
        milestones.offer_starting_set(db, scope(), console.now())
    return redirect(url_for("console.registry_figures.plan"))


def _read(columns: tuple[Column, ...]) -> tuple[dict[str, object], list[Problem]]:
    """The posted fields by column; an empty one that may be empty is left out."""
    values: dict[str, object] = {}
    problems = []
    for column in columns:
        typed = request.form.get(column.key, "")
        if is_empty(typed):
            if column.required:
                problems.append(Problem(code="cell.empty", column=column.title))
            continue
        try:
            values[column.key] = read_cell(typed, column)
        except BadValue as error:
            problems.append(bad_value(error, column, typed))
    return values, problems
