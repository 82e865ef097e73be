"""Use cases of a Load up to its approval: receive, look, approve, reject.

Planning is in planning.py, applying in applying.py. Each use case is one short transaction.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, false, func, select, update
from sqlalchemy.orm import Session

from provisioning.changes import Result
from provisioning.findings import Finding, Severity
from provisioning.settings import LimitSettings
from service import audit
from service.access import Forbidden, Scope
from service.audit import AuditAction
from service.db import LARGEST, copied
from service.loads import city_day as city_day_limits
from service.loads import claims
from service.models import (
    Load,
    LoadFinding,
    LoadStatus,
    OperatorRole,
    PlannedChange,
    PlanStatus,
    School,
    SchoolPlan,
)
from service.problems import Problem

ABOUT_THE_FILE = ("school.wrong", "school.outside_scope")
"""Rules of a whole file that is of another school than it may be."""

OPEN = frozenset(
    {
        LoadStatus.PLANNED,
        LoadStatus.APPROVED,
        LoadStatus.STOPPED,
        LoadStatus.APPLIED,
        LoadStatus.APPLIED_WITH_FAILURES,
    }
)
"""States in which a school may still wait for its yes."""


class LoadProblem(Problem):
    """The load cannot do what was asked."""


def new_load(
    session: Session, *, home: Path, scope: Scope, now: datetime, **about: Any
) -> tuple[Load, Path]:
    """Add a load, status *received*; its files belong into the folder, which is not there yet."""
    load = Load(
        status=LoadStatus.RECEIVED, created_at=now, created_by=scope.actor, folder="",
        scope_role=scope.role, scope_items=sorted(scope.items), **about,
    )  # fmt: skip
    session.add(load)
    session.flush()
    load.folder = f"uploads/{load.id:06d}"
    folder = home / load.folder
    shutil.rmtree(folder, ignore_errors=True)
    return load, folder


def receive(
    session: Session,
    *,
    home: Path,
    paths: Sequence[tuple[str, Path]],
    scope: Scope,
    expected_school: str,
    now: datetime,
) -> Load:
    """Store copies of the uploaded files under a new load.

    ``paths`` are (name the user knows, where it lies now); a folder is copied whole. Raises
    ``LoadProblem("load.not_copied")`` when one cannot be read, or there is no room.
    """
    if scope.role == OperatorRole.SCHOOL and not expected_school and len(scope.items) == 1:
        (expected_school,) = scope.items
    load, folder = new_load(
        session, home=home, scope=scope, now=now, expected_school=expected_school
    )
    folder.mkdir(parents=True, mode=0o700)
    for name, path in paths:
        try:
            if path.is_dir():
                shutil.copytree(path, folder / Path(name).name, dirs_exist_ok=True)
            else:
                # With its time: of some files that is the time of export.
                shutil.copy2(path, _free_name(folder / Path(name).name))
        except OSError as error:
            shutil.rmtree(folder, ignore_errors=True)
            raise LoadProblem("load.not_copied", name=name) from error
    audit.record(
        session, AuditAction.LOAD_RECEIVE, at=now, actor=scope.actor, load_id=load.id,
        files=len(paths),
    )  # fmt: skip
    return load


def _free_name(path: Path) -> Path:
    """Return ``path``, or ``name-2.xml`` and so on: two uploads of one name are both kept."""
    free, number = path, 1
    while free.exists():
        number += 1
        free = path.with_name(f"{path.stem}-{number}{path.suffix}")
    return free


def find(session: Session, load_id: int, scope: Scope) -> Load:
    """Return the load, if the operator may see it. Raises ``Forbidden`` when unknown or outside."""
    # Asked for more, a database driver breaks off instead of finding nothing.
    known = Load.id == load_id if load_id <= LARGEST else false()
    load = session.scalar(select(Load).where(known, scope.loads()))
    if load is None:
        raise Forbidden
    return load


def hold(session: Session, load: Load) -> None:
    """Let nobody else change the load before the transaction ends: a worker may just begin."""
    # An update, because SQLite knows no FOR UPDATE: there it waits for, and stops, all that write.
    session.execute(update(Load).where(Load.id == load.id).values(folder=Load.folder))
    session.refresh(load)


def _to_decide(session: Session, load_id: int, scope: Scope) -> tuple[Load, Sequence[SchoolPlan]]:
    """Find a load and its plans, and hold both."""
    load = find(session, load_id, scope)
    # The plans first, as planning does: it and a decision must not wait for each other.
    plans(session, load, scope, held=True)
    hold(session, load)
    return load, plans(session, load, scope, held=True)


def scope_of(load: Load) -> Scope:
    """Return the uploader's part of the city at that moment."""
    items = frozenset(load.scope_items)
    return Scope(actor=load.created_by, role=OperatorRole(load.scope_role), items=items)


