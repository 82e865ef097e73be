"""Rows -> the core's values: who is known, what Moodle has, who is where; and new identities."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from itertools import chain
from typing import Any

from sqlalchemy import select, tuple_
from sqlalchemy.orm import Session

from provisioning import matching
from provisioning.changes import Kind
from provisioning.logins import candidates
from provisioning.matching import How, KnownIdentities, Matching
from provisioning.roll import RollEntry
from provisioning.roster import Person, Roster
from provisioning.settings import LoginSettings
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
from service.db import chunks, insert_rows
from service.models import (
    Affiliation,
    Identity,
    KnownEnrolment,
    KnownMember,
    KnownObject,
    KnownPerson,
    PlannedRoll,
    PlanStatus,
    SchoolPlan,
    SourceKey,
    TakenLogin,
)

USER_FIELDS = tuple(field.name for field in fields(MoodleUser))
_STREAM = {"yield_per": 1000}
"""A long answer comes in pieces; PostgreSQL would otherwise send all of it at once."""
_UNSHARED = {"username", "email", "snils", "sourced_id"}
"""Another text for each person."""
_IDENTITY_FIELDS = tuple(field.name for field in fields(matching.KnownPerson))
_IDENTITY_COLUMNS = [getattr(Identity, name) for name in _IDENTITY_FIELDS]


def known_identities(session: Session, roster: Roster) -> KnownIdentities:
    """What matching needs to know about the people in one roster (three kinds of look-up)."""
    by_key: dict[str, matching.KnownPerson] = {}
    of_school = (
        select(SourceKey.sourced_id, *_IDENTITY_COLUMNS)
        .join(Identity, Identity.person_id == SourceKey.person_id)
        .where(SourceKey.source == roster.source, SourceKey.school_code == roster.school.code)
    )
    for ids in chunks(chain(roster.persons, roster.set_aside)):
        for sourced_id, *known in session.execute(of_school.where(SourceKey.sourced_id.in_(ids))):
            by_key[sourced_id] = _known(known)
    new = [person for key, person in roster.persons.items() if key not in by_key]
    of_city = select(*_IDENTITY_COLUMNS)
    by_snils: dict[str, list[matching.KnownPerson]] = defaultdict(list)
    for numbers in chunks(sorted({person.snils for person in new if person.snils})):
        for row in session.execute(of_city.where(Identity.snils.in_(numbers))):
            one = _known(row)
            by_snils[one.snils].append(one)
    by_name: dict[matching.NameKey, list[matching.KnownPerson]] = {}
    of_others = select(Identity.name_key, *_IDENTITY_COLUMNS).where(
        Identity.school_code != roster.school.code
    )
    for some in chunks(new):
        names = {matching.name_key(person) for person in some}
        found: dict[matching.NameKey, list[matching.KnownPerson]] = defaultdict(list)
        for name, *known in session.execute(
            of_others.where(tuple_(Identity.name_key, Identity.birth_date).in_(names))
        ):
            one = _known(known)
            if one.birth_date:
                found[name, one.birth_date].append(one)
        by_name |= found
    return KnownIdentities(by_key=by_key, by_snils=by_snils, by_name=by_name)


def _known(values: Sequence[Any]) -> matching.KnownPerson:
    return matching.KnownPerson(**_shared(_IDENTITY_FIELDS, values))


def _shared(names: Sequence[str], values: Sequence[Any]) -> dict[str, Any]:
    """A row by field, with one object for equal texts: rows repeat the same ids and names."""
    return {
        name: sys.intern(value) if isinstance(value, str) and name not in _UNSHARED else value
        for name, value in zip(names, values, strict=True)
    }


def reserve(
    session: Session, roster: Roster, found: Matching, logins: LoginSettings, now: datetime
) -> None:
    """Give new people their identity and login, and every new row its key.

    Reserved for ever, also when the plan is rejected: a second load of the file finds the same.
    """
    new = (
        (match.person_id, roster.persons[key])
        for key, match in found.matches.items()
        if match.how == How.NEW
    )
    for some in chunks(new):
        people = dict(some)
        given = free_usernames(session, people, logins)
        insert_rows(
            session,
            Identity,
            (
                {
                    "person_id": person_id,
                    "username": given[person_id],
                    "reserved_at": now,
                    "school_code": roster.school.code,
                    **identity_values(person),
                }
                for person_id, person in people.items()
            ),
        )
    keys = (
        {
            "source": roster.source,
            "school_code": roster.school.code,
            "sourced_id": sourced_id,
            "person_id": match.person_id,
        }
        for sourced_id, match in found.matches.items()
        if match.how != How.KNOWN
    )
    insert_rows(session, SourceKey, keys)


def usernames(session: Session, person_ids: Iterable[str]) -> dict[str, str]:
    """Person id -> the login reserved for the person."""
    found: dict[str, str] = {}
    for ids in chunks(person_ids):
        rows = session.execute(
            select(Identity.person_id, Identity.username).where(Identity.person_id.in_(ids))
        )
        logins = dict(rows.all())
        found |= {person_id: logins[person_id] for person_id in ids}
    return found


def identity_values(person: Person | MoodleUser) -> dict[str, Any]:
    """What an identity remembers of a person for matching."""
    return {
        "family_name": person.family_name,
        "given_name": person.given_name,
        "middle_name": person.middle_name,
        "name_key": matching.normalised_name(
            person.family_name, person.given_name, person.middle_name
        ),
        "birth_date": person.birth_date,
        "snils": person.snils,
    }


def free_usernames(
    session: Session, people: Mapping[str, Person], logins: LoginSettings
) -> dict[str, str]:
    """The first candidate of each person that nobody has, here or in Moodle as far as we know.

    Asks the database for many people at once.
    """
    wanted = {
        person_id: candidates(
            person_id,
            family_name=person.family_name,
            given_name=person.given_name,
            middle_name=person.middle_name,
            scheme=logins.scheme,
        )
        for person_id, person in people.items()
    }
    given: dict[str, str] = {}
    taken: set[str] = set()
    while wanted:
        round_ = {person_id: next(names) for person_id, names in wanted.items()}
        for names in chunks(sorted(set(round_.values()))):
            for column in (Identity.username, TakenLogin.username):
                taken.update(session.scalars(select(column).where(column.in_(names))))
        for person_id, username in round_.items():
            if username not in taken:
                taken.add(username)
                given[person_id] = username
                del wanted[person_id]
    return given


def roll_before(session: Session, school_code: str) -> dict[str, RollEntry]:
    """The school's roll as last applied, by person id."""
    rows = session.execute(
        select(
            Affiliation.person_id, Affiliation.role, Affiliation.class_id, Affiliation.class_title
        ).where(Affiliation.school_code == school_code),
        execution_options=_STREAM,
    )
    entries = (map(sys.intern, row) for row in rows)
    return {
        person_id: RollEntry(
            person_id=person_id, role=role, class_id=class_id, class_title=class_title
        )
        for person_id, role, class_id, class_title in entries
    }


