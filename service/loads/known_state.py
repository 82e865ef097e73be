"""Rows -> the core's values: what Moodle has of a school, and who is on its roll."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import fields, replace
from typing import Any, TypeVar, cast

from sqlalchemy import ColumnElement, select, union
from sqlalchemy.orm import Session

from provisioning.changes import Kind
from provisioning.roll import Membership
from provisioning.state import (
    CourseEnrolment,
    CourseRole,
    Member,
    MoodleCategory,
    MoodleCohort,
    MoodleCourse,
    MoodleUser,
    State,
)
from service.db import chunks
from service.models import (
    CohortMember,
    KnownEnrolment,
    KnownObject,
    KnownUser,
    SchoolMembership,
    SourceKey,
)

Value = TypeVar("Value")
USER_FIELDS = tuple(field.name for field in fields(MoodleUser))
_STREAM = {"yield_per": 1000}
"""A long answer comes in pieces; PostgreSQL would otherwise send all of it at once."""
_UNSHARED = {"username", "email", "snils", "sourced_id"}
"""Another text for each person."""


def with_shared_texts(names: Sequence[str], values: Sequence[Any]) -> dict[str, Any]:
    """Return a row by field, with one object for equal texts: rows repeat ids and names."""
    return {
        name: sys.intern(value) if isinstance(value, str) and name not in _UNSHARED else value
        for name, value in zip(names, values, strict=True)
    }


def _values(
    session: Session, kind: type[Value], table: type[Any], *conditions: ColumnElement[bool]
) -> Iterator[Value]:
    """Yield rows as values of the core, which have fields of the same names."""
    names = tuple(field.name for field in fields(cast(Any, kind)))
    query = select(*(getattr(table, name) for name in names)).where(*conditions)
    for row in session.execute(query, execution_options=_STREAM):
        yield kind(**with_shared_texts(names, row))


def roll_before(session: Session, school_code: str) -> dict[str, Membership]:
    """Return the school's roll as last applied, by person id."""
    here = SchoolMembership.school_code == school_code
    return {one.person_id: one for one in _values(session, Membership, SchoolMembership, here)}


def accounts(session: Session, school_code: str) -> dict[str, MoodleUser]:
    """Return the accounts of the people for whom a school speaks, by person id."""
    own = KnownUser.school_code == school_code, KnownUser.moodle_id.is_not(None)
    return {one.person_id: one for one in _values(session, MoodleUser, KnownUser, *own)}


def accounts_of(session: Session, people: Collection[str]) -> dict[str, MoodleUser]:
    """Return the accounts of some people, whoever speaks for them, by person id."""
    found: dict[str, MoodleUser] = {}
    for some in chunks(sorted(people)):
        known = KnownUser.person_id.in_(some), KnownUser.moodle_id.is_not(None)
        found |= {one.person_id: one for one in _values(session, MoodleUser, KnownUser, *known)}
    return found


def places_of(
    session: Session, people: Collection[str], *, school_code: str = ""
) -> tuple[frozenset[Member], frozenset[CourseEnrolment]]:
    """Return all cohorts and courses of some people, of whichever school or of one."""
    members: set[Member] = set()
    enrolments: set[CourseEnrolment] = set()
    for some in chunks(sorted(people)):
        in_cohorts: ColumnElement[bool] = CohortMember.person_id.in_(some)
        in_courses: ColumnElement[bool] = KnownEnrolment.person_id.in_(some)
        if school_code:
            in_cohorts &= CohortMember.school_code == school_code
            in_courses &= KnownEnrolment.school_code == school_code
        members.update(_values(session, Member, CohortMember, in_cohorts))
        enrolments.update(_values(session, CourseEnrolment, KnownEnrolment, in_courses))
    return frozenset(members), frozenset(map(_with_role, enrolments))


def _with_role(one: CourseEnrolment) -> CourseEnrolment:
    return replace(one, role=CourseRole(one.role))


def known_state(session: Session, school_code: str) -> State:
    """Return what Moodle holds for one school, as we last recorded it."""
    objects: dict[str, dict[str, dict[str, Any]]] = defaultdict(dict)
    for row in session.scalars(
        select(KnownObject)
        .where(KnownObject.school_code.in_(["", school_code]))
        .order_by(KnownObject.moodle_id)
    ):
        objects[row.kind][row.key] = row.fields
    # Everyone who has a source key in the school, and those whose row turned out to be somebody
    # else: the school speaks for them or has them on its roll.
    own_people = union(
        *(
            select(table.person_id).where(table.school_code == school_code)
            for table in (SourceKey, KnownUser, SchoolMembership)
        )
    )
    known = KnownUser.person_id.in_(own_people), KnownUser.moodle_id.is_not(None)
    in_cohort = CohortMember.school_code == school_code
    in_course = KnownEnrolment.school_code == school_code
    enrolments = _values(session, CourseEnrolment, KnownEnrolment, in_course)
    return State(
        school_code=school_code,
        categories={k: MoodleCategory(**v) for k, v in objects[Kind.CATEGORY].items()},
        cohorts={k: MoodleCohort(**v) for k, v in objects[Kind.COHORT].items()},
        courses={k: MoodleCourse(**v) for k, v in objects[Kind.COURSE].items()},
        users={one.person_id: one for one in _values(session, MoodleUser, KnownUser, *known)},
        members=frozenset(_values(session, Member, CohortMember, in_cohort)),
        enrolments=frozenset(map(_with_role, enrolments)),
    )
