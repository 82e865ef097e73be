"""The loads: their list, one load with its schools, and the operator's decisions about it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from flask import Blueprint, abort, redirect, render_template, request, url_for
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from provisioning.changes import Action, Kind
from service.access import Scope
from service.console.context import now, scope, settings, the_console, transaction
from service.console.forms import done, refused_on, said
from service.console.navigation import Part
from service.console.paging import Page, page_of
from service.i18n import N_
from service.i18n import gettext as _
from service.loads import claims, failures, operations, rehearsals
from service.loads import undo as undoing
from service.models import Load, LoadFile, LoadStatus, School, SchoolPlan
from service.problems import Problem
from service.questions import listing

blueprint = Blueprint("loads", __name__, url_prefix="/loads")
SHOW = "console.loads.show"
BELONGS = ("console.loads", "console.findings", "console.changes")
PARTS = (Part(N_("All loads"), "console.loads.index", BELONGS),)


@dataclass(frozen=True, kw_only=True, slots=True)
class CountedLoad:
    """A load with the figures of the schools inside the operator's scope."""

    load: Load
    schools: int
    people: int
    failed: int
    changes: int = 0
    """All changes of a load of which some failed."""

    @property
    def status(self) -> str:
        """Of a load that failed in schools of others only, the operator's own are applied."""
        if self.load.status == LoadStatus.APPLIED_WITH_FAILURES and not self.failed:
            return LoadStatus.APPLIED
        return self.load.status


def with_counts(db: Session, some: Sequence[Load], mine: Scope) -> list[CountedLoad]:
    rows = db.execute(
        select(SchoolPlan.load_id, func.count(), func.sum(SchoolPlan.people))
        .where(
            SchoolPlan.load_id.in_([load.id for load in some]),
            SchoolPlan.school_code.in_(mine.codes()),
        )
        .group_by(SchoolPlan.load_id)
    )
    counts = {load_id: (schools, people or 0) for load_id, schools, people in rows}
    failed = failures.counts(db, some, mine)
    totals = failures.totals(db, failed, mine) if failed else {}
    counted = []
    for load in some:
        schools, people = counts.get(load.id, (0, 0))
        counted.append(
            CountedLoad(
                load=load, schools=schools, people=people, failed=failed.get(load.id, 0),
                changes=totals.get(load.id, 0),
            )
        )  # fmt: skip
    return counted


@blueprint.get("")
def index() -> str:
    mine = scope()
    status = request.args.get("status", "")
    query = select(Load).where(mine.loads()).order_by(Load.id.desc())
    if status:
        query = query.where(Load.status == status)
    with transaction() as db:
        page: Page[Load] = page_of(db, query, size=50)
        counted = with_counts(db, page.items, mine)
        return render_template(
            "console/loads.html", loads=counted, page=page, status=status, statuses=list(LoadStatus)
        )


@blueprint.get("/<int:load_id>")
def show(load_id: int, problem: Problem | None = None) -> str:
    """The page of a load; after a ``problem`` with what was ticked and why nothing came of it."""
    mine = scope()
    with transaction() as db:
        load = operations.find(db, load_id, mine)
        plans = operations.plans(db, load, mine)
        names = select(School.code, School.short_name).where(mine.schools())
        found = Counter(
            operations.as_finding(row).verdict for row in operations.findings(db, load, mine)
        )
        open_plans = [plan for plan in plans if plan.awaits_yes]
        (counted,) = with_counts(db, [load], mine)
        day = operations.day_of(db, plans, settings().limits, now())
        return render_template(
            "console/load.html",
            load=load,
            counted=counted,
            status=counted.status,
            failures=failures.failures(db, load, mine),
            decidable=load.status in operations.OPEN,
            files=_files(load, plans, mine),
            plans=plans,
            school_names=dict(db.execute(names).all()),
            columns=_columns(plans),
            found=found,
            change_count=sum(sum(plan.counts.values()) for plan in plans),
            digest=operations.digest(plans),
            open_plans=open_plans,
            rehearsal=rehearsals.latest(db, load, mine),
            over_limits=[plan for plan in open_plans if plan.breaches],
            city_day=[one.facts for one in day.breaches],
            may_exceed_day=mine.is_city,
            day_ticked="city_day" in request.form,
            progress=operations.progress(db, load, mine),
            busy=_is_busy(load),
            queued=load.status == LoadStatus.APPROVED and load.go_on_at is not None,
            questions=listing.count_open(db, mine, load_id=load.id),
            undoable=undoing.can_be_undone(db, load, plans),
            undone=undoing.facts(db, load, [plan.school_code for plan in plans]),
            refused=said(problem),
            needs_ticks=problem is not None and problem.code == "load.over_limits",
            ticked=request.form.getlist("over_limits"),
        )


def _is_busy(load: Load) -> bool:
    """Something is, or will soon be, at work on the load, so its page follows the progress."""
    is_live = claims.is_live(load.claimed_by, load.claimed_at, now())
    if load.status == LoadStatus.APPLYING and is_live:
        return True
    goes_on = load.status in {LoadStatus.APPROVED, LoadStatus.APPLYING, LoadStatus.STOPPED}
    is_due = goes_on and load.go_on_at is not None and load.go_on_at <= now()
    return load.status == LoadStatus.RECEIVED or is_due


