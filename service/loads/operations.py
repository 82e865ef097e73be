"""Use cases of a SyncRun up to its approval: receive, look, approve, reject.

Planning is in planning.py, applying in applying.py. Each use case is one short transaction.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, cast

from sqlalchemy import ColumnElement, CursorResult, func, select, update
from sqlalchemy.orm import Session

from provisioning.changes import Result
from provisioning.findings import Finding, Severity
from service.access import Forbidden, Scope
from service.loads import claims
from service.loads.failures import failures, plan_again, waiting_again
from service.models import (
    AuditEntry,
    OperatorRole,
    PlannedChange,
    PlanStatus,
    RunFinding,
    RunStatus,
    School,
    SchoolPlan,
    SyncRun,
)

LARGEST_NUMBER = 2**31 - 1
"""Of a run's column. Asked for more, a database driver breaks off instead of finding nothing."""


ABOUT_THE_FILE = ("school.wrong", "school.outside_scope")
"""Rules of a whole file that is of another school than it may be."""

OPEN = frozenset(
    {
        RunStatus.PLANNED,
        RunStatus.APPROVED,
        RunStatus.STOPPED,
        RunStatus.APPLIED,
        RunStatus.APPLIED_WITH_FAILURES,
    }
)
"""States in which a school may still wait for its yes."""


class RunProblem(Exception):
    """The run cannot do what was asked. ``code`` is stable; views and the CLI have its words."""

    def __init__(self, code: str, **values: str) -> None:
        super().__init__(code)
        self.code = code
        self.values = values


def receive(
    session: Session,
    *,
    home: Path,
    paths: Sequence[tuple[str, Path]],
    scope: Scope,
    expected_school: str,
    now: datetime,
) -> SyncRun:
    """Store copies of the uploaded files under a new run, status *received*.

    ``paths`` are (name the user knows, where it lies now); a folder is copied whole. Raises
    ``RunProblem("run.not_copied")`` when one cannot be read, or there is no room.
    """
    if scope.role == OperatorRole.SCHOOL and not expected_school and len(scope.items) == 1:
        (expected_school,) = scope.items
    run = SyncRun(
        status=RunStatus.RECEIVED,
        created_at=now,
        created_by=scope.actor,
        scope_role=scope.role,
        scope_items=sorted(scope.items),
        expected_school=expected_school,
        folder="",
    )
    session.add(run)
    session.flush()
    run.folder = f"uploads/{run.id:06d}"
    target = home / run.folder
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True, mode=0o700)
    for name, path in paths:
        try:
            if path.is_dir():
                shutil.copytree(path, target / Path(name).name, dirs_exist_ok=True)
            else:
                shutil.copyfile(path, _free_name(target / Path(name).name))
        except OSError as error:
            shutil.rmtree(target, ignore_errors=True)
            raise RunProblem("run.not_copied", name=name) from error
    _audit(session, scope, "run.receive", run, now, files=len(paths))
    return run


def _free_name(path: Path) -> Path:
    """``path``, or ``name-2.xml`` and so on: two uploads of one name are both kept."""
    free, number = path, 1
    while free.exists():
        number += 1
        free = path.with_name(f"{path.stem}-{number}{path.suffix}")
    return free


def find(session: Session, run_id: int, scope: Scope) -> SyncRun:
    """The run, if the operator may see it. Raises ``Forbidden`` when unknown or outside."""
    if run_id > LARGEST_NUMBER:
        raise Forbidden
    run = session.scalar(select(SyncRun).where(SyncRun.id == run_id, scope.runs()))
    if run is None:
        raise Forbidden
    return run


def plans(session: Session, run: SyncRun, scope: Scope) -> list[SchoolPlan]:
    """The run's plans of the schools inside the scope."""
    return list(
        session.scalars(
            select(SchoolPlan)
            .where(SchoolPlan.run_id == run.id, SchoolPlan.school_code.in_(scope.codes()))
            .order_by(SchoolPlan.school_code)
        )
    )


def digest(school_plans: Iterable[SchoolPlan]) -> str:
    """One digest over the plans of a run that can be approved: what an approval names."""
    text = "".join(
        f"{plan.school_code} {plan.digest}\n"
        for plan in school_plans
        if plan.status != PlanStatus.BLOCKED
    )
    return hashlib.sha256(text.encode()).hexdigest()


