"""The checklist of the new school year: how far each school is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from provisioning.year_turn import TurnDay, turn_day
from service.access import Scope
from service.application import Application
from service.models import PlanStatus, School, SchoolPlan, YearTurn


@dataclass(frozen=True, kw_only=True, slots=True)
class SchoolsTurn:
    """How far a school is with its next year: a line of the checklist."""

    code: str
    name: str
    district: str
    current_year: str
    next_year: str
    """Of the file that waits, or that the school has turned to; empty when none came."""
    load_id: int | None
    turn_on: date | None
    state: str
    """``not_loaded``, ``blocked``, ``to_confirm``, ``confirmed``, ``to_approve`` or ``turned``."""


def checklist(
    session: Session, application: Application, scope: Scope, school_year: str
) -> list[SchoolsTurn]:
    """Return how far each school of the scope that is open is with this school year."""
    now = application.clock()
    today = now.astimezone(application.zone).date()
    is_open = School.closed_on.is_(None) | (School.closed_on >= today)
    schools = session.scalars(select(School).where(scope.schools(), is_open).order_by(School.code))
    newest = _newest_plans(session, scope, school_year)
    said = session.scalars(select(YearTurn).where(YearTurn.school_year == school_year))
    days = [TurnDay(one.turn_on, one.district, one.school_code) for one in said]
    years = dict(
        session.execute(
            select(SchoolPlan.school_code, func.max(SchoolPlan.school_year))
            .where(
                SchoolPlan.started.is_(True),
                SchoolPlan.status != PlanStatus.UNDONE,
                SchoolPlan.school_code.in_(scope.codes()),
            )
            .group_by(SchoolPlan.school_code)
        ).all()
    )
    return [
        _line(
            one, years.get(one.code, ""), newest.get(one.code), school_year,
            turn_day(school_year, application.settings.years, days, district=one.district,
                     code=one.code),
        )
        for one in schools
    ]  # fmt: skip


def _newest_plans(session: Session, scope: Scope, school_year: str) -> dict[str, Any]:
    """Return the newest plan of each school for this year."""
    plans = session.execute(
        select(SchoolPlan.school_code, SchoolPlan.status, SchoolPlan.year_confirmed,
               SchoolPlan.load_id)
        .where(SchoolPlan.school_year == school_year, SchoolPlan.school_code.in_(scope.codes()),
               SchoolPlan.status.not_in([PlanStatus.SUPERSEDED, PlanStatus.REJECTED]))
        .order_by(SchoolPlan.id)
    )  # fmt: skip
    return {plan.school_code: plan for plan in plans}


def _line(
    school: School, current: str, plan: Any, school_year: str, day: date | None
) -> SchoolsTurn:
    if current >= school_year:
        state = "turned"
    elif plan is None:
        state = "not_loaded"
    elif plan.status == PlanStatus.PENDING:
        state = "confirmed" if plan.year_confirmed else "to_confirm"
    else:
        state = "blocked" if plan.status == PlanStatus.BLOCKED else "to_approve"
    return SchoolsTurn(
        code=school.code, name=school.short_name, district=school.district, current_year=current,
        next_year=school_year if plan or current >= school_year else "",
        load_id=plan.load_id if plan else None, turn_on=day, state=state,
    )  # fmt: skip


def year_to_come(application: Application) -> str:
    """Return the school year that begins next, or has begun within the last half year."""
    today = application.clock().astimezone(application.zone).date()
    begins = today.year if today.month >= _MARCH else today.year - 1
    return f"{begins}/{begins + 1}"


_MARCH = 3


def counted(lines: Iterable[SchoolsTurn]) -> dict[str, int]:
    """Return how many schools are in each state."""
    counts: dict[str, int] = {}
    for one in lines:
        counts[one.state] = counts.get(one.state, 0) + 1
    return counts