def plans(
    session: Session, load: Load, scope: Scope, *, held: bool = False
) -> Sequence[SchoolPlan]:
    """Return the load's plans of the schools inside the scope; ``held`` from here on."""
    query = (
        select(SchoolPlan)
        .where(SchoolPlan.load_id == load.id, SchoolPlan.school_code.in_(scope.codes()))
        .order_by(SchoolPlan.school_code)
    )
    if held:
        query = query.with_for_update().execution_options(populate_existing=True)
    return session.scalars(query).all()


def digest(school_plans: Iterable[SchoolPlan]) -> str:
    """Return the digest of the plans that can be approved, which an approval names."""
    text = "".join(
        f"{plan.school_code} {plan.digest}\n"
        for plan in school_plans
        if plan.status != PlanStatus.BLOCKED
    )
    return hashlib.sha256(text.encode()).hexdigest()


def approve(
    session: Session,
    load_id: int,
    *,
    scope: Scope,
    now: datetime,
    expected_digest: str = "",
    over_limits: bool = False,
    city_day: bool | None = None,
    schools: Collection[str] | None = None,
    limits: LimitSettings | None = None,
) -> Load:
    """Say yes to the plans of a load.

    ``schools`` narrows the yes: None means every school, an empty collection means none. A plan
    over its limits is approved only with ``over_limits``, the second, explicit yes. Raises
    ``LoadProblem``: ``load.not_planned``, ``load.digest_differs``, ``load.nothing_to_approve``,
    ``load.already_decided`` (somebody said yes before), ``load.over_limits``, ``load.city_day``
    (only the city may approve it, with ``city_day``, which is ``over_limits`` when not said).
    Nothing at all is approved then. A plan of the next school year gets its yes for the day when
    the school turns.
    """
    load, mine = _to_decide(session, load_id, scope)
    # Also after the rest was applied: the yes to it may have left these out.
    if load.status not in OPEN:
        raise LoadProblem("load.not_planned", status=load.status)
    if expected_digest and not digest(mine).startswith(expected_digest):
        raise LoadProblem("load.digest_differs")
    asked = [plan for plan in mine if schools is None or plan.school_code in schools]
    open_plans = [plan for plan in asked if plan.status == PlanStatus.PLANNED]
    waiting = [plan for plan in asked if plan.awaits_yes and plan not in open_plans]
    if not open_plans and not waiting:
        raise _nothing_to_approve(load, mine, schools)
    breached = [plan.school_code for plan in (*open_plans, *waiting) if plan.breaches]
    if breached and not over_limits:
        raise LoadProblem("load.over_limits", schools=", ".join(breached))
    city_day_limits.hold(session)
    day = city_day_limits.over(session, open_plans, limits or LimitSettings(), now)
    held = {plan.school_code for plan in open_plans if day.concerns(plan)}
    may = over_limits if city_day is None else city_day
    if held and not (may and scope.is_city):
        raise LoadProblem("load.city_day", schools=", ".join(sorted(held)))
    for plan in open_plans:
        plan.status, plan.limits_confirmed = PlanStatus.APPROVED, bool(plan.breaches)
        plan.counted_at, plan.city_confirmed = now, plan.school_code in held
    for plan in waiting:
        plan.year_confirmed = True
    if open_plans:
        load.status = LoadStatus.APPROVED
        # A yes is no order to apply: ``ready_to_apply`` gives that, for the rest of the load too.
        load.go_on_at = None
    load.approved_at, load.approved_by = now, scope.actor
    audit.record(
        session, AuditAction.LOAD_APPROVE, at=now, actor=scope.actor, load_id=load.id,
        digest=digest(mine), schools=len(open_plans) + len(waiting), over_limits=len(breached),
        city_day=len(held),
    )  # fmt: skip
    return load


def day_of(
    session: Session, plans: Iterable[SchoolPlan], limits: LimitSettings, now: datetime
) -> city_day_limits.Day:
    """Return what the plans that wait for a yes would exceed of the city's day."""
    waiting = [plan for plan in plans if plan.status == PlanStatus.PLANNED]
    return city_day_limits.over(session, waiting, limits, now)


def _nothing_to_approve(
    load: Load, mine: Iterable[SchoolPlan], schools: Collection[str] | None
) -> LoadProblem:
    """Tell why: somebody said yes before, or the schools asked for never waited."""
    decided = {
        plan.school_code
        for plan in mine
        if plan.status in {PlanStatus.APPROVED, PlanStatus.APPLIED} or plan.year_confirmed
    }
    if decided & set(schools) if schools else decided:
        return LoadProblem("load.already_decided", who=load.approved_by)
    return LoadProblem("load.nothing_to_approve")


