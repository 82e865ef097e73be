"""What Moodle refused of a load that was applied: counted, told with what helps, tried again."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import ColumnElement, and_, exists, func, select
from sqlalchemy.orm import Session

from provisioning.changes import ACCOUNT_GONE, LOGIN_TAKEN, Result
from service import audit
from service.access import Scope
from service.application import Application
from service.audit import AuditAction
from service.db import transaction
from service.loads.operations import LoadProblem, find, new_load, ready_to_apply, scope_of
from service.models import (
    Load,
    LoadCause,
    LoadStatus,
    PlannedChange,
    PlanStatus,
    School,
    SchoolPlan,
)

NEEDS_ANOTHER_PLAN = LOGIN_TAKEN | {ACCOUNT_GONE}
"""Codes of outcomes that the same plan, tried again, would only bring again."""

OVER = (LoadStatus.APPLIED, LoadStatus.APPLIED_WITH_FAILURES)
"""States of a load whose plans went to Moodle to the end."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Failures:
    """What failed in the schools of one operator."""

    reasons: Sequence[tuple[str, int]] = ()
    """Code and number of changes, the commonest first."""
    again: Sequence[str] = ()
    """Codes of the schools to be planned again: all that failed and were not planned since, if any
    of them needs another plan; none where applying again is enough."""
    some_as_planned: bool = False
    """Some of it may succeed by the plan that it failed by."""
    overtaken: bool = False
    """A later load of every school concerned was begun: what failed was planned again there."""

    @property
    def count(self) -> int:
        return sum(number for _code, number in self.reasons)


def _failed(scope: Scope) -> ColumnElement[bool]:
    return and_(
        PlannedChange.result == Result.FAILED,
        SchoolPlan.status == PlanStatus.APPLIED,
        SchoolPlan.school_code.in_(scope.codes()),
    )


_IS_CURRENT = SchoolPlan.known_version == School.known_version
"""No later load of the school was begun since."""


def failures(session: Session, load: Load, scope: Scope) -> Failures:
    """Return what failed in the load, of the schools inside the scope."""
    rows = session.execute(
        select(PlannedChange.code, SchoolPlan.school_code, _IS_CURRENT, func.count())
        .join(SchoolPlan)
        .join(School)
        .where(SchoolPlan.load_id == load.id, _failed(scope))
        .group_by(PlannedChange.code, SchoolPlan.id, School.code)
    ).all()
    reasons: Counter[str] = Counter()
    for code, _school, _current, count in rows:
        reasons[code] += count
    open_ = [(code, school) for code, school, current, _ in rows if current]
    needs_another_plan = [code in NEEDS_ANOTHER_PLAN for code, _ in open_]
    return Failures(
        reasons=sorted(reasons.items(), key=lambda one: (-one[1], one[0])),
        again=sorted({school for _, school in open_}) if any(needs_another_plan) else (),
        some_as_planned=not all(needs_another_plan),
        overtaken=bool(rows) and not open_,
    )


def counts(session: Session, loads: Collection[Load], scope: Scope) -> dict[int, int]:
    """Count the failed changes of each load in the schools inside the scope, where any failed."""
    numbers = [load.id for load in loads if load.status == LoadStatus.APPLIED_WITH_FAILURES]
    rows = session.execute(
        select(SchoolPlan.load_id, func.count())
        .join(PlannedChange)
        .where(SchoolPlan.load_id.in_(numbers), _failed(scope))
        .group_by(SchoolPlan.load_id)
    )
    return dict(rows.all())


def totals(session: Session, numbers: Collection[int], scope: Scope) -> dict[int, int]:
    """Count all changes of these loads' approved and applied plans inside the scope."""
    rows = session.execute(
        select(SchoolPlan.load_id, func.count())
        .join(PlannedChange)
        .where(
            SchoolPlan.load_id.in_(numbers),
            SchoolPlan.status.in_([PlanStatus.APPROVED, PlanStatus.APPLIED]),
            SchoolPlan.school_code.in_(scope.codes()),
        )
        .group_by(SchoolPlan.load_id)
    )
    return dict(rows.all())


def unsettled(session: Session, scope: Scope) -> Sequence[Load]:
    """Return loads with failures that no later load has planned again, newest first."""
    failed = select(SchoolPlan.load_id).join(School).join(PlannedChange)
    current = failed.where(_IS_CURRENT, _failed(scope))
    query = (
        select(Load)
        .where(Load.status == LoadStatus.APPLIED_WITH_FAILURES, Load.id.in_(current))
        .order_by(Load.id.desc())
    )
    return session.scalars(query).all()


