"""What a plan makes true in our own tables when it begins: the school's roll and class teachers."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, delete, exists, insert, literal, select, update
from sqlalchemy.orm import Session

from service.loads import class_keys, keeping, undo_taking_over, years
from service.loads.roll_history import note_entered, note_roll
from service.models import (
    ClassTeacher,
    LoadCause,
    PlannedClassTeacher,
    PlannedMembership,
    School,
    SchoolMembership,
    SchoolPlan,
    SourceKey,
)


def take_over_roll(session: Session, plan: SchoolPlan, school: School, now: datetime) -> None:
    """Make the plan's roll the school's roll; from here on older files are refused.

    What the file says of a class replaces its class teacher; other classes stay as they are.
    """
    plan.started = True
    before = keeping.dates_of(school)
    if plan.undoes:
        _bring_roll_back(session, plan, school, now)
    elif plan.keeps_roll:
        keeping.keep_roll(session, plan)
        _add_to_roll(session, plan, school, now)
    else:
        keeping.keep_roll(session, plan)
        _replace_roll(session, plan, school, now)
    keeping.keep_dates(session, plan, school, before)


def _bring_roll_back(session: Session, plan: SchoolPlan, school: School, now: datetime) -> None:
    """Make the roll as it was, as a movement back; and what goes with it."""
    keeping.keep_places(session, plan, whole=True)
    note_roll(session, plan, now)
    own = SchoolMembership.school_code == plan.school_code
    session.execute(delete(SchoolMembership).where(own))
    _take_over(session, plan, SchoolMembership, PlannedMembership)
    undo_taking_over.take_back(session, plan, school)
    _doubt_places_without_key(session, plan)
    supersede_others(plan, school)


def _replace_roll(session: Session, plan: SchoolPlan, school: School, now: datetime) -> None:
    note_roll(session, plan, now)
    planned, own = PlannedClassTeacher, ClassTeacher.school_code == plan.school_code
    named = select(planned.class_id).where(planned.plan_id == plan.id)
    session.execute(delete(ClassTeacher).where(own, ClassTeacher.class_id.in_(named)))
    _take_over(session, plan, ClassTeacher, planned, planned.person_id != "")
    own = SchoolMembership.school_code == plan.school_code
    session.execute(delete(SchoolMembership).where(own))
    _take_over(session, plan, SchoolMembership, PlannedMembership)
    if not plan.load.operation:
        _doubt_places_without_key(session, plan)
    class_keys.take_over(session, plan, now)
    # No file is newer than its arrival: a fast clock would else stop the right file after it.
    exported_at = plan.exported_at and min(plan.exported_at, plan.load.created_at)
    if plan.load.cause == LoadCause.YEAR and exported_at and school.last_exported_at:
        # Rows that waited for their day may be older than the last file of the year before.
        exported_at = max(exported_at, school.last_exported_at)
    school.last_exported_at = exported_at
    years.end_waiting(session, plan)
    supersede_others(plan, school)


def _doubt_places_without_key(session: Session, plan: SchoolPlan) -> None:
    """Let the places of people whom no row of the school names any more prove nothing: an answer
    may have been taken back since the plan was made."""
    own = SchoolMembership.school_code == plan.school_code
    has_key = exists().where(
        SourceKey.school_code == plan.school_code,
        SourceKey.person_id == SchoolMembership.person_id,
    )
    session.execute(
        update(SchoolMembership)
        .where(own, ~has_key)
        .values(confirmed=False)
        .execution_options(synchronize_session=False)
    )


def _add_to_roll(session: Session, plan: SchoolPlan, school: School, now: datetime) -> None:
    """Add the people of a plan without a file to the school's roll, if it has any."""
    of_plan = PlannedMembership.plan_id == plan.id
    people = session.scalars(select(PlannedMembership.person_id).where(of_plan)).all()
    if people:
        note_entered(session, plan, now)
        own = SchoolMembership.school_code == plan.school_code
        again = own, SchoolMembership.person_id.in_(people)
        session.execute(delete(SchoolMembership).where(*again))
        _take_over(session, plan, SchoolMembership, PlannedMembership)
        supersede_others(plan, school)


def _take_over(
    session: Session,
    plan: SchoolPlan,
    table: type[SchoolMembership | ClassTeacher],
    planned: type[PlannedMembership | PlannedClassTeacher],
    *conditions: ColumnElement[bool],
) -> None:
    """Copy rows of the plan into a table that has the same columns, for the plan's school."""
    names = [one.name for one in table.__table__.columns if one.name != "school_code"]
    rows = select(literal(plan.school_code), *(getattr(planned, name) for name in names))
    of_plan = rows.where(planned.plan_id == plan.id, *conditions)
    session.execute(insert(table).from_select(["school_code", *names], of_plan))


def supersede_others(plan: SchoolPlan, school: School) -> None:
    """Note that what is known has changed: other plans, so far, were made against less."""
    school.known_version += 1
    plan.known_version = school.known_version
