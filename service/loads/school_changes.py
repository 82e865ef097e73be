"""What a person orders about whole schools: merged, split, closed. Planned and approved as a load.

Such a load has no files, and one plan: of the school that takes over, or of the one that is closed.
With the plan's roll our records move, in one transaction: who is on which roll, whose the objects
in Moodle are, which school is closed. Moodle follows change by change.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, delete, func, insert, literal, select, update
from sqlalchemy.orm import Session, aliased

from auth.models import UtcDateTime
from provisioning import roster
from provisioning.changes import Kind
from provisioning.desired import DesiredRules, desired_state, desired_users
from provisioning.matching import Matching
from provisioning.naming import Names
from provisioning.overlay import key_after
from provisioning.plan import make_plan
from provisioning.roll import next_roll
from provisioning.school_changes import HandingOver, SideOfChange, merged, split_off
from service import audit
from service.access import Scope, find_school, need_city
from service.audit import AuditAction
from service.db import chunks, copied, insert_rows, rows_among
from service.loads import known_state, operations, school_codes, successors
from service.loads.left_alone import Hands
from service.loads.operations import LoadProblem
from service.loads.other_rolls import OtherRolls
from service.loads.plan_storing import store_plan
from service.models import (
    ClassKey,
    ClassTeacher,
    CohortMember,
    Identity,
    KnownEnrolment,
    KnownObject,
    KnownUser,
    Load,
    LoadStatus,
    PlannedChange,
    PlannedMembership,
    PlanStatus,
    RollAct,
    RollEvent,
    School,
    SchoolMembership,
    SchoolPlan,
    SourceKey,
)
from service.registry.closing import has_ended
from service.settings import Settings

MERGE, SPLIT, CLOSE = "merge", "split", "close"


def plan_merger(
    session: Session, settings: Settings, scope: Scope, old: str, new: str, now: datetime
) -> Load:
    """Return a planned load by which a school becomes a part of another.

    Raises ``Forbidden`` for all but the city, ``LoadProblem``: ``schools.same``,
    ``schools.closed``, ``schools.no_people``.
    """
    ours, theirs = _both(session, scope, old, new, now)
    sides = _sides(session, settings, ours, theirs)
    category = sides[0].names.school_category
    given = merged(*sides, category=category)
    return _stored(session, settings, scope, MERGE, ours, theirs, sides[1], given, now)


def plan_split(
    session: Session,
    settings: Settings,
    scope: Scope,
    old: str,
    new: str,
    classes: Collection[str],
    now: datetime,
) -> Load:
    """Return a planned load by which classes, by id or title, become those of another school.

    Raises as ``plan_merger``; ``schools.no_class`` for a class that the school has not.
    """
    ours, theirs = _both(session, scope, old, new, now)
    sides = _sides(session, settings, ours, theirs)
    by_title: dict[str, set[str]] = {}
    for one in sides[0].roll.values():
        by_title.setdefault(one.class_title, set()).add(one.class_id)
    chosen: set[str] = set()
    for name in classes:
        found = {name} if name in sides[0].classes else by_title.get(name, set())
        if not name or not found:
            raise LoadProblem("schools.no_class", name=name)
        chosen |= found
    given = split_off(*sides, chosen)
    return _stored(session, settings, scope, SPLIT, ours, theirs, sides[1], given, now)


def plan_closing(
    session: Session, settings: Settings, scope: Scope, code: str, now: datetime, today: date
) -> Load:
    """Return a planned load by which a school without a successor lets everybody go.

    It is over every limit, and needs the second yes. Raises as ``plan_merger``.
    """
    need_city(scope)
    school = find_school(session, scope, code)
    if has_ended(school, today) and not known_state.roll_before(session, code):
        raise LoadProblem("schools.closed", school=code)
    year = _school_year(session, code)
    nobody = roster.Roster(
        source="", school=copied(roster.School, school, kind=""), school_year=year,
        exported_at=now, parts=frozenset(roster.Part),
    )  # fmt: skip
    roll = next_roll(nobody, Matching(), known_state.roll_before(session, code), today=today)
    known = known_state.known_state(session, code)
    hands = Hands(session, settings, known)
    rules = copied(DesiredRules, settings)
    operation = {
        "kind": CLOSE, "school": code, "into": "", "version": school.known_version,
        "class_ids": {},
    }  # fmt: skip
    load = _new_load(session, settings.home, scope, operation, now)
    elsewhere = OtherRolls(session, load.id, [code], today).elsewhere(code)
    users = desired_users(
        nobody, roll, hands.told, usernames={}, elsewhere=elsewhere, rules=rules, today=today
    )
    desired = desired_state(nobody, roll, hands.told, users, rules=rules)
    stored = _new_plan(session, load, school, year, 0)
    known, desired = hands.respected(stored, known, desired)
    store_plan(session, stored, make_plan(known, desired, settings.limits))
    return load


def change_code(session: Session, scope: Scope, old: str, new: str, now: datetime) -> None:
    """Let files under the new code be those of a school that we know.

    Nothing changes in Moodle: the school keeps its first code, which is in the id numbers there.
    Raises ``Forbidden`` for all but the city, ``LoadProblem``: ``schools.same``,
    ``schools.has_people`` for a code under which people were loaded.
    """
    need_city(scope)
    school = find_school(session, scope, old)
    double = session.get(School, new)
    if new == old:
        raise LoadProblem("schools.same", school=old)
    if double is not None and double.known_version:
        raise LoadProblem("schools.has_people", school=new)
    school_codes.answer_same(session, code=new, school_code=school.code, now=now)
    audit.record(
        session, AuditAction.SCHOOL_WRITE, at=now, actor=scope.actor, school_code=school.code,
        code=[old, new],
    )  # fmt: skip


def _both(
    session: Session, scope: Scope, old: str, new: str, now: datetime
) -> tuple[School, School]:
    need_city(scope)
    ours, theirs = find_school(session, scope, old), find_school(session, scope, new)
    if ours.code == theirs.code:
        raise LoadProblem("schools.same", school=old)
    if ours.merged_into or has_ended(theirs, now.date()):
        raise LoadProblem("schools.closed", school=old if ours.merged_into else new)
    return ours, theirs


def _sides(
    session: Session, settings: Settings, old: School, new: School
) -> tuple[SideOfChange, SideOfChange]:
    year = _school_year(session, old.code)
    return _side(session, settings, old, year), _side(session, settings, new, year)


def _side(session: Session, settings: Settings, school: School, year: str) -> SideOfChange:
    return SideOfChange(
        names=Names(settings.naming, copied(roster.School, school, kind=""), year),
        known=Hands(session, settings, known_state.known_state(session, school.code)).told,
        roll=known_state.roll_before(session, school.code),
    )


def _school_year(session: Session, code: str) -> str:
    """Return the school year of the last applied plan. Raises ``schools.no_people``."""
    newest = (
        select(SchoolPlan.school_year)
        .where(
            SchoolPlan.school_code == code,
            SchoolPlan.status == PlanStatus.APPLIED,
            SchoolPlan.school_year != "",
        )
        .order_by(SchoolPlan.applied_at.desc())
        .limit(1)
    )
    year = session.scalar(newest)
    if not year:
        raise LoadProblem("schools.no_people", school=code)
    return year


def _stored(
    session: Session,
    settings: Settings,
    scope: Scope,
    kind: str,
    old: School,
    new: School,
    side: SideOfChange,
    given: HandingOver,
    now: datetime,
) -> Load:
    operation = {
        "kind": kind, "school": old.code, "into": new.code, "version": old.known_version,
        "class_ids": dict(given.class_ids),
    }  # fmt: skip
    load = _new_load(session, settings.home, scope, operation, now)
    stored = _new_plan(session, load, new, side.names.school_year, len(given.roll))
    fields = ("person_id", "role", "class_id", "class_title", "confirmed", "until")
    rows = (
        {"plan_id": stored.id, **{name: getattr(one, name) for name in fields}}
        for one in given.roll.values()
    )
    insert_rows(session, PlannedMembership, rows)
    hands = Hands(session, settings, given.known)
    known, desired = hands.respected(stored, hands.in_moodle(given.known), given.desired)
    store_plan(session, stored, make_plan(known, desired, settings.limits))
    return load


def _new_plan(session: Session, load: Load, school: School, year: str, people: int) -> SchoolPlan:
    stored = SchoolPlan(
        load_id=load.id, school_code=school.code, status=PlanStatus.PLANNED,
        known_version=school.known_version, school_year=year,
        exported_at=school.last_exported_at, people=people,
    )  # fmt: skip
    session.add(stored)
    session.flush()
    return stored


def _new_load(
    session: Session, home: Path, scope: Scope, operation: Mapping[str, Any], now: datetime
) -> Load:
    load, _folder = operations.new_load(
        session, home=home, scope=scope, now=now, operation=dict(operation)
    )
    load.status, load.planned_at = LoadStatus.PLANNED, now
    told = {name: operation[name] for name in ("kind", "school", "into")}
    audit.record(
        session, AuditAction.LOAD_PLAN, at=now, actor=scope.actor, load_id=load.id,
        status=load.status.value, schools=1, **told,
    )  # fmt: skip
    return load


# When the plan is begun


def is_overtaken(session: Session, plan: SchoolPlan) -> bool:
    """Tell whether the school that hands over has changed since; it is held until the end."""
    operation = plan.load.operation
    if not operation or plan.started:
        return False
    old = session.get_one(School, operation["school"], with_for_update=True)
    return bool(old.known_version != operation["version"])


def take_over(session: Session, plan: SchoolPlan, now: datetime) -> None:
    """Move our records with the roll of the plan, which has just become the school's."""
    operation = plan.load.operation
    if not operation:
        return
    old, new = operation["school"], operation["into"]
    if operation["kind"] == CLOSE:
        school = session.get_one(School, old)
        school.closed_on = school.closed_on or now.date()
        return
    whole, class_ids = operation["kind"] == MERGE, operation["class_ids"]
    here = SchoolMembership.school_code == old
    if not whole:
        here &= SchoolMembership.class_id.in_(class_ids)
    people = session.scalars(select(SchoolMembership.person_id).where(here)).all()
    columns = ["at", "act", "school_code", "person_id", "role"]
    left = select(
        literal(now, UtcDateTime), literal(RollAct.LEFT), literal(old),
        SchoolMembership.person_id, SchoolMembership.role,
    ).where(here)  # fmt: skip
    session.execute(insert(RollEvent).from_select(columns, left))
    session.execute(delete(SchoolMembership).where(here))
    _move_objects(session, plan, old, new, whole=whole)
    for class_id, after in class_ids.items():
        own = ClassTeacher.school_code == old, ClassTeacher.class_id == class_id
        session.execute(update(ClassTeacher).where(*own).values(school_code=new, class_id=after))
    _move_class_keys(session, plan, class_ids, old, new, now)
    _move_people(session, people, old, new)
    successors.hand_over_rows(session, plan, people, whole=whole, now=now)
    school = session.get_one(School, old)
    school.known_version += 1
    if whole:
        school.closed_on, school.merged_into = school.closed_on or now.date(), new


