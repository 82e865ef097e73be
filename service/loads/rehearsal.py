"""Rehearsal: what a load, or the year's turn, will do, carried out in a copy of what we know.

Nothing of it reaches Moodle or our own tables. What a look into Moodle has not told us it cannot
know: a stranger's account whose login we have never met, a password rule of the site.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from provisioning.changes import Result
from service.access import Scope
from service.application import Application
from service.db import transaction
from service.loads import operations, years
from service.loads.applying import StopCheck, apply_load
from service.loads.due import SCOPE
from service.loads.operations import LoadProblem
from service.loads.planning import plan_load
from service.loads.rehearsal_stage import stage
from service.models import LoadStatus, PlannedChange, PlanStatus, SchoolPlan


def _never() -> bool:
    return False


@dataclass(frozen=True, kw_only=True, slots=True)
class Failed:
    """A change that did not work on the stage."""

    kind: str
    action: str
    key: str
    code: str


@dataclass(frozen=True, kw_only=True, slots=True)
class SchoolRehearsed:
    """What came of one school."""

    code: str
    status: str
    """``PlanStatus`` at the end; ``planned`` when nobody may say yes to it yet."""
    done: dict[str, int]
    """``"user.create": 12`` and so on: what worked, or needed no call."""
    failed: tuple[Failed, ...]
    skipped: int
    breaches: tuple[dict[str, Any], ...]
    """Limits that need a second yes for real."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rehearsed:
    """What came of a rehearsal."""

    status: str
    """``LoadStatus`` at the end."""
    problem: str
    schools: tuple[SchoolRehearsed, ...]


def rehearse_load(
    application: Application, load_id: int, scope: Scope, *, should_stop: StopCheck = _never
) -> Rehearsed:
    """Carry a planned load out on the stage, as if somebody said yes to everything in the scope.

    Plans of the next school year are carried out as on their day. Raises ``Forbidden``, and
    ``LoadProblem("load.not_planned")`` when there is nothing to apply.
    """
    with transaction(application.sessions) as session:
        load = operations.find(session, load_id, scope)
        plans = operations.plans(session, load, scope)
        waiting = [one.school_code for one in plans if one.status == PlanStatus.PENDING]
        can_begin = any(one.status in (PlanStatus.PLANNED, PlanStatus.APPROVED) for one in plans)
        if not can_begin and not waiting:
            raise LoadProblem("load.not_planned", status=load.status)
    if not can_begin:
        return rehearse_turn(application, scope, waiting, should_stop=should_stop)
    with stage(application, with_changes_of=[load_id]) as copy:
        with transaction(copy.sessions) as session:
            here = [one.school_code for one in plans if one.status == PlanStatus.PLANNED]
            if here:
                operations.approve(
                    session, load_id, scope=SCOPE, now=copy.clock(), over_limits=True,
                    city_day=True, schools=here, limits=copy.settings.limits,
                )  # fmt: skip
            operations.ready_to_apply(session, load_id, scope=SCOPE, now=copy.clock())
        apply_load(copy, load_id, sleep=_no_wait, should_stop=should_stop)
        return _told(copy, [load_id], {one.school_code for one in plans})


def rehearse_turn(
    application: Application,
    scope: Scope,
    schools: Iterable[str] = (),
    *,
    should_stop: StopCheck = _never,
) -> Rehearsed:
    """Let the schools of the scope that wait for the new year turn on the stage, all on one day.

    ``schools``: only these. Raises ``LoadProblem("years.nobody_waits")``.
    """
    with transaction(application.sessions) as session:
        waiting = _waiting(session, scope, frozenset(schools))
    if not waiting:
        raise LoadProblem("years.nobody_waits")
    begins = max(day for _code, day in waiting)
    codes = {code for code, _day in waiting}
    with stage(application, clock=_on(application, begins)) as copy:
        with transaction(copy.sessions) as session:
            session.execute(
                update(SchoolPlan)
                .where(
                    SchoolPlan.status == PlanStatus.PENDING, SchoolPlan.school_code.not_in(codes)
                )
                .values(status=PlanStatus.SUPERSEDED)
            )
        loads = []
        while not should_stop() and (load_id := years.begin(copy)) is not None:
            loads.append(load_id)
            plan_load(copy, load_id)
            with transaction(copy.sessions) as session:
                load = operations.find(session, load_id, SCOPE)
                if load.status != LoadStatus.PLANNED:
                    continue
                operations.approve(
                    session, load_id, scope=SCOPE, now=copy.clock(), over_limits=True,
                    city_day=True, limits=copy.settings.limits,
                )  # fmt: skip
                operations.ready_to_apply(session, load_id, scope=SCOPE, now=copy.clock())
            apply_load(copy, load_id, sleep=_no_wait, should_stop=should_stop)
        return _told(copy, loads, codes)


def _waiting(session: Session, scope: Scope, only: frozenset[str]) -> list[tuple[str, Any]]:
    rows = session.execute(
        select(SchoolPlan.school_code, SchoolPlan.begins_on).where(
            SchoolPlan.status == PlanStatus.PENDING, SchoolPlan.school_code.in_(scope.codes())
        )
    )
    return [(code, day) for code, day in rows if not only or code in only]


def _on(application: Application, day: Any) -> Any:
    """A clock that goes on from noon of the day, or from now when that is later."""
    begun = application.clock()
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=application.zone)
    ahead = max(noon - begun, timedelta(0))
    return lambda: application.clock() + ahead


def _no_wait(_seconds: float) -> None:
    return


def _told(copy: Application, loads: list[int], schools: set[str]) -> Rehearsed:
    with copy.sessions() as session:
        plans = session.scalars(
            select(SchoolPlan)
            .where(SchoolPlan.load_id.in_(loads), SchoolPlan.school_code.in_(schools))
            .order_by(SchoolPlan.school_code)
        ).all()
        told = tuple(_school(session, plan) for plan in plans)
        states = {plan.load.status: plan.load.problem for plan in plans}
    status, problem = next(iter(states.items()), ("", ""))
    return Rehearsed(status=status, problem=problem, schools=told)


def _school(session: Session, plan: SchoolPlan) -> SchoolRehearsed:
    done: Counter[str] = Counter()
    failed, skipped = [], 0
    changes = select(
        PlannedChange.kind, PlannedChange.action, PlannedChange.key, PlannedChange.result,
        PlannedChange.code,
    ).where(PlannedChange.plan_id == plan.id)  # fmt: skip
    for kind, action, key, result, code in session.execute(
        changes.order_by(PlannedChange.position)
    ):
        if result == Result.DONE:
            done[f"{kind}.{action}"] += 1
        elif result == Result.FAILED:
            failed.append(Failed(kind=kind, action=action, key=key, code=code))
        else:
            skipped += 1
    return SchoolRehearsed(
        code=plan.school_code, status=plan.status, done=dict(done), failed=tuple(failed),
        skipped=skipped, breaches=tuple(plan.breaches),
    )  # fmt: skip