def approve(
    session: Session,
    run_id: int,
    *,
    scope: Scope,
    now: datetime,
    expected_digest: str = "",
    over_limits: bool = False,
    schools: Collection[str] | None = None,
) -> SyncRun:
    """Say yes to the plans of a run.

    ``schools`` narrows the yes: None means every school, an empty collection means none. A plan
    over its limits is approved only with ``over_limits``, the second, explicit yes. Raises
    ``RunProblem``: ``run.not_planned``, ``run.digest_differs``, ``run.nothing_to_approve``,
    ``run.already_decided`` (somebody said yes before), ``run.over_limits``. Nothing at all is
    approved then.
    """
    run = find(session, run_id, scope)
    # Also after the rest was applied: the yes to it may have left these out.
    if run.status not in OPEN:
        raise RunProblem("run.not_planned", status=run.status)
    mine = plans(session, run, scope)
    if expected_digest and not digest(mine).startswith(expected_digest):
        raise RunProblem("run.digest_differs")
    open_plans = [
        plan
        for plan in mine
        if plan.status == PlanStatus.PLANNED and (schools is None or plan.school_code in schools)
    ]
    if not open_plans:
        raise _nothing_to_approve(run, mine, schools)
    breached = [plan.school_code for plan in open_plans if plan.breaches]
    if breached and not over_limits:
        raise RunProblem("run.over_limits", schools=", ".join(breached))
    if not _approve_plans(session, open_plans):
        raise _nothing_to_approve(run, mine, schools)
    run.status = RunStatus.APPROVED
    run.approved_at, run.approved_by = now, scope.actor
    _audit(
        session, scope, "run.approve", run, now,
        digest=digest(mine), schools=len(open_plans), over_limits=len(breached),
    )  # fmt: skip
    return run


def _approve_plans(session: Session, open_plans: Sequence[SchoolPlan]) -> bool:
    """Whether all of them still waited: of two presses at the same moment only one succeeds."""
    breached = [plan.id for plan in open_plans if plan.breaches]
    done = session.execute(
        update(SchoolPlan)
        .where(
            SchoolPlan.id.in_([plan.id for plan in open_plans]),
            SchoolPlan.status == PlanStatus.PLANNED,
        )
        .values(status=PlanStatus.APPROVED, limits_confirmed=SchoolPlan.id.in_(breached))
        .execution_options(synchronize_session="fetch")
    )
    return cast(CursorResult[Any], done).rowcount == len(open_plans)


def _nothing_to_approve(
    run: SyncRun, mine: Iterable[SchoolPlan], schools: Collection[str] | None
) -> RunProblem:
    """Why: somebody said yes before, or the schools asked for never waited."""
    decided = {
        plan.school_code
        for plan in mine
        if plan.status in {PlanStatus.APPROVED, PlanStatus.APPLIED}
    }
    if decided & set(schools) if schools else decided:
        return RunProblem("run.already_decided", who=run.approved_by)
    return RunProblem("run.nothing_to_approve")


def reject(session: Session, run_id: int, *, scope: Scope, now: datetime) -> SyncRun:
    """Say no. Raises ``RunProblem("run.already_applied")`` once anything was applied."""
    run = find(session, run_id, scope)
    mine = plans(session, run, scope)
    open_states = {RunStatus.RECEIVED, RunStatus.PLANNED, RunStatus.APPROVED}
    if run.status not in open_states or any(plan.started for plan in mine):
        raise RunProblem("run.already_applied", status=run.status)
    for plan in mine:
        plan.status = PlanStatus.REJECTED
    left = {plan.status for plan in run.plans}
    if not left & {PlanStatus.PLANNED, PlanStatus.APPROVED, PlanStatus.APPLIED}:
        run.status = RunStatus.REJECTED
        run.finished_at = now
    elif left & {PlanStatus.PLANNED} and PlanStatus.APPROVED not in left:
        run.status = RunStatus.PLANNED
    if run.status != RunStatus.APPROVED:
        run.go_on_at = None
    _audit(session, scope, "run.reject", run, now, schools=len(mine))
    return run


def request_stop(session: Session, run_id: int, *, scope: Scope, now: datetime) -> None:
    """Ask the process that applies the run to stop after the current batch.

    When nobody is at work on it, it is stopped with that, and no worker goes on by itself.
    Raises ``RunProblem("run.not_all_yours")``: it would stop schools outside the scope too.
    """
    run = find(session, run_id, scope)
    if len(plans(session, run, scope)) < len(run.plans):
        raise RunProblem("run.not_all_yours")
    # Locked: a worker may be about to begin.
    session.refresh(run, with_for_update=True)
    run.stop_requested, run.go_on_at = True, None
    if not claims.is_live(run.claimed_by, run.claimed_at, now):
        claims.stop_here(run)
    _audit(session, scope, "run.stop", run, now)


