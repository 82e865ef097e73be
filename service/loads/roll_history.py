"""Movement on the rolls of schools, written beside what is applied, in the same transaction."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import date, datetime

from sqlalchemy import ColumnElement, exists, insert, literal, select
from sqlalchemy.orm import Session

from auth.models import UtcDateTime
from provisioning.changes import Action, Change
from service.db import insert_rows
from service.loads import keeping
from service.models import (
    CohortMember,
    KnownEnrolment,
    PlannedChange,
    PlannedMembership,
    RollAct,
    RollEvent,
    SchoolMembership,
    SchoolPlan,
)


def note_roll(session: Session, plan: SchoolPlan, now: datetime) -> None:
    """Write how the roll of ``plan`` differs from that of the school, before it takes its place.

    The first roll of a school is no movement: all its people were there before.
    """
    code = plan.school_code
    begun = exists().where(RollEvent.act == RollAct.BEGUN, RollEvent.school_code == code)
    if not session.scalar(select(begun)):
        session.add(RollEvent(at=now, act=RollAct.BEGUN, school_code=code))
        session.flush()
        return
    same = (
        SchoolMembership.person_id == PlannedMembership.person_id,
        SchoolMembership.role == PlannedMembership.role,
    )
    here, planned = SchoolMembership.school_code == code, PlannedMembership.plan_id == plan.id
    _note(session, now, code, RollAct.LEFT, SchoolMembership, here, ~exists().where(planned, *same))
    _note(
        session, now, code, RollAct.JOINED, PlannedMembership, planned, ~exists().where(here, *same)
    )


def note_entered(session: Session, plan: SchoolPlan, now: datetime) -> None:
    """Write whom ``plan`` adds to the roll, before it does; nothing before the first roll."""
    code = plan.school_code
    begun = exists().where(RollEvent.act == RollAct.BEGUN, RollEvent.school_code == code)
    if session.scalar(select(begun)):
        planned = PlannedMembership.plan_id == plan.id
        _note(session, now, code, RollAct.JOINED, PlannedMembership, planned)


def end_entered(
    session: Session,
    people: Collection[str],
    now: datetime,
    today: date,
    *,
    plan: int,
    school_code: str = "",
) -> None:
    """Take people whose time of being entered by hand is over off the rolls, or off one roll.

    ``plan``: the plan that brings it, by which it can be undone.
    """
    over = [SchoolMembership.person_id.in_(people), SchoolMembership.until < today]
    if school_code:
        over.append(SchoolMembership.school_code == school_code)
    ended = session.scalars(select(SchoolMembership).where(*over)).all()
    keeping.keep_ended(session, plan, ended)
    for one in ended:
        session.add(
            RollEvent(
                at=now, act=RollAct.LEFT, school_code=one.school_code, person_id=one.person_id,
                role=one.role,
            )
        )  # fmt: skip
        session.delete(one)


def end_places(session: Session, plan: SchoolPlan, now: datetime, today: date) -> bool:
    """Take people off the school's roll whose time by hand is over and whose places end.

    Those whose places in Moodle the plan takes away, or who have none there. Returns whether there
    was anybody.
    """
    code = plan.school_code
    over = SchoolMembership.school_code == code, SchoolMembership.until < today
    people = set(session.scalars(select(SchoolMembership.person_id).where(*over)))
    if not people:
        return False
    removed = select(PlannedChange.before).where(
        PlannedChange.plan_id == plan.id, PlannedChange.action == Action.REMOVE
    )
    ends = {before["person_id"] for before in session.scalars(removed)}
    stays = {
        person_id
        for table in (CohortMember, KnownEnrolment)
        for person_id in session.scalars(
            select(table.person_id).where(
                table.school_code == code, table.person_id.in_(people - ends)
            )
        )
    }
    end_entered(session, people - stays, now, today, plan=plan.id, school_code=code)
    return bool(people - stays)


def _note(
    session: Session,
    now: datetime,
    code: str,
    act: RollAct,
    table: type[SchoolMembership | PlannedMembership],
    *conditions: ColumnElement[bool],
) -> None:
    people = select(
        literal(now, UtcDateTime), literal(act), literal(code), table.person_id, table.role
    ).where(*conditions)
    columns = ["at", "act", "school_code", "person_id", "role"]
    session.execute(insert(RollEvent).from_select(columns, people))


def note_accounts(session: Session, changes: Iterable[Change], now: datetime) -> None:
    """Write whose account was suspended or restored by these changes, which are done."""
    insert_rows(
        session,
        RollEvent,
        [
            {
                "at": now,
                "act": RollAct.SUSPENDED if change.suspends else RollAct.RESTORED,
                "school_code": change.after["school_code"],
                "person_id": change.key,
                "role": change.after["role"],
            }
            for change in changes
            if change.suspends or change.restores
        ],
    )
