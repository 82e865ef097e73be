"""A city whose people wait for their accounts, written straight into the tables.

Planning half a million people from files takes longer than what is measured; the rows are those
that planning would store, as far as a look at the accounts of others reads them.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import asdict, replace
from typing import Any

from bench.place import SCOPE
from provisioning.changes import Action, Kind
from provisioning.logins import candidates, placeholder_email
from provisioning.state import MoodleUser
from service.application import Application
from service.db import insert_rows, transaction
from service.loads.candidates import NAMES, name_keys
from service.loads.operations import new_load
from service.models import (
    Identity,
    LoadStatus,
    PlannedChange,
    PlanStatus,
    School,
    SchoolPlan,
    SourceKey,
)
from service.sample import City, SampleSchool, make_city
from service.sample.portal import MadeAccount, made_accounts
from service.sample.rows import Row

COPIES = 10
"""So often each school stands in the city, under other codes and names: making a school takes
longer than storing it. Every human has nine namesakes at other schools, more than in life."""


def copied_city(city: City) -> Iterator[SampleSchool]:
    """Yield each school of a city, and its copies."""
    for school in make_city(city):
        for copy in range(COPIES):
            one = school.school
            named = replace(
                one, code=f"{one.code}-{copy}", name=f"{one.name} {copy}", number="",
                short_name=f"{one.short_name}, корпус {copy}",
            )  # fmt: skip
            rows = (replace(row, human=f"{row.human} {copy}") for row in school.rows)
            yield replace(school, school=named, rows=tuple(rows))


def copied_accounts(city: City) -> Iterator[MadeAccount]:
    """Yield the accounts of such a city; who works at two schools has one."""
    seen: set[str] = set()
    for school in copied_city(city):
        for one in made_accounts(school):
            if not one.human or one.human not in seen:
                seen.add(one.human)
                yield one


def plan_straight(application: Application, city: City) -> None:
    """Store every school with a plan that would make an account for each of its people."""
    now = application.clock()
    with transaction(application.sessions) as session:
        load, _folder = new_load(session, home=application.settings.home, scope=SCOPE, now=now)
        load.status = LoadStatus.PLANNED
        load_id = load.id
    known: dict[str, str] = {}
    logins: set[str] = set()
    for school in copied_city(city):
        one = school.school
        people = [(row, row.human not in known) for row in school.rows]
        for row in school.rows:
            known.setdefault(row.human, str(uuid.uuid4()))
        with transaction(application.sessions) as session:
            session.add(
                School(
                    code=one.code, name=one.name, short_name=one.short_name,
                    district=one.district, number=one.number,
                )
            )  # fmt: skip
            session.flush()
            plan = SchoolPlan(load_id=load_id, school_code=one.code, status=PlanStatus.PLANNED)
            session.add(plan)
            session.flush()
            users = [(row, _user(row, known[row.human], school, logins)) for row, _ in people]
            new = [pair for pair, (_, is_new) in zip(users, people, strict=True) if is_new]
            insert_rows(session, Identity, (_identity(row, user, now) for row, user in new))
            insert_rows(session, SourceKey, (_key(user) for _, user in users))
            insert_rows(
                session, PlannedChange,
                (_change(user, plan.id, place) for place, (_, user) in enumerate(users)),
            )  # fmt: skip


def _user(row: Row, person_id: str, school: SampleSchool, taken: set[str]) -> MoodleUser:
    person = row.person
    names = {name: getattr(person, name) for name in NAMES}
    free = (one for one in candidates(person_id, scheme="portal", **names) if one not in taken)
    username = next(free)
    taken.add(username)
    titles = {one.sourced_id: one.title for one in school.classes}
    title = titles.get(row.class_id, "")
    return MoodleUser(
        person_id=person_id, username=username, lastname=person.family_name,
        firstname=f"{person.given_name} {person.middle_name}".strip(),
        email=placeholder_email(username, "school.invalid"), auth="oauth2",
        institution=school.school.short_name, department=title, birth_date=person.birth_date,
        role=person.role.value, class_id=row.class_id, class_title=title, snils=person.snils,
        school_code=school.school.code, sourced_id=person.sourced_id, source="bench", **names,
    )  # fmt: skip


def _identity(row: Row, user: MoodleUser, now: Any) -> dict[str, Any]:
    names = {name: getattr(user, name) for name in NAMES}
    return {
        "person_id": user.person_id, "username": user.username, "birth_date": user.birth_date,
        "sex": row.person.sex, "snils": user.snils, "school_code": user.school_code,
        "reserved_at": now, **names, **name_keys(*names.values()),
    }  # fmt: skip


def _key(user: MoodleUser) -> dict[str, Any]:
    return {
        "source": user.source, "school_code": user.school_code, "sourced_id": user.sourced_id,
        "person_id": user.person_id,
    }  # fmt: skip


def _change(user: MoodleUser, plan_id: int, place: int) -> dict[str, Any]:
    after = asdict(user)
    after["birth_date"] = user.birth_date.isoformat() if user.birth_date else None
    return {
        "plan_id": plan_id, "position": place, "kind": Kind.USER.value,
        "action": Action.CREATE.value, "key": user.person_id, "before": {}, "after": after,
        "result": "", "code": "", "detail": "",
    }  # fmt: skip
