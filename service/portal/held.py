"""What we hold of people, objects and places, in the pieces in which a look compares them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from sqlalchemy import exists, or_, select
from sqlalchemy.orm import Session

from provisioning.changes import ACCOUNT_GONE, Kind
from provisioning.drift import DriftKind, HeldObject, HeldUser
from provisioning.state import MoodleCategory, MoodleCohort, MoodleCourse, MoodleUser
from service.db import copied, rows_among
from service.models import (
    CohortMember,
    Drift,
    DriftState,
    KnownEnrolment,
    KnownObject,
    KnownUser,
    Load,
    LoadStatus,
    PlanStatus,
    SchoolPlan,
)

RECORDS: Mapping[Kind, type[Any]] = {
    Kind.CATEGORY: MoodleCategory,
    Kind.COHORT: MoodleCohort,
    Kind.COURSE: MoodleCourse,
}

_TOLD = exists().where(
    Drift.person_id == KnownUser.person_id,
    Drift.kind == DriftKind.ACCOUNT_DELETED,
    Drift.state.in_([DriftState.OPEN, DriftState.KEPT, DriftState.EXCLUDED]),
)
_LOOKED_AT = or_(
    KnownUser.moodle_id.is_not(None),
    KnownUser.problem == ACCOUNT_GONE,
    _TOLD.correlate(KnownUser),
)
"""Who has an account, or had one that somebody deleted: the next try to make it may have failed."""


def people_after(session: Session, after: str, size: int, school: str = "") -> dict[str, HeldUser]:
    """Return the next people by person id; ``school`` narrows to those for whom it speaks."""
    query = select(KnownUser).where(_LOOKED_AT, KnownUser.person_id > after)
    if school:
        query = query.where(KnownUser.school_code == school)
    rows = session.scalars(query.order_by(KnownUser.person_id).limit(size))
    return {row.person_id: _held(row) for row in rows}


def people(session: Session, person_ids: Collection[str]) -> dict[str, HeldUser]:
    """Return those of these people who are looked at."""
    rows = rows_among(session, select(KnownUser).where(_LOOKED_AT), KnownUser.person_id, person_ids)
    return {row.person_id: _held(row) for (row,) in rows}


def _held(row: KnownUser) -> HeldUser:
    return HeldUser(number=row.moodle_id, user=copied(MoodleUser, row))


def objects_after(
    session: Session, kind: Kind, after: str, size: int, school: str = ""
) -> dict[str, HeldObject]:
    """Return the next objects of a kind by idnumber; ``school`` narrows to its own."""
    query = select(KnownObject).where(KnownObject.kind == kind, KnownObject.key > after)
    if school:
        query = query.where(KnownObject.school_code == school)
    rows = session.scalars(query.order_by(KnownObject.key).limit(size))
    return {row.key: _object(kind, row) for row in rows}


def objects(session: Session, kind: Kind, keys: Iterable[str]) -> dict[str, HeldObject]:
    of_kind = select(KnownObject).where(KnownObject.kind == kind)
    rows = rows_among(session, of_kind, KnownObject.key, keys)
    return {row.key: _object(kind, row) for (row,) in rows}


def _object(kind: Kind, row: KnownObject) -> HeldObject:
    return HeldObject(number=row.moodle_id, record=RECORDS[kind](**row.fields))


def schools_of(session: Session, kind: Kind, keys: Iterable[str]) -> dict[str, str]:
    """Return the school of each object; the shared levels have none."""
    query = select(KnownObject.key, KnownObject.school_code).where(KnownObject.kind == kind)
    return dict(rows_among(session, query, KnownObject.key, keys))


def idnumbers(session: Session, numbers: Collection[int]) -> dict[int, str]:
    """Return our idnumber of each of Moodle's categories that is ours."""
    query = select(KnownObject.moodle_id, KnownObject.key)
    query = query.where(KnownObject.kind == Kind.CATEGORY)
    return dict(rows_among(session, query, KnownObject.moodle_id, numbers))


def members(session: Session, cohorts: Collection[str]) -> dict[str, frozenset[str]]:
    """Return who we hold to be in each cohort."""
    found = defaultdict(set)
    query = select(CohortMember.cohort, CohortMember.person_id)
    for cohort, person_id in rows_among(session, query, CohortMember.cohort, cohorts):
        found[cohort].add(person_id)
    return {cohort: frozenset(found.get(cohort, ())) for cohort in cohorts}


def roles(session: Session, courses: Collection[str]) -> dict[str, dict[str, frozenset[str]]]:
    """Return who we hold to be in each course, with which roles."""
    found: dict[str, dict[str, set[str]]] = {course: defaultdict(set) for course in courses}
    query = select(KnownEnrolment.course, KnownEnrolment.person_id, KnownEnrolment.role)
    for course, person_id, role in rows_among(session, query, KnownEnrolment.course, courses):
        found[course][person_id].add(role)
    return {
        course: {who: frozenset(those) for who, those in people.items()}
        for course, people in found.items()
    }


def accounts(
    session: Session, numbers: Collection[int], person_ids: Collection[str]
) -> dict[int, str]:
    """Return person ids by Moodle's numbers, of those who have one of either."""
    query = select(KnownUser.moodle_id, KnownUser.person_id).where(KnownUser.moodle_id.is_not(None))
    by_number = rows_among(session, query, KnownUser.moodle_id, numbers)
    found = {number: who for number, who in by_number if number}
    by_person = rows_among(session, query, KnownUser.person_id, person_ids)
    return found | {number: who for number, who in by_person if number}


def being_applied(session: Session) -> frozenset[str]:
    """Return the schools that a load is changing just now: Moodle may be ahead of our record."""
    busy = Load.status == LoadStatus.APPLYING, SchoolPlan.status == PlanStatus.APPROVED
    query = select(SchoolPlan.school_code).join(Load).where(*busy, SchoolPlan.started)
    return frozenset(session.scalars(query))
