"""Schools whose last day in the registry has passed: their closing is planned by itself.

It is the load that an operator orders with ``school_changes.plan_closing``. Within the limits it is
approved by itself, as what time alone changes; else it waits for a person. One that somebody has
said no to is not planned again.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import UTC, date, datetime, time

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from service.application import Application
from service.db import lock, transaction
from service.loads import operations, school_changes
from service.loads.due import LOCK, SCOPE
from service.loads.operations import LoadProblem
from service.models import Load, PlanStatus, School, SchoolMembership, SchoolPlan

log = logging.getLogger(__name__)

_STANDS = PlanStatus.PLANNED, PlanStatus.APPROVED, PlanStatus.REJECTED


def begin(application: Application) -> list[int]:
    """Plan the closings whose day has come; return the loads that may be applied at once."""
    now = application.clock()
    today = now.astimezone(application.zone).date()
    with transaction(application.sessions) as session:
        lock(session, LOCK)
        codes = schools_to_close(session, today)
        loads = [_plan(session, application, code, now, today) for code in codes]
    return [one for one in loads if one is not None and _approve(application, one)]


def schools_to_close(session: Session, today: date) -> Sequence[str]:
    """Return the schools that have ended without a successor, with people on their roll, and of
    which no plan waits."""
    people = exists().where(SchoolMembership.school_code == School.code)
    ended = (
        select(School)
        .where(School.closed_on < today, School.merged_into == "", people)
        .order_by(School.code)
    )
    return [
        one.code
        for one in session.scalars(ended).all()
        if one.closed_on and not _is_planned(session, one, one.closed_on)
    ]


def _is_planned(session: Session, school: School, last_day: date) -> bool:
    """Tell whether a closing was planned since the last day, or another plan is under way."""
    since = datetime.combine(last_day, time(), UTC)
    plans = (
        select(SchoolPlan.status, SchoolPlan.known_version, Load.operation)
        .join(Load)
        .where(SchoolPlan.school_code == school.code, SchoolPlan.status.in_(_STANDS))
        .where(Load.created_at >= since)
    )
    for status, version, operation in session.execute(plans):
        is_closing = bool(operation) and operation["kind"] == school_changes.CLOSE
        is_current = version == school.known_version
        if is_closing and (is_current or status == PlanStatus.REJECTED):
            return True
        if status == PlanStatus.APPROVED and is_current:
            return True
    return False


def _plan(
    session: Session, application: Application, code: str, now: datetime, today: date
) -> int | None:
    settings = application.settings
    try:
        return school_changes.plan_closing(session, settings, SCOPE, code, now, today).id
    except LoadProblem as problem:  # people are there, and no load that was applied to the end
        log.warning("a closing cannot be planned", extra={"school": code, "rule": problem.code})
        return None


def _approve(application: Application, load_id: int) -> bool:
    """Say yes to a closing within its limits; returns whether it may be applied."""
    now, limits = application.clock(), application.settings.limits
    with transaction(application.sessions) as session:
        load = session.get_one(Load, load_id)
        if any(plan.breaches for plan in load.plans):
            return False
        try:
            codes = [plan.school_code for plan in load.plans]
            operations.approve(session, load_id, scope=SCOPE, now=now, schools=codes, limits=limits)
        except LoadProblem:
            return False  # all schools together lose too much today: the city has to say yes
        operations.ready_to_apply(session, load_id, scope=SCOPE, now=now)
        return True
