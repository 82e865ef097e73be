"""People without an account: whom the waiting plans of the schools want to make one for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from typing import Any

from sqlalchemy import Select, exists, select
from sqlalchemy.orm import Session

from provisioning.adoption import Wanted
from provisioning.changes import Action, Kind, Result
from provisioning.overlay import part_of
from provisioning.roster import Mode, Role
from service.loads import rosters
from service.models import (
    Identity,
    KnownUser,
    PlannedChange,
    PlannedRoster,
    PlanStatus,
    SchoolPlan,
)
from service.problems import Problem

_IS_WAITING = (
    SchoolPlan.status.in_([PlanStatus.PLANNED, PlanStatus.APPROVED]),
    SchoolPlan.started.is_(False),
)
_STREAM = {"yield_per": 1000}


class AdoptionError(Problem):
    """What cannot be done with accounts of others."""


def newest_plans(session: Session) -> dict[str, int]:
    """Return the plan of each school that waits and is planned again after the yes, by school code.

    It is that of the newest rows, whatever else waits beside it: a person who was entered by hand,
    a repair. A pending plan is planned anew on its day, and knows then what is ours.
    """
    query = (
        select(SchoolPlan.school_code, SchoolPlan.id)
        .join(PlannedRoster)
        .where(*_IS_WAITING)
        .order_by(SchoolPlan.school_code, SchoolPlan.exported_at, SchoolPlan.id)
    )
    return {row[0]: row[1] for row in session.execute(query)}


def plans_with_accounts(session: Session) -> dict[str, list[int]]:
    """Return all plans that wait and would make an account, by school code."""
    makes_some = exists().where(
        PlannedChange.plan_id == SchoolPlan.id,
        PlannedChange.kind == Kind.USER,
        PlannedChange.action == Action.CREATE,
        PlannedChange.result != Result.DONE,
    )
    query = select(SchoolPlan.school_code, SchoolPlan.id).where(*_IS_WAITING, makes_some)
    found: dict[str, list[int]] = {}
    for code, plan_id in session.execute(query.order_by(SchoolPlan.school_code, SchoolPlan.id)):
        found.setdefault(code, []).append(plan_id)
    return found


def check_plans_agree(session: Session) -> None:
    """Raise ``AdoptionError`` where plans of a school wait for accounts of different people.

    Only the newest rows of a school are planned again. So all accounts that another plan would
    make must be in theirs, unless that plan has older rows of the same part of the school.
    """
    newest = newest_plans(session)
    for code, plans in plans_with_accounts(session).items():
        base = newest.get(code)
        more = _roles_beside(session, [one for one in plans if one != base], base)
        if more and not (base and set(more.values()) <= _roles_told(session, base, more)):
            raise AdoptionError("adoption.plans_differ", school=code)


def _roles_beside(
    session: Session, plans: Sequence[int], base: int | None
) -> dict[tuple[int, str], str]:
    """Return the roles of those for whom these plans would make an account and ``base`` would not,
    by plan and person id."""
    if not plans:
        return {}
    made = select(PlannedChange.key).where(
        PlannedChange.plan_id == base,
        PlannedChange.kind == Kind.USER,
        PlannedChange.action == Action.CREATE,
    )
    beside = (
        without_account()
        .with_only_columns(PlannedChange.plan_id, PlannedChange.key, PlannedChange.after)
        .where(PlannedChange.plan_id.in_(plans), PlannedChange.key.not_in(made))
    )
    rows = session.execute(beside, execution_options=_STREAM)
    return {(plan_id, key): after["role"] for plan_id, key, after in rows}


def _roles_told(session: Session, base: int, beside: Iterable[tuple[int, str]]) -> set[str]:
    """Return the roles of which the rows of ``base`` tell everybody; none where one of the other
    plans has no rows, as it is of somebody who is in no file."""
    others = {plan_id for plan_id, _ in beside}
    with_rows = select(PlannedRoster.plan_id).where(PlannedRoster.plan_id.in_(others))
    kept = session.scalar(select(PlannedRoster.rows).where(PlannedRoster.plan_id == base))
    if set(session.scalars(with_rows)) != others or not kept:
        return set()
    roster = rosters.from_json(kept).roster
    told = roster.parts if roster.mode is Mode.FULL else ()
    return {role for role in Role if part_of(role) in told}


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