def elsewhere(session: Session, school_code: str, run_id: int) -> dict[str, set[str]]:
    """Person id -> other schools that list the person: by this run's plans, else as applied.

    Only of the people who have a source key in the school.
    """
    plans = session.execute(
        select(SchoolPlan.id, SchoolPlan.school_code).where(
            SchoolPlan.run_id == run_id,
            SchoolPlan.school_code != school_code,
            SchoolPlan.status == PlanStatus.PLANNED,
        )
    )
    planned = dict(plans.all())
    here = select(SourceKey.person_id).where(SourceKey.school_code == school_code)
    found: dict[str, set[str]] = defaultdict(set)
    for person_id, plan_id in session.execute(
        select(PlannedRoll.person_id, PlannedRoll.plan_id).where(
            PlannedRoll.plan_id.in_(planned), PlannedRoll.person_id.in_(here)
        )
    ):
        found[person_id].add(planned[plan_id])
    replaced = {school_code, *planned.values()}
    for person_id, code in session.execute(
        select(Affiliation.person_id, Affiliation.school_code).where(
            Affiliation.school_code.not_in(replaced), Affiliation.person_id.in_(here)
        )
    ):
        found[person_id].add(code)
    return dict(found)


def known_state(session: Session, school_code: str) -> State:
    """What Moodle holds for one school, as we last recorded it."""
    objects: dict[str, dict[str, dict[str, Any]]] = defaultdict(dict)
    for row in session.scalars(
        select(KnownObject)
        .where(KnownObject.school_code.in_(["", school_code]))
        .order_by(KnownObject.moodle_id)
    ):
        objects[row.kind][row.key] = row.fields
    members = session.execute(
        select(KnownMember.cohort, KnownMember.person_id).where(
            KnownMember.school_code == school_code
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
    """The accounts of everyone who ever had a source key in the school."""
    own_people = select(SourceKey.person_id).where(SourceKey.school_code == school_code)
    columns = [getattr(KnownPerson, name) for name in USER_FIELDS]
    rows = session.execute(
        select(*columns).where(
            KnownPerson.person_id.in_(own_people), KnownPerson.moodle_id.is_not(None)
        ),
        execution_options=_STREAM,
    )
    for row in rows:
        yield MoodleUser(**_shared(USER_FIELDS, row))
