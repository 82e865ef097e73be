"""The runs: their list, one run with its schools, and the operator's decisions about it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from provisioning.changes import Action, Kind
from service.access import Scope
from service.console.context import scope, the_console
from service.console.paging import Page, page_of
from service.i18n import gettext as _
from service.loads import claims, failures
from service.loads import operations as runs
from service.models import (
    OperatorRole,
    PlanStatus,
    RunFile,
    RunStatus,
    School,
    SchoolPlan,
    SyncRun,
)
from service.words import loads as wording

blueprint = Blueprint("runs", __name__, url_prefix="/runs")


@dataclass(frozen=True, kw_only=True, slots=True)
class CountedRun:
    """A run with the figures of the schools inside the operator's scope."""

    run: SyncRun
    schools: int
    people: int
    failed: int

    @property
    def status(self) -> str:
        """Of a run that failed in schools of others only, the operator's own are applied."""
        if self.run.status == RunStatus.APPLIED_WITH_FAILURES and not self.failed:
            return RunStatus.APPLIED
        return self.run.status


def with_counts(db: Session, some: Sequence[SyncRun], mine: Scope) -> list[CountedRun]:
    rows = db.execute(
        select(SchoolPlan.run_id, func.count(), func.sum(SchoolPlan.people))
        .where(
            SchoolPlan.run_id.in_([run.id for run in some]),
            SchoolPlan.school_code.in_(mine.codes()),
        )
        .group_by(SchoolPlan.run_id)
    )
    counts = {run_id: (schools, people or 0) for run_id, schools, people in rows}
    failed = failures.counts(db, some, mine)
    figures = [(run, *counts.get(run.id, (0, 0)), failed.get(run.id, 0)) for run in some]
    return [CountedRun(run=run, schools=s, people=p, failed=f) for run, s, p, f in figures]


@blueprint.get("")
def index() -> str:
    mine = scope()
    status = request.args.get("status", "")
    query = select(SyncRun).where(mine.runs()).order_by(SyncRun.id.desc())
    if status:
        query = query.where(SyncRun.status == status)
    with the_console().transaction() as db:
        page: Page[SyncRun] = page_of(db, query, size=50)
        counted = with_counts(db, page.items, mine)
        return render_template(
            "console/runs.html", runs=counted, page=page, status=status, statuses=list(RunStatus)
        )


@blueprint.get("/<int:run_id>")
def show(run_id: int) -> str:
    return _page(run_id)


@blueprint.errorhandler(runs.RunProblem)
def _refused(problem: runs.RunProblem) -> tuple[str, int]:
    """The page of the run again, with what was ticked and why nothing came of it."""
    return _page((request.view_args or {})["run_id"], problem), 409


def _page(run_id: int, problem: runs.RunProblem | None = None) -> str:
    mine = scope()
    with the_console().transaction() as db:
        run = runs.find(db, run_id, mine)
        plans = runs.plans(db, run, mine)
        names = select(School.code, School.short_name).where(mine.schools())
        found = Counter(finding.severity for finding in runs.findings(db, run, mine))
        open_plans = [plan for plan in plans if plan.status == PlanStatus.PLANNED]
        (counted,) = with_counts(db, [run], mine)
        return render_template(
            "console/run.html",
            run=run,
            status=counted.status,
            failures=failures.failures(db, run, mine),
            decidable=run.status in runs.OPEN,
            files=_files(run, plans, mine),
            plans=plans,
            school_names=dict(db.execute(names).all()),
            columns=_columns(plans),
            found=found,
            change_count=sum(sum(plan.counts.values()) for plan in plans),
            digest=runs.digest(plans),
            open_plans=open_plans,
            over_limits=[plan for plan in open_plans if plan.breaches],
            progress=runs.progress(db, run, mine),
            busy=_is_busy(run),
            queued=run.status == RunStatus.APPROVED and run.go_on_at is not None,
            refused=wording.run_problem(problem) if problem else "",
            needs_ticks=problem is not None and problem.code == "run.over_limits",
            ticked=request.form.getlist("over_limits"),
        )


def _is_busy(run: SyncRun) -> bool:
    """Something is, or will soon be, at work on the run, so its page follows the progress."""
    now = the_console().now()
    if run.status == RunStatus.APPLYING and claims.is_live(run.claimed_by, run.claimed_at, now):
        return True
    goes_on = run.status in {RunStatus.APPROVED, RunStatus.APPLYING, RunStatus.STOPPED}
    is_due = goes_on and run.go_on_at is not None and run.go_on_at <= now
    return run.status == RunStatus.RECEIVED or is_due