def _move_objects(session: Session, plan: SchoolPlan, old: str, new: str, *, whole: bool) -> None:
    """Let cohorts and courses be the other school's: all of them, or those that the plan names."""
    own: ColumnElement[bool] = KnownObject.school_code == old
    members: ColumnElement[bool] = CohortMember.school_code == old
    enrolments: ColumnElement[bool] = KnownEnrolment.school_code == old
    if not whole:
        named = select(PlannedChange.key).where(PlannedChange.plan_id == plan.id)
        cohorts = named.where(PlannedChange.kind == Kind.COHORT)
        courses = named.where(PlannedChange.kind == Kind.COURSE)
        own &= (KnownObject.kind == Kind.COHORT) & KnownObject.key.in_(cohorts) | (
            KnownObject.kind == Kind.COURSE
        ) & KnownObject.key.in_(courses)
        members &= CohortMember.cohort.in_(cohorts)
        enrolments &= KnownEnrolment.course.in_(courses)
    session.execute(update(KnownObject).where(own).values(school_code=new))
    session.execute(update(CohortMember).where(members).values(school_code=new))
    session.execute(update(KnownEnrolment).where(enrolments).values(school_code=new))


def _move_class_keys(
    session: Session,
    plan: SchoolPlan,
    class_ids: Mapping[str, str],
    old: str,
    new: str,
    now: datetime,
) -> None:
    """Let the other school know the classes by the ids of their last file, if they are free."""
    year = ClassKey.school_year == plan.school_year
    taken = set(session.scalars(select(ClassKey.class_id).where(ClassKey.school_code == new, year)))
    for row in session.scalars(select(ClassKey).where(ClassKey.school_code == old, year)).all():
        if row.class_key in class_ids:
            class_id = row.class_id
            if class_id in taken:
                class_id = f"{row.class_id}-{old}"[:255]
            session.add(
                ClassKey(
                    school_code=new, school_year=row.school_year, class_id=class_id,
                    class_key=class_ids[row.class_key], title=row.title, grade=row.grade,
                    is_group=row.is_group, answered=False, since=now,
                )
            )  # fmt: skip


