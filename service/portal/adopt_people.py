"""People without an account: whom the newest plans of the schools want to make one for."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

from sqlalchemy import Select, exists, func, select
from sqlalchemy.orm import Session

from provisioning.adoption import Wanted
from provisioning.changes import Action, Kind, Result
from service.models import Identity, KnownUser, PlannedChange, PlanStatus, SchoolPlan

_WAITING = (PlanStatus.PLANNED, PlanStatus.APPROVED)
_STREAM = {"yield_per": 1000}


def newest_plans(session: Session) -> dict[str, int]:
    """Return the plan of each school that waits, by school code."""
    query = (
        select(SchoolPlan.school_code, func.max(SchoolPlan.id))
        .where(SchoolPlan.status.in_(_WAITING), SchoolPlan.started.is_(False))
        .group_by(SchoolPlan.school_code)
        .order_by(SchoolPlan.school_code)
    )
    return {row[0]: row[1] for row in session.execute(query)}


def without_account() -> Select[dict[str, Any], Identity]:
    """Return the planned accounts of people who have none: what they would be, and who it is."""
    have_one = exists().where(
        KnownUser.person_id == PlannedChange.key, KnownUser.moodle_id.is_not(None)
    )
    return (
        select(PlannedChange.after, Identity)
        .join(Identity, Identity.person_id == PlannedChange.key)
        .where(
            PlannedChange.kind == Kind.USER,
            PlannedChange.action == Action.CREATE,
            PlannedChange.result != Result.DONE,
            ~have_one,
        )
    )


def wanted_of(session: Session, plan_id: int, school_code: str) -> Iterator[Wanted]:
    """Yield the people without an account of one school's plan."""
    query = without_account().where(PlannedChange.plan_id == plan_id)
    for after, human in session.execute(query, execution_options=_STREAM):
        yield as_wanted(after, human, school_code)


def as_wanted(after: dict[str, Any], human: Identity, school_code: str) -> Wanted:
    """Return a person as the file says it, and the identity where the file is silent."""
    born = after["birth_date"]
    return Wanted(
        person_id=human.person_id,
        login=human.username,
        family_name=after["family_name"],
        given_name=after["given_name"],
        middle_name=after["middle_name"],
        birth_date=date.fromisoformat(born) if born else None,
        sex=human.sex,
        snils=after["snils"],
        school_code=school_code,
        role=after["role"],
        class_title=after["class_title"],
        sourced_id=after["sourced_id"],
    )
