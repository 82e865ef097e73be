"""Undoing a load: what may be undone, and the new load that does it, which is planned like any.

``undo_planning`` makes its plans, ``undo_taking_over`` brings our own rows back when one begins.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from service import audit
from service.access import Scope
from service.audit import AuditAction
from service.loads import claims, operations
from service.loads.keeping import LOADS
from service.loads.operations import LoadProblem
from service.models import (
    KeptBefore,
    KeptWhat,
    Load,
    LoadCause,
    LoadStatus,
    PlanStatus,
    SchoolPlan,
)

IN_EFFECT = (PlanStatus.APPROVED, PlanStatus.APPLIED)
"""States of a plan that has begun and was not undone; an approved one was not applied to its end.
"""


def is_in_effect() -> ColumnElement[bool]:
    """A condition on plans: they have begun, and nothing has undone them."""
    return SchoolPlan.started & SchoolPlan.status.in_(IN_EFFECT)


def plans_of(session: Session, loads: Collection[int], school_code: str) -> Sequence[SchoolPlan]:
    """Return what of these loads is in effect at a school, the newest first."""
    mine = SchoolPlan.load_id.in_(loads), SchoolPlan.school_code == school_code
    return session.scalars(select(SchoolPlan).where(*mine, is_in_effect()).order_by(*_NEWEST)).all()


def later_plans(session: Session, plan: SchoolPlan) -> Sequence[SchoolPlan]:
    """Return what began at the school after this plan and is in effect, the newest first.

    Without undoings of what came after this plan, as these end where it left things.
    """
    here = SchoolPlan.school_code == plan.school_code
    after = SchoolPlan.counted_at > plan.counted_at
    later = session.scalars(
        select(SchoolPlan).where(here, after, is_in_effect()).order_by(*_NEWEST)
    ).all()
    begun = dict(
        session.execute(select(SchoolPlan.id, SchoolPlan.counted_at).where(here, after)).all()
    )
    return [
        one
        for one in later
        if not (one.undoes and all(int(number) in begun for number in one.undoes))
    ]


_NEWEST = (SchoolPlan.counted_at.desc(), SchoolPlan.id.desc())


def can_be_undone(session: Session, load: Load, plans: Collection[SchoolPlan]) -> bool:
    """Tell whether an undoing of any of these plans of a load may be asked for."""
    if _refusal(load):
        return False
    return any(_refusal_of_plan(session, one) is None for one in plans if _is_in_effect(one))


def begin(
    session: Session,
    loads: Collection[int],
    *,
    home: Path,
    scope: Scope,
    now: datetime,
    schools: Collection[str] = (),
    with_later: bool = False,
    also_changed: bool = False,
) -> Load:
    """Return a new load, status *received*, that undoes what these have changed.

    ``schools`` narrows it; no more than the schools inside the scope. ``with_later``: undo also
    what came after these loads at their schools. ``also_changed``: bring back also what has changed
    since; else that stays as it is. What is left of these loads waits for a person from now on.

    Raises ``Forbidden``, and ``LoadProblem``: ``undo.nothing``, ``undo.school_change``,
    ``undo.repair``, ``undo.under_way``, ``undo.not_kept`` (an earlier version applied it),
    ``undo.too_old`` (more than 30 loads of the school came since).
    """
    numbers, codes = set(loads), set[str]()
    for number in sorted(loads):
        load = operations.find(session, number, scope)
        for plan in _chosen(session, load, scope, schools):
            codes.add(plan.school_code)
            if with_later:
                numbers |= {one.load_id for one in later_plans(session, plan)}
    for number in sorted(numbers):
        load = session.get_one(Load, number)
        operations.hold(session, load)
        _check(session, load, [one for one in load.plans if one.school_code in codes], now)
        if load.status in (LoadStatus.APPROVED, LoadStatus.STOPPED):
            # Else a worker would carry on with it while the undoing waits for its yes.
            load.stop_requested = True
            claims.stop_here(load)
    undoes = {"loads": sorted(numbers), "also_changed": also_changed}
    load, _folder = operations.new_load(
        session, home=home, scope=scope, now=now, cause=LoadCause.UNDO, undoes=undoes,
        only_schools=sorted(codes),
    )  # fmt: skip
    audit.record(
        session, AuditAction.LOAD_UNDO, at=now, actor=scope.actor, load_id=load.id,
        undoes=sorted(numbers), schools=len(codes), also_changed=also_changed,
    )  # fmt: skip
    return load


def _chosen(
    session: Session, load: Load, scope: Scope, schools: Collection[str]
) -> list[SchoolPlan]:
    plans = [
        plan
        for plan in operations.plans(session, load, scope)
        if _is_in_effect(plan) and (not schools or plan.school_code in schools)
    ]
    if not plans:
        raise LoadProblem("undo.nothing", load=load.id)
    return plans


def _is_in_effect(plan: SchoolPlan) -> bool:
    return plan.started and plan.status in IN_EFFECT


def _check(session: Session, load: Load, plans: Collection[SchoolPlan], now: datetime) -> None:
    if code := _refusal(load):
        raise LoadProblem(code, load=load.id)
    if load.status == LoadStatus.APPLYING or claims.is_live(load.claimed_by, load.claimed_at, now):
        raise LoadProblem("undo.under_way", load=load.id)
    for plan in plans:
        if _is_in_effect(plan) and (why := _refusal_of_plan(session, plan)):
            raise LoadProblem(why, load=load.id, school=plan.school_code)


def _refusal(load: Load) -> str:
    """Return why a load of this kind is never undone, if so."""
    if load.operation:
        return "undo.school_change"
    return "undo.repair" if load.cause == LoadCause.REPAIR else ""


def _refusal_of_plan(session: Session, plan: SchoolPlan) -> str | None:
    kept = KeptBefore.plan_id == plan.id, KeptBefore.what == KeptWhat.SCHOOL
    if plan.counted_at is None:
        return "undo.not_kept"
    since = (
        select(SchoolPlan.id, Load.operation)
        .join(Load)
        .where(
            SchoolPlan.school_code == plan.school_code, SchoolPlan.started,
            SchoolPlan.counted_at > plan.counted_at,
        )
    )  # fmt: skip
    later = session.execute(since).all()
    if len(later) >= LOADS:
        return "undo.too_old"
    if any(operation for _id, operation in later) or _was_handed_over(session, plan):
        return "undo.school_change"
    if session.scalar(select(func.count()).select_from(KeptBefore).where(*kept)) == 0:
        return "undo.not_kept"
    return None


def _was_handed_over(session: Session, plan: SchoolPlan) -> bool:
    """Tell whether the school has given people to another one since the plan began."""
    orders = (
        select(Load.operation)
        .join(SchoolPlan)
        .where(
            Load.operation.is_not(None), SchoolPlan.started,
            SchoolPlan.counted_at > plan.counted_at,
        )
    )  # fmt: skip
    return any(one and one["school"] == plan.school_code for one in session.scalars(orders))


def undone_by(session: Session, load: Load) -> list[tuple[SchoolPlan, Load]]:
    """Return the plans of a load that were undone, each with the load that did it."""
    found = []
    for plan in load.plans:
        if plan.status == PlanStatus.UNDONE and plan.undone_by is not None:
            by = session.get(SchoolPlan, plan.undone_by)
            if by is not None:
                found.append((plan, by.load))
    return found


def facts(session: Session, load: Load, codes: Collection[str]) -> list[dict[str, Any]]:
    """Return which of these schools were undone, by which load and by whom, as JSON values."""
    return [
        {"school": plan.school_code, "load": by.id, "approved_by": by.approved_by}
        for plan, by in undone_by(session, load)
        if plan.school_code in codes
    ]
