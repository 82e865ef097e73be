"""What Moodle refused of a load that was applied: counted, told with what helps, tried again."""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from provisioning.changes import ACCOUNT_GONE, LOGIN_TAKEN, Result
from service import audit
from service.access import Scope
from service.application import Application
from service.audit import AuditAction
from service.db import transaction
from service.models import (
    Load,
    LoadStatus,
    OperatorRole,
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


def _of_plans(codes: ColumnElement[bool]) -> tuple[ColumnElement[bool], ...]:
    return PlannedChange.result == Result.FAILED, SchoolPlan.status == PlanStatus.APPLIED, codes


def failures(session: Session, load: Load, scope: Scope) -> Failures:
    """What failed in the load, of the schools inside the scope."""
    rows = session.execute(
        select(
            PlannedChange.code,
            SchoolPlan.school_code,
            SchoolPlan.known_version == School.known_version,
            func.count(),
        )
        .join(SchoolPlan, SchoolPlan.id == PlannedChange.plan_id)
        .join(School, School.code == SchoolPlan.school_code)
        .where(
            SchoolPlan.load_id == load.id, *_of_plans(SchoolPlan.school_code.in_(scope.codes()))
        )
        .group_by(
            PlannedChange.code, SchoolPlan.school_code,
            SchoolPlan.known_version, School.known_version,
        )
    ).all()  # fmt: skip
    reasons: dict[str, int] = {}
    for code, _school, _current, count in rows:
        reasons[code] = reasons.get(code, 0) + count
    open_ = [(code, school) for code, school, current, _ in rows if current]
    needs_another_plan = [code in NEEDS_ANOTHER_PLAN for code, _ in open_]
    return Failures(
        reasons=sorted(reasons.items(), key=lambda one: (-one[1], one[0])),
        again=sorted({school for _, school in open_}) if any(needs_another_plan) else (),
        some_as_planned=not all(needs_another_plan),
        overtaken=bool(rows) and not open_,
    )


def counts(session: Session, loads: Collection[Load], scope: Scope) -> dict[int, int]:
    """How many changes failed, by run, in the schools inside the scope; only where any did."""
    numbers = [load.id for load in loads if load.status == LoadStatus.APPLIED_WITH_FAILURES]
    rows = session.execute(
        select(SchoolPlan.load_id, func.count())
        .join(PlannedChange, PlannedChange.plan_id == SchoolPlan.id)
        .where(
            SchoolPlan.load_id.in_(numbers), *_of_plans(SchoolPlan.school_code.in_(scope.codes()))
        )
        .group_by(SchoolPlan.load_id)
    )
    return dict(rows.all())


def unsettled(session: Session, scope: Scope) -> list[Load]:
    """Runs with failures that no later load of the school has planned again, newest first."""
    current = (
        select(SchoolPlan.load_id)
        .join(School, School.code == SchoolPlan.school_code)
        .join(PlannedChange, PlannedChange.plan_id == SchoolPlan.id)
        .where(
            SchoolPlan.known_version == School.known_version,
            *_of_plans(SchoolPlan.school_code.in_(scope.codes())),
        )
    )
    return list(
        session.scalars(
            select(Load)
            .where(Load.status == LoadStatus.APPLIED_WITH_FAILURES, Load.id.in_(current))
            .order_by(Load.id.desc())
        )
    )


def final_status(session: Session, load_id: int) -> LoadStatus:
    """How a load that was applied to the end is called."""
    failed = (
        select(PlannedChange.id)
        .join(SchoolPlan, SchoolPlan.id == PlannedChange.plan_id)
        .where(SchoolPlan.load_id == load_id, PlannedChange.result == Result.FAILED)
        .limit(1)
    )
    some = session.scalar(failed) is not None
    return LoadStatus.APPLIED_WITH_FAILURES if some else LoadStatus.APPLIED


def waiting_again(session: Session, load: Load) -> Load | None:
    """The new run of what failed here, as long as nobody has decided about it."""
    return session.scalar(
        select(Load)
        .where(
            Load.again_of == load.id,
            Load.status.in_([LoadStatus.RECEIVED, LoadStatus.PLANNED]),
        )
        .order_by(Load.id.desc())
        .limit(1)
    )


def plan_again_by_itself(application: Application, load_id: int) -> int | None:
    """After a load: plan again, for whoever loaded it, the schools where only that helps.

    Returns the number of the new run, which is to be planned; None where there is nothing to do.
    """
    with transaction(application.sessions) as session:
        load = session.get_one(Load, load_id)
        scope = Scope(
            actor=load.created_by,
            role=OperatorRole(load.scope_role),
            items=frozenset(load.scope_items),
        )
        if load.status != LoadStatus.APPLIED_WITH_FAILURES or waiting_again(session, load):
            return None
        schools = failures(session, load, scope).again
        home, now = application.settings.home, application.clock()
        again = (
            plan_again(session, load, schools, home=home, scope=scope, now=now) if schools else None
        )
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
    """A new run over the same files, of these schools only, status *received*.

    None when the files are not kept any more: then somebody has to load them again.
    """
    if not (home / load.folder).is_dir():
        return None
    again = Load(
        status=LoadStatus.RECEIVED,
        created_at=now,
        created_by=scope.actor,
        scope_role=scope.role,
        scope_items=sorted(scope.items),
        expected_school=load.expected_school,
        folder="",
        again_of=load.id,
        only_schools=sorted(schools),
    )
    session.add(again)
    session.flush()
    again.folder = f"uploads/{again.id:06d}"
    shutil.rmtree(home / again.folder, ignore_errors=True)
    shutil.copytree(home / load.folder, home / again.folder, copy_function=_link_or_copy)
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