def _files(load: Load, plans: Sequence[SchoolPlan], mine: Scope) -> list[LoadFile]:
    """The files that the operator loaded or that are about a school of theirs."""
    if mine.is_city or load.created_by == mine.actor:
        return load.files
    own = {plan.school_code for plan in plans}
    return [file for file in load.files if file.school_code in own]


def _columns(plans: Iterable[SchoolPlan]) -> list[str]:
    """The kinds of change that occur, in the order of a plan: ``user.create`` and so on."""
    present = {name for plan in plans for name, count in plan.counts.items() if count}
    names = [f"{kind}.{action}" for kind in Kind for action in Action]
    return [name for name in names if name in present]


@blueprint.get("/<int:load_id>/progress.json")
def progress(load_id: int) -> dict[str, object]:
    """What the page of a busy load asks every second or two."""
    mine = scope()
    with transaction() as db:
        load = operations.find(db, load_id, mine)
        figures = operations.progress(db, load, mine)
    waits = load.waits_until.isoformat() if load.waits_until else ""
    return {"status": load.status, "busy": _is_busy(load), "waits": waits, **figures}


@blueprint.post("/<int:load_id>/plan")
def plan(load_id: int) -> Response:
    """Queue the reading of the files again, after the queue was out of reach."""
    with transaction() as db:
        load = operations.find(db, load_id, scope())
    if load.status == LoadStatus.RECEIVED:
        the_console().queue.plan_load(load.id)
    return _back_to(load_id)


@blueprint.post("/<int:load_id>/approve")
@refused_on(show)
def approve(load_id: int) -> Response:
    """Approve what the page showed: the digest is that of the page, not of the moment.

    A school over its limits is part of it only when it was ticked by itself.
    """
    seen = request.form.get("digest") or abort(400)
    confirmed = set(request.form.getlist("over_limits"))
    with transaction() as db:
        load = operations.find(db, load_id, scope())
        plans = operations.plans(db, load, scope())
        limits, exceeds = settings().limits, "city_day" in request.form
        waiting = {p.school_code: p.breaches for p in plans if p.awaits_yes}
        chosen = {code for code, breaches in waiting.items() if not breaches or code in confirmed}
        if not exceeds:
            day = operations.day_of(db, plans, limits, now())
            harmless = {p.school_code for p in plans if not day.concerns(p)}
            chosen = chosen & harmless or chosen
        if not chosen and not confirmed:
            chosen = set(waiting)  # refused, because a tick is missing
        load = operations.approve(
            db, load_id, scope=scope(), now=now(), expected_digest=seen,
            over_limits=bool(confirmed), city_day=exceeds, schools=chosen, limits=limits,
        )  # fmt: skip
        # Where all of it is of the next year, there is nothing to apply before its day.
        can_begin = load.status == LoadStatus.APPROVED
        if is_to_apply := can_begin and request.form.get("then") == "apply":
            operations.ready_to_apply(db, load_id, scope=scope(), now=now())
    if is_to_apply:
        the_console().queue.apply_load(load_id)
        return _back_to(load_id)
    return done(_("The plan is approved. Nothing was changed in Moodle yet."), SHOW)


@blueprint.post("/<int:load_id>/reject")
@refused_on(show)
def reject(load_id: int) -> Response:
    with transaction() as db:
        operations.reject(db, load_id, scope=scope(), now=now())
    return done(_("The plan is rejected. Nothing was changed in Moodle."), SHOW)


@blueprint.post("/<int:load_id>/apply")
@refused_on(show)
def apply(load_id: int) -> Response:
    """Queue the approved plans; also to go on after a stop and to try failed changes again."""
    with transaction() as db:
        operations.ready_to_apply(db, load_id, scope=scope(), now=now())
    the_console().queue.apply_load(load_id)
    return _back_to(load_id)


@blueprint.post("/<int:load_id>/retry")
@refused_on(show)
def retry(load_id: int) -> Response:
    """Try again what failed: by the same plan, or by a new one where that cannot help."""
    with transaction() as db:
        load, is_new = failures.try_again(
            db, load_id, home=settings().home, scope=scope(), now=now()
        )
        number = load.id
    queue = the_console().queue
    (queue.plan_load if is_new else queue.apply_load)(number)
    return _back_to(number)


@blueprint.post("/<int:load_id>/undo")
@refused_on(show)
def undo(load_id: int) -> Response:
    """Plan a load that brings back what this one changed; its page is the preview."""
    with transaction() as db:
        number = undoing.begin(
            db, [load_id], home=settings().home, scope=scope(), now=now(),
            with_later="with_later" in request.form, also_changed="also_changed" in request.form,
        ).id  # fmt: skip
    the_console().queue.plan_load(number)
    return _back_to(number)


@blueprint.post("/<int:load_id>/stop")
@refused_on(show)
def stop(load_id: int) -> Response:
    with transaction() as db:
        operations.request_stop(db, load_id, scope=scope(), now=now())
    return done(_("It stops after the batch that is under way. You can go on later."), SHOW)


def _back_to(load_id: int) -> Response:
    return redirect(url_for(SHOW, load_id=load_id))
