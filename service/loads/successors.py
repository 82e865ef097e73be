"""The rows of a school that was merged into another, or divided, as the other one knows them.

The kept rows are handed over with people and classes, so that both schools can be planned again.
A late file of a merged school is a part of its successor's, under the successor's ids.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime

from sqlalchemy import delete, exists, select
from sqlalchemy.orm import Session

from provisioning import roster as told
from provisioning.overlay import (
    divided,
    joined,
    key_after,
    under_class_ids,
    under_ids_of_successor,
)
from provisioning.roster import Role, Roster
from service.db import copied, insert_rows, rows_among
from service.loads import rosters
from service.loads.rosters import KeptRows
from service.models import (
    ClassKey,
    Load,
    PlannedRoster,
    PlanStatus,
    School,
    SchoolMembership,
    SchoolPlan,
    SourceKey,
)


def under_ids_of(session: Session, roster: Roster, old: str, successor: str) -> Roster:
    """Return the rows of the school ``old`` as the successor's, under the ids that it has for them.

    The successor keeps its names: another school's file does not say them.
    """
    ids = {*roster.persons, *roster.set_aside, *(one.person_id for one in roster.enrolments)}
    ids |= {one.teacher_id for one in roster.classes.values() if one.teacher_id}
    ids |= {key_after(old, one) for one in ids}
    query = select(SourceKey.school_code, SourceKey.sourced_id, SourceKey.person_id).where(
        SourceKey.source == roster.source, SourceKey.school_code.in_([old, successor])
    )
    known: dict[str, dict[str, str]] = {old: {}, successor: {}}
    for school, sourced_id, person_id in rows_among(
        session, query, SourceKey.sourced_id, sorted(ids)
    ):
        known[school][sourced_id] = person_id
    renamed = under_ids_of_successor(
        replace(roster, school=replace(roster.school, code=old)), known[old], known[successor]
    )
    theirs = copied(told.School, session.get_one(School, successor), kind="")
    class_ids = _class_ids(session, roster, old, successor)
    return replace(under_class_ids(renamed, class_ids), school=theirs)


def _class_ids(session: Session, roster: Roster, old: str, successor: str) -> dict[str, str]:
    """Return the ids of the roster's classes by which the successor knows them, where they differ.

    A class that was not there yet when it was handed over has an id of its own.
    """
    handed = _handed_classes(session, old, successor)
    rows = select(ClassKey.school_code, ClassKey.class_id, ClassKey.class_key).where(
        ClassKey.school_code.in_([old, successor]), ClassKey.school_year == roster.school_year
    )
    keys: dict[str, dict[str, str]] = {old: {}, successor: {}}
    for school, class_id, key in session.execute(rows):
        keys[school][class_id] = key
    theirs = keys[successor]
    ids = {}
    for class_id in roster.classes:
        after = handed.get(keys[old].get(class_id, class_id))
        marked = f"{class_id}-{old}"[:255]
        if after is None:
            is_taken = class_id in theirs or class_id in theirs.values()
            found = marked if is_taken else class_id
        elif theirs.get(marked) == after:
            found = marked
        elif theirs.get(class_id, class_id) == after:
            found = class_id
        else:
            named = sorted(one for one, key in theirs.items() if key == after)
            found = named[0] if named else after
        if found != class_id:
            ids[class_id] = found
    return ids


def _handed_classes(session: Session, old: str, successor: str) -> Mapping[str, str]:
    """Return the keys of the classes that were handed over, before and after."""
    operations = (
        select(Load.operation)
        .join(SchoolPlan)
        .where(SchoolPlan.school_code == successor, SchoolPlan.started, Load.operation.is_not(None))
        .order_by(Load.id)
    )
    handed: dict[str, str] = {}
    for one in session.scalars(operations):
        if one and (one["school"], one["into"]) == (old, successor):
            handed |= one["class_ids"]
    return handed


def hand_over_rows(
    session: Session, plan: SchoolPlan, people: Collection[str], *, whole: bool, now: datetime
) -> None:
    """Let the kept rows tell both schools as they are once people and classes are handed over.

    Where that cannot be told, no rows are kept: planning from those of before would let the people
    go. Then the next file is planned by what is answered meanwhile.
    """
    operation = plan.load.operation or {}
    old, new = operation["school"], operation["into"]
    ours, theirs = rosters.accepted_rows(session, old), rosters.accepted_rows(session, new)
    others = exists().where(
        SchoolMembership.school_code == new, SchoolMembership.person_id.not_in(people)
    )
    has_own_people = bool(session.scalar(select(others)))
    session.execute(delete(PlannedRoster).where(PlannedRoster.school_code.in_([old, new])))
    if ours is None or (theirs is None and has_own_people):
        return
    given, rest = ours.roster, None
    if not whole:
        classes = _class_ids_of(session, ours.roster, old, operation["class_ids"])
        pupils = _pupils_of(session, ours.roster, old, people, classes)
        given, rest = divided(ours.roster, classes, pupils)
    given = under_ids_of(session, given, old, new)
    both = joined(theirs.roster if theirs else None, given)
    if both is None:
        return
    findings = (replace(one, school_code=new) for one in ours.findings)
    rows = KeptRows(
        roster=both, findings=(*(theirs.findings if theirs else ()), *findings), told_code=new
    )
    kept = [(plan.id, new, rows)]
    if rest is not None and (last := _last_plan(session, old)) is not None:
        kept.append((last, old, replace(ours, roster=rest)))
    insert_rows(
        session,
        PlannedRoster,
        [
            {
                "plan_id": plan_id, "school_code": code, "source": one.roster.source,
                "told_code": one.told_code, "rows": rosters.as_json(one), "stored_at": now,
            }
            for plan_id, code, one in kept
        ],
    )  # fmt: skip


def _class_ids_of(session: Session, roster: Roster, code: str, keys: Collection[str]) -> set[str]:
    """Return the ids in the rows of the classes of these keys."""
    rows = select(ClassKey.class_id, ClassKey.class_key).where(
        ClassKey.school_code == code, ClassKey.school_year == roster.school_year
    )
    known = dict(session.execute(rows).all())
    return {one for one in roster.classes if known.get(one, one) in keys}


def _pupils_of(
    session: Session, roster: Roster, code: str, people: Collection[str], classes: Collection[str]
) -> set[str]:
    """Return the ids in the rows of the people handed over, and of those of these classes who
    wait."""
    query = select(SourceKey.sourced_id, SourceKey.person_id).where(
        SourceKey.source == roster.source, SourceKey.school_code == code
    )
    known = dict(rows_among(session, query, SourceKey.sourced_id, sorted(roster.persons)))
    given = set(people)
    pupils = {one for one, person_id in known.items() if person_id in given}
    return pupils | {
        one.person_id
        for one in roster.enrolments
        if one.role is Role.STUDENT and one.class_id in classes and one.person_id not in known
    }


def _last_plan(session: Session, code: str) -> int | None:
    """Return the plan of the school that was applied last, whose rows are those that are kept."""
    accepted = SchoolPlan.started.is_(True) & (SchoolPlan.status != PlanStatus.UNDONE)
    return session.scalar(
        select(SchoolPlan.id)
        .where(SchoolPlan.school_code == code, accepted, SchoolPlan.keeps_roll.is_(False))
        .order_by(SchoolPlan.exported_at.desc(), SchoolPlan.id.desc())
        .limit(1)
    )