def _move_people(session: Session, people: Collection[str], old: str, new: str) -> None:
    """Let the other school speak for people without an account too, and know them by a key.

    The ids of the two schools' exports are one space when they share none: then the key is the
    id. Else the id may be somebody else's there, and the key is one that no row has.
    """
    for table in (Identity, KnownUser):
        query = update(table).where(table.school_code == old)
        if table is KnownUser:
            query = query.where(KnownUser.moodle_id.is_(None))
        for some in chunks(people):
            session.execute(
                query.where(table.person_id.in_(some))
                .values(school_code=new)
                .execution_options(synchronize_session=False)
            )
    own, other = aliased(SourceKey), aliased(SourceKey)
    shared = session.scalar(
        select(func.count())
        .select_from(own)
        .join(other, (other.source == own.source) & (other.sourced_id == own.sourced_id))
        .where(own.school_code == old, other.school_code == new, other.person_id != own.person_id)
    )
    columns = SourceKey.source, SourceKey.sourced_id, SourceKey.person_id
    keys = select(*columns).where(SourceKey.school_code == old)
    theirs = set(
        session.execute(
            select(SourceKey.source, SourceKey.sourced_id).where(SourceKey.school_code == new)
        ).all()
    )
    rows = []
    for source, sourced_id, person_id in rows_among(session, keys, SourceKey.person_id, people):
        key = key_after(old, sourced_id) if shared else sourced_id
        if (source, key) not in theirs:
            rows.append(
                {"source": source, "school_code": new, "sourced_id": key, "person_id": person_id}
            )
    insert_rows(session, SourceKey, rows)
