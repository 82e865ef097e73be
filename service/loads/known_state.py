"""Rows -> the core's values: what Moodle has of a school, and who is on its roll."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import fields
from typing import Any

from sqlalchemy import select
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
from service.models import (
    CohortMember,
    KnownEnrolment,
    KnownObject,
    KnownUser,
    SchoolMembership,
    SourceKey,
)

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


def roll_before(session: Session, school_code: str) -> dict[str, Membership]:
    """Return the school's roll as last applied, by person id."""
    columns = [getattr(SchoolMembership, field.name) for field in fields(Membership)]
    rows = session.execute(
        select(*columns).where(SchoolMembership.school_code == school_code),
        execution_options=_STREAM,
    )
    names = tuple(field.name for field in fields(Membership))
    entries = (Membership(**with_shared_texts(names, row)) for row in rows)
    return {entry.person_id: entry for entry in entries}


def known_state(session: Session, school_code: str) -> State:
    """Return what Moodle holds for one school, as we last recorded it."""
    objects: dict[str, dict[str, dict[str, Any]]] = defaultdict(dict)
    for row in session.scalars(
        select(KnownObject)
        .where(KnownObject.school_code.in_(["", school_code]))
        .order_by(KnownObject.moodle_id)
    ):
        objects[row.kind][row.key] = row.fields
    members = session.execute(
        select(CohortMember.cohort, CohortMember.person_id).where(
            CohortMember.school_code == school_code
        ),
        execution_options=_STREAM,
    )
    enrolments = session.execute(
        select(KnownEnrolment.course, KnownEnrolment.person_id, KnownEnrolment.role).where(
            KnownEnrolment.school_code == school_code
        ),
        execution_options=_STREAM,
    )
    share = sys.intern
    return State(
        school_code=school_code,
        categories={k: MoodleCategory(**v) for k, v in objects[Kind.CATEGORY].items()},
        cohorts={k: MoodleCohort(**v) for k, v in objects[Kind.COHORT].items()},
        courses={k: MoodleCourse(**v) for k, v in objects[Kind.COURSE].items()},
        users={user.person_id: user for user in _known_users(session, school_code)},
        members=frozenset(Member(cohort=share(c), person_id=share(p)) for c, p in members),
        enrolments=frozenset(
            CourseEnrolment(course=share(c), person_id=share(p), role=CourseRole(r))
            for c, p, r in enrolments
        ),
    )


def _known_users(session: Session, school_code: str) -> Iterable[MoodleUser]:
    """Yield the accounts of everyone who ever had a source key in the school."""
    own_people = select(SourceKey.person_id).where(SourceKey.school_code == school_code)
    columns = [getattr(KnownUser, name) for name in USER_FIELDS]
    rows = session.execute(
        select(*columns).where(
            KnownUser.person_id.in_(own_people), KnownUser.moodle_id.is_not(None)
        ),
        execution_options=_STREAM,
    )
    for row in rows:
        yield MoodleUser(**with_shared_texts(USER_FIELDS, row))