def final_status(session: Session, load_id: int) -> LoadStatus:
    """Return how a load that was applied to the end is called."""
    of_load = select(SchoolPlan.status).where(SchoolPlan.load_id == load_id)
    states = set(session.scalars(of_load))
    if PlanStatus.UNDONE in states and PlanStatus.APPLIED not in states:
        return LoadStatus.UNDONE
    failed = exists().where(
        PlannedChange.plan_id == SchoolPlan.id,
        SchoolPlan.load_id == load_id,
        SchoolPlan.status != PlanStatus.UNDONE,
        PlannedChange.result == Result.FAILED,
    )
    some = session.scalar(select(failed))
    return LoadStatus.APPLIED_WITH_FAILURES if some else LoadStatus.APPLIED


def try_again(
    session: Session, load_id: int, *, home: Path, scope: Scope, now: datetime
) -> tuple[Load, bool]:
    """Return the load that tries again what failed, and whether it is new and to be planned.

    A new plan is made where the old one, tried again, would only fail again; somebody has to
    approve it. Without the files the old one is tried, if that can help some of them. Raises
    ``LoadProblem``: ``load.nothing_failed``, ``load.overtaken`` (a later load has planned it
    again), ``load.files_gone``, and as ``ready_to_apply``.
    """
    load = find(session, load_id, scope)
    failed = failures(session, load, scope)
    if not failed.count:
        raise LoadProblem("load.nothing_failed")
    if failed.overtaken:
        raise LoadProblem("load.overtaken")
    if failed.again:
        again = waiting_again(session, load)
        if again is not None and not set(failed.again) <= set(again.only_schools or ()):
            again = None  # it is about schools of somebody else
        again = again or plan_again(session, load, failed.again, home=home, scope=scope, now=now)
        if again is not None:
            return again, True
        if not failed.some_as_planned:
            raise LoadProblem("load.files_gone")
    return ready_to_apply(session, load_id, scope=scope, now=now), False


def waiting_again(session: Session, load: Load) -> Load | None:
    """Return the new load of what failed here, as long as nobody has decided about it."""
    undecided = Load.status.in_([LoadStatus.RECEIVED, LoadStatus.PLANNED])
    newest = select(Load).where(Load.again_of == load.id, undecided).order_by(Load.id.desc())
    return session.scalar(newest.limit(1))


def plan_again_by_itself(application: Application, load_id: int) -> int | None:
    """Plan again, for its uploader, the schools of a load where only that helps.

    Returns the number of the new load, which is to be planned; None where there is none.
    """
    with transaction(application.sessions) as session:
        load = session.get_one(Load, load_id)
        scope = scope_of(load)
        if load.status != LoadStatus.APPLIED_WITH_FAILURES or waiting_again(session, load):
            return None
        schools = failures(session, load, scope).again
        if not schools:
            return None
        home, now = application.settings.home, application.clock()
        again = plan_again(session, load, schools, home=home, scope=scope, now=now)
        return again.id if again else None


def plan_again(
    session: Session,
    load: Load,
    schools: Collection[str],
    *,
    home: Path,
    scope: Scope,
    now: datetime,
) -> Load | None:
    """Return a new load over the same files, of these schools only, status *received*.

    None when the files are not kept any more: then somebody has to load them again. A load
    without files is planned again from the rows that are kept.
    """
    if load.cause == LoadCause.ROWS:
        # The list of loads asks here for failures only, and pays for no reader of files.
        from service.loads import replanning

        return replanning.plan_from_kept_rows(
            session, home=home, schools=schools, scope=scope, now=now, again_of=load.id
        )
    files = home / load.folder
    if not files.is_dir():
        return None
    again, folder = new_load(
        session, home=home, scope=scope, now=now, expected_school=load.expected_school,
        again_of=load.id, only_schools=sorted(schools),
    )  # fmt: skip
    shutil.copytree(files, folder, copy_function=_link_or_copy)
    audit.record(
        session, AuditAction.LOAD_PLAN_AGAIN, at=now, actor=scope.actor, load_id=again.id,
        again_of=load.id, schools=len(schools),
    )  # fmt: skip
    return again


def _link_or_copy(source: str, target: str) -> None:
    """Link the file, as uploaded ones are never changed; copy it where the disk knows no links."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