def reject(session: Session, load_id: int, *, scope: Scope, now: datetime) -> Load:
    """Say no. Raises ``LoadProblem("load.already_applied")`` once anything was applied."""
    load, mine = _to_decide(session, load_id, scope)
    open_states = {LoadStatus.RECEIVED, LoadStatus.PLANNED, LoadStatus.APPROVED}
    if load.status not in open_states or any(plan.started for plan in mine):
        raise LoadProblem("load.already_applied", status=load.status)
    for plan in mine:
        plan.status = PlanStatus.REJECTED
    left = {plan.status for plan in load.plans}
    if not left & {
        PlanStatus.PLANNED, PlanStatus.PENDING, PlanStatus.APPROVED, PlanStatus.APPLIED
    }:  # fmt: skip
        load.status = LoadStatus.REJECTED
        load.finished_at = now
    elif left & {PlanStatus.PLANNED} and PlanStatus.APPROVED not in left:
        load.status = LoadStatus.PLANNED
    if load.status != LoadStatus.APPROVED:
        load.go_on_at = None
    audit.record(
        session, AuditAction.LOAD_REJECT, at=now, actor=scope.actor, load_id=load.id,
        schools=len(mine),
    )  # fmt: skip
    return load


def request_stop(session: Session, load_id: int, *, scope: Scope, now: datetime) -> None:
    """Ask the process that applies the load to stop after the current batch.

    When nobody is at work on it, it is stopped with that, and no worker goes on by itself.
    Raises ``LoadProblem("load.not_all_yours")``: it would stop schools outside the scope too.
    """
    load = find(session, load_id, scope)
    hold(session, load)
    if len(plans(session, load, scope)) < len(load.plans):
        raise LoadProblem("load.not_all_yours")
    load.stop_requested, load.go_on_at = True, None
    if not claims.is_live(load.claimed_by, load.claimed_at, now):
        claims.stop_here(load)
    audit.record(session, AuditAction.LOAD_STOP, at=now, actor=scope.actor, load_id=load.id)


def findings(session: Session, load: Load, scope: Scope) -> Sequence[LoadFinding]:
    """Return the load's findings; those of no school only to its uploader and to the city.

    The uploader also reads that a file is of a school of others: it says nothing that the file did
    not say, and without it nobody knows why nothing was read.
    """
    visible: ColumnElement[bool] = LoadFinding.school_code.in_(scope.codes())
    if load.created_by == scope.actor or scope.is_city:
        visible = visible | LoadFinding.school_code.not_in(select(School.code))
        visible = visible | LoadFinding.rule.in_(ABOUT_THE_FILE)
    query = (
        select(LoadFinding)
        .where(LoadFinding.load_id == load.id, visible)
        .order_by(LoadFinding.school_code, LoadFinding.file, LoadFinding.line, LoadFinding.id)
    )
    return session.scalars(query).all()


def as_finding(row: LoadFinding) -> Finding:
    """Return the stored finding as the core's value, which knows its words."""
    return copied(Finding, row, severity=Severity(row.severity))


def progress(session: Session, load: Load, scope: Scope) -> dict[str, int]:
    """Count the changes of the approved plans: ``total``, ``done``, ``failed``, ``skipped``."""
    rows = session.execute(
        select(PlannedChange.result, func.count())
        .join(SchoolPlan)
        .where(
            SchoolPlan.load_id == load.id,
            SchoolPlan.status.in_([PlanStatus.APPROVED, PlanStatus.APPLIED]),
            SchoolPlan.school_code.in_(scope.codes()),
        )
        .group_by(PlannedChange.result)
    )
    counts = dict(rows.all())
    ended = {result.value: counts.get(result, 0) for result in Result}
    return {"total": sum(counts.values()), **ended}


def latest(session: Session, scope: Scope, limit: int) -> Sequence[Load]:
    """Return the newest loads first."""
    newest = select(Load).where(scope.loads()).order_by(Load.id.desc()).limit(limit)
    return session.scalars(newest).all()


def changes(
    session: Session, load: Load, scope: Scope, result: Result | None = None
) -> Iterator[tuple[str, PlannedChange]]:
    """Yield (school code, change) of every plan inside the scope, in the order of applying.

    With ``result``, only those that ended so.
    """
    query = (
        select(SchoolPlan.school_code, PlannedChange)
        .join(SchoolPlan)
        .where(SchoolPlan.load_id == load.id, SchoolPlan.school_code.in_(scope.codes()))
        .order_by(SchoolPlan.school_code, PlannedChange.position)
    )
    if result is not None:
        query = query.where(PlannedChange.result == result)
    yield from session.execute(query).yield_per(1000)


def ready_to_apply(session: Session, load_id: int, *, scope: Scope, now: datetime) -> Load:
    """Return the load, if it may be applied or continued, and clear an old wish to stop.

    From now on workers go on with it by themselves, whatever happens to the queue.

    Raises ``LoadProblem("load.not_approved")``; an applied load with failed changes may go again.
    """
    load = find(session, load_id, scope)
    hold(session, load)
    if load.status not in {*OPEN, LoadStatus.APPLYING} - {LoadStatus.PLANNED}:
        raise LoadProblem("load.not_approved", status=load.status)
    load.stop_requested, load.go_on_at, load.beginnings = False, now, 0
    if not claims.is_live(load.claimed_by, load.claimed_at, now):
        load.status = LoadStatus.APPROVED
    return load