def findings(session: Session, run: SyncRun, scope: Scope) -> list[RunFinding]:
    """The run's findings; those of no school only for whoever uploaded it, or the city.

    Whoever uploaded it also reads that a file is of a school of others: it says nothing that the
    file did not say, and without it nobody knows why nothing was read.
    """
    visible: ColumnElement[bool] = RunFinding.school_code.in_(scope.codes())
    if run.created_by == scope.actor or scope.role == OperatorRole.CITY:
        visible = visible | RunFinding.school_code.not_in(select(School.code))
        visible = visible | RunFinding.rule.in_(ABOUT_THE_FILE)
    return list(
        session.scalars(
            select(RunFinding)
            .where(RunFinding.run_id == run.id, visible)
            .order_by(RunFinding.school_code, RunFinding.file, RunFinding.line, RunFinding.id)
        )
    )


def as_finding(row: RunFinding) -> Finding:
    """The stored finding as the core's value, which knows its words."""
    return Finding(
        rule=row.rule,
        severity=Severity(row.severity),
        file=row.file,
        line=row.line,
        school_code=row.school_code,
        sourced_id=row.sourced_id,
        person=row.person,
        field_name=row.field_name,
        value=row.value,
        details=row.details,
    )


def progress(session: Session, run: SyncRun, scope: Scope) -> dict[str, int]:
    """How many changes of the approved plans are ``total``, ``done``, ``failed``, ``skipped``."""
    rows = session.execute(
        select(PlannedChange.result, func.count())
        .join(SchoolPlan, SchoolPlan.id == PlannedChange.plan_id)
        .where(
            SchoolPlan.run_id == run.id,
            SchoolPlan.status.in_([PlanStatus.APPROVED, PlanStatus.APPLIED]),
            SchoolPlan.school_code.in_(scope.codes()),
        )
        .group_by(PlannedChange.result)
    )
    counts = {result or "open": number for result, number in rows}
    return {
        "total": sum(counts.values()),
        "done": counts.get("done", 0),
        "failed": counts.get("failed", 0),
        "skipped": counts.get("skipped", 0),
    }


def latest(session: Session, scope: Scope, limit: int) -> list[SyncRun]:
    """The newest runs first."""
    return list(
        session.scalars(
            select(SyncRun).where(scope.runs()).order_by(SyncRun.id.desc()).limit(limit)
        )
    )


def changes(
    session: Session, run: SyncRun, scope: Scope, result: Result | None = None
) -> Iterator[tuple[str, PlannedChange]]:
    """(school code, change) of every plan inside the scope, in the order of applying.

    With ``result``, only those that ended so.
    """
    query = (
        select(SchoolPlan.school_code, PlannedChange)
        .join(SchoolPlan, SchoolPlan.id == PlannedChange.plan_id)
        .where(SchoolPlan.run_id == run.id, SchoolPlan.school_code.in_(scope.codes()))
        .order_by(SchoolPlan.school_code, PlannedChange.position)
    )
    if result is not None:
        query = query.where(PlannedChange.result == result)
    yield from session.execute(query).yield_per(1000)


def ready_to_apply(session: Session, run_id: int, *, scope: Scope, now: datetime) -> SyncRun:
    """The run, if it may be applied or continued; clears an old wish to stop.

    From now on workers go on with it by themselves, whatever happens to the queue.

    Raises ``RunProblem("run.not_approved")``; an applied run with failed changes may go again.
    """
    run = find(session, run_id, scope)
    if run.status not in {
        RunStatus.APPROVED,
        RunStatus.APPLYING,
        RunStatus.STOPPED,
        RunStatus.APPLIED,
        RunStatus.APPLIED_WITH_FAILURES,
    }:
        raise RunProblem("run.not_approved", status=run.status)
    session.refresh(run, with_for_update=True)
    run.stop_requested, run.go_on_at, run.beginnings = False, now, 0
    if not claims.is_live(run.claimed_by, run.claimed_at, now):
        run.status = RunStatus.APPROVED
    return run


def try_again(
    session: Session, run_id: int, *, home: Path, scope: Scope, now: datetime
) -> tuple[SyncRun, bool]:
    """Try again what failed: the run that does it, and whether that is a new one to be planned.

    A new plan is made where the old one, tried again, would only fail again; somebody has to
    approve it. Raises ``RunProblem``: ``run.nothing_failed``, ``run.overtaken`` (a later load has
    planned it again), ``run.files_gone``, and as ``ready_to_apply``.
    """
    run = find(session, run_id, scope)
    failed = failures(session, run, scope)
    if not failed.count:
        raise RunProblem("run.nothing_failed")
    if failed.overtaken:
        raise RunProblem("run.overtaken")
    if not failed.again:
        return ready_to_apply(session, run_id, scope=scope, now=now), False
    again = waiting_again(session, run) or plan_again(
        session, run, failed.again, home=home, scope=scope, now=now
    )
    if again is None:
        raise RunProblem("run.files_gone")
    return again, True


def _audit(
    session: Session, scope: Scope, action: str, run: SyncRun, now: datetime, **details: object
) -> None:
    session.add(
        AuditEntry(at=now, actor=scope.actor, action=action, run_id=run.id, details=details)
    )
