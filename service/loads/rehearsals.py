"""Rehearsals that somebody orders: asked for, carried out by a worker, shown on the load's page."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import exists, or_, select
from sqlalchemy.orm import Session

from service import audit
from service.access import Scope
from service.application import Application
from service.audit import AuditAction
from service.db import transaction
from service.loads import claims, operations
from service.loads.applying import StopCheck
from service.loads.operations import LoadProblem
from service.loads.rehearsal import rehearse_load
from service.models import Load, OperatorRole, PlanStatus, StoredRehearsal

LONGEST_WAIT = timedelta(hours=6)
"""A rehearsal that nobody has begun after so long was lost with Redis."""


def ask(session: Session, load_id: int, *, scope: Scope, now: datetime) -> int:
    """Order the rehearsal of a load; return its number, which the caller queues.

    Raises ``Forbidden``, and ``LoadProblem``: ``load.not_planned`` when there is nothing to apply,
    ``load.being_rehearsed`` while one of this load, or of this operator, is not over.
    """
    load = operations.find(session, load_id, scope)
    open_states = PlanStatus.PLANNED, PlanStatus.PENDING, PlanStatus.APPROVED
    plans = operations.plans(session, load, scope)
    if not any(plan.status in open_states for plan in plans):
        raise LoadProblem("load.not_planned", status=load.status)
    end_broken_off(session, now)
    same = or_(StoredRehearsal.load_id == load_id, StoredRehearsal.asked_by == scope.actor)
    under_way = select(exists().where(StoredRehearsal.ended_at.is_(None), same))
    if session.scalar(under_way):
        raise LoadProblem("load.being_rehearsed")
    row = StoredRehearsal(
        load_id=load_id, asked_at=now, asked_by=scope.actor, scope_role=scope.role,
        scope_items=sorted(scope.items),
    )  # fmt: skip
    session.add(row)
    session.flush()
    audit.record(session, AuditAction.LOAD_REHEARSE, at=now, actor=scope.actor, load_id=load_id)
    return row.id


def end_broken_off(session: Session, now: datetime) -> None:
    """End the rehearsals whose process is gone, or that nobody has begun for hours."""
    for row in session.scalars(select(StoredRehearsal).where(StoredRehearsal.ended_at.is_(None))):
        if row.claimed_by:
            is_over = not claims.is_live(row.claimed_by, now, now)
        else:
            is_over = now - row.asked_at > LONGEST_WAIT
        if is_over:
            row.ended_at, row.problem = now, claims.INTERRUPTED


def give_up(session: Session, rehearsal_id: int, now: datetime) -> None:
    """Say that no worker could be told."""
    row = session.get_one(StoredRehearsal, rehearsal_id)
    row.ended_at, row.problem = now, "load.no_queue"


def carry_out(
    application: Application, rehearsal_id: int, *, should_stop: StopCheck = lambda: False
) -> None:
    """Rehearse what was ordered and store what came of it."""
    with transaction(application.sessions) as session:
        row = session.get_one(StoredRehearsal, rehearsal_id)
        if row.ended_at is not None:
            return
        row.claimed_by = claims.own_name()
        scope = Scope(
            actor=row.asked_by, role=OperatorRole(row.scope_role), items=frozenset(row.scope_items)
        )
    result: dict[str, Any] = {}
    problem = "internal"
    try:
        told = rehearse_load(application, row.load_id, scope, should_stop=should_stop)
        result, problem = asdict(told), ""
        if should_stop():
            result, problem = {}, claims.INTERRUPTED
    except LoadProblem as refused:
        problem = refused.code
    finally:
        with transaction(application.sessions) as session:
            row = session.get_one(StoredRehearsal, rehearsal_id)
            row.ended_at, row.problem, row.result = application.clock(), problem, result


def latest(session: Session, load: Load, scope: Scope) -> StoredRehearsal | None:
    """Return the newest rehearsal of a load that the operator may see whole, if there is one.

    That is one of schools that are all inside the operator's scope.
    """
    rows = session.scalars(
        select(StoredRehearsal)
        .where(StoredRehearsal.load_id == load.id)
        .order_by(StoredRehearsal.id.desc())
    )
    own = set(session.scalars(scope.codes()))
    for row in rows:
        schools = {one["code"] for one in row.result.get("schools", ())}
        if row.asked_by == scope.actor or (row.ended_at and schools <= own):
            return row
    return None