def _files(run: SyncRun, plans: Sequence[SchoolPlan], mine: Scope) -> list[RunFile]:
    """The files that the operator loaded or that are about a school of theirs."""
    if mine.role == OperatorRole.CITY or run.created_by == mine.actor:
        return run.files
    own = {plan.school_code for plan in plans}
    return [file for file in run.files if file.school_code in own]


def _columns(plans: Iterable[SchoolPlan]) -> list[str]:
    """The kinds of change that occur, in the order of a plan: ``user.create`` and so on."""
    present = {name for plan in plans for name, count in plan.counts.items() if count}
    names = [f"{kind}.{action}" for kind in Kind for action in Action]
    return [name for name in names if name in present]


@blueprint.get("/<int:run_id>/progress.json")
def progress(run_id: int) -> dict[str, object]:
    """What the page of a busy run asks every second or two."""
    mine = scope()
    with the_console().transaction() as db:
        run = runs.find(db, run_id, mine)
        figures = runs.progress(db, run, mine)
    return {"status": run.status, "busy": _is_busy(run), **figures}


@blueprint.post("/<int:run_id>/plan")
def plan(run_id: int) -> Response:
    """Queue the reading of the files again, after the queue was out of reach."""
    with the_console().transaction() as db:
        run = runs.find(db, run_id, scope())
    if run.status == RunStatus.RECEIVED:
        the_console().queue.plan_run(run.id)
    return _back_to(run_id)


@blueprint.post("/<int:run_id>/approve")
def approve(run_id: int) -> Response:
    """Approve what the page showed: the digest is that of the page, not of the moment.

    A school over its limits is part of it only when it was ticked by itself.
    """
    console = the_console()
    seen = request.form.get("digest") or abort(400)
    confirmed = set(request.form.getlist("over_limits"))
    with console.transaction() as db:
        run = runs.find(db, run_id, scope())
        waiting = [
            plan for plan in runs.plans(db, run, scope()) if plan.status == PlanStatus.PLANNED
        ]
        chosen = {
            plan.school_code
            for plan in waiting
            if not plan.breaches or plan.school_code in confirmed
        }
        if not chosen and not confirmed:
            # Refused, because a tick is missing.
            chosen = {plan.school_code for plan in waiting}
        runs.approve(
            db,
            run_id,
            scope=scope(),
            now=console.now(),
            expected_digest=seen,
            over_limits=bool(confirmed),
            schools=chosen,
        )
        if is_to_apply := request.form.get("then") == "apply":
            runs.ready_to_apply(db, run_id, scope=scope(), now=console.now())
    if is_to_apply:
        console.queue.apply_run(run_id)
        return _back_to(run_id)
    flash(_("The plan is approved. Nothing was changed in Moodle yet."))
    return _back_to(run_id)


@blueprint.post("/<int:run_id>/reject")
def reject(run_id: int) -> Response:
    console = the_console()
    with console.transaction() as db:
        runs.reject(db, run_id, scope=scope(), now=console.now())
    flash(_("The plan is rejected. Nothing was changed in Moodle."))
    return _back_to(run_id)


@blueprint.post("/<int:run_id>/apply")
def apply(run_id: int) -> Response:
    """Queue the approved plans; also to go on after a stop and to try failed changes again."""
    console = the_console()
    with console.transaction() as db:
        runs.ready_to_apply(db, run_id, scope=scope(), now=console.now())
    console.queue.apply_run(run_id)
    return _back_to(run_id)


@blueprint.post("/<int:run_id>/retry")
def retry(run_id: int) -> Response:
    """Try again what failed: by the same plan, or by a new one where that cannot help."""
    console = the_console()
    with console.transaction() as db:
        run, is_new = runs.try_again(
            db, run_id, home=console.application.settings.home, scope=scope(), now=console.now()
        )
        number = run.id
    if is_new:
        console.queue.plan_run(number)
        return _back_to(number)
    console.queue.apply_run(number)
    return _back_to(number)


@blueprint.post("/<int:run_id>/stop")
def stop(run_id: int) -> Response:
    console = the_console()
    with console.transaction() as db:
        runs.request_stop(db, run_id, scope=scope(), now=console.now())
    flash(_("It stops after the batch that is under way. You can go on later."))
    return _back_to(run_id)


def _back_to(run_id: int) -> Response:
    return redirect(url_for("console.runs.show", run_id=run_id))
