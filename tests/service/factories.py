"""Rows of an invented city: ``add`` for every table, and functions where fields follow from others.

``DEFAULTS`` has what a row needs and a test does not ask about; every person here is invented.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from copy import deepcopy
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any, TypeVar

from argon2 import PasswordHasher
from sqlalchemy import select
from sqlalchemy.orm import Session

from auth.linking.links import add_link
from auth.linking.models import Evidence, Link, LinkRequest
from auth.models import AuthorizationCode, Credential, Grant, LoginEvent, Method, Result, SignIn
from provisioning.changes import Action, Kind
from provisioning.plan import plan_digest
from service.access import Scope
from service.models import (
    Identity,
    KnownUser,
    Load,
    LoadFile,
    LoadFinding,
    LoadStatus,
    Operator,
    OperatorRole,
    PhaseExemption,
    PhaseRule,
    PlannedChange,
    PlanStatus,
    PlatformWeek,
    School,
    SchoolMembership,
    SchoolPlan,
    StoredQuestion,
)

LOADED_AT = datetime(2026, 10, 1, 9, 0, tzinfo=UTC)
"""When all schools were loaded."""
NOW = datetime(2026, 10, 2, 9, 30, tzinfo=UTC)
"""What the clock of the console shows."""
LATER = NOW + timedelta(days=14)

PASSWORD = "correct horse battery"
"""Of every operator."""

SCHOOL = "78-0243"
SNILS = "11223344595"
SUBJECT = "1000299353"
"""Of a request, at the outside provider."""

BREACH = {"limit": "suspended", "count": 57, "base": 300, "allowed_share": 0.1}
"""Of the limits, by the plan of a school."""

CITY = Scope(actor="cli:test", role=OperatorRole.CITY)

Row = TypeVar("Row")

DEFAULTS: Mapping[type[Any], Mapping[str, Any]] = {
    AuthorizationCode: {
        "client_id": "moodle", "person_id": "a", "scope": "openid", "auth_time": NOW,
        "redirect_uri": "https://moodle.example.org/", "expires_at": LATER,
    },
    Credential: {"password_hash": "argon2", "changed_at": NOW},
    Grant: {"client_id": "moodle", "person_id": "a", "scope": "openid", "expires_at": LATER},
    KnownUser: {
        "moodle_id": 1, "firstname": "Пример", "lastname": "Примеров", "auth": "oauth2",
        "family_name": "Примеров", "given_name": "Пример", "created_at": LOADED_AT,
        "updated_at": LOADED_AT,
    },
    LinkRequest: {
        "provider": "esia", "subject": SUBJECT, "school_code": SCHOOL, "asked_at": NOW,
        "family_name": "Примеров", "given_name": "Пример", "birth_date": date(2012, 9, 2),
        "snils": SNILS, "expires_at": LATER,
    },
    Load: {
        "status": LoadStatus.PLANNED, "created_at": NOW, "created_by": "city",
        "scope_role": OperatorRole.CITY, "scope_items": [], "folder": "uploads/000001",
    },
    LoadFile: {
        "sha256": "0" * 64, "layout": "roster-1", "parts": ["students"], "records": 3,
        "exported_at": NOW,
    },
    LoadFinding: {
        "rule": "match.snils_conflict", "severity": "warning", "file": "students.xml", "line": 7,
        "school_code": SCHOOL, "sourced_id": "s-1", "person": "Примеров Пример",
        "field_name": "snils", "value": "112-233-445 95", "details": {},
    },
    LoginEvent: {
        "at": LOADED_AT, "client_id": "moodle", "method": Method.PASSWORD,
        "result": Result.ALLOWED, "reason": "", "school_code": "", "role": "student",
        "class_title": "",
    },
    PhaseExemption: {"reason": "проба", "created_at": NOW, "created_by": "city"},
    PhaseRule: {"created_at": NOW, "created_by": "city"},
    PlannedChange: {"before": {}, "after": {}, "result": ""},
    PlatformWeek: {
        "platform": "Сферум", "version": 1, "file_name": "неделя.csv", "sha256": "0" * 64,
        "mapping": "default", "imported_at": NOW, "imported_by": "city",
    },
    SchoolMembership: {"role": "student"},
    SchoolPlan: {
        "status": PlanStatus.PLANNED, "people": 3, "school_year": "2026/2027", "exported_at": NOW,
    },
    SignIn: {
        "person_id": "a", "auth_time": NOW, "expires_at": LATER, "with_first_password": False,
    },
}  # fmt: skip


def make(table: type[Row], **fields: Any) -> Row:
    return table(**{**deepcopy(DEFAULTS.get(table, {})), **fields})


def add(session: Session, table: type[Row], **fields: Any) -> Row:
    row = make(table, **fields)
    session.add(row)
    session.flush()
    return row


# Schools and people


def add_school(session: Session, code: str = SCHOOL, **overrides: Any) -> School:
    number = code.rpartition("-")[2].lstrip("0")
    fields: dict[str, Any] = {
        "name": f"Государственное учреждение школа № {number}",
        "short_name": f"Школа № {number}",
        "district": "Невский",
        "number": number,
        "last_applied_at": LOADED_AT,
    }
    return add(session, School, code=code, **fields | overrides)


def add_person(
    session: Session, person_id: str, *schools: str, role: str = "student", **overrides: Any
) -> KnownUser:
    """Somebody with an account on the rolls of ``schools``; the first one is the main school."""
    is_student = role == "student"
    fields: dict[str, Any] = {
        "username": person_id,
        "email": f"{person_id}@school.invalid",
        "class_id": "c-8a" if is_student else "",
        "class_title": "8А" if is_student else "",
        "school_code": schools[0],
    }
    person = add(session, KnownUser, person_id=person_id, role=role, **fields | overrides)
    for school in schools:
        put_on_roll(session, person, school)
    return person


def add_known_person(
    session: Session, person_id: str, school: str = "1", **overrides: Any
) -> KnownUser:
    """Somebody born on 1 September 2012, with an account, an identity and a place on the roll."""
    known = {"birth_date": date(2012, 9, 1), "username": f"48p{person_id}"} | overrides
    person = add_person(session, person_id, school, **known)
    add(
        session,
        Identity,
        person_id=person_id,
        username=person.username,
        family_name=person.family_name,
        given_name=person.given_name,
        name_key=person.family_name.lower(),
        birth_date=person.birth_date,
        school_code=school,
        reserved_at=NOW,
    )
    return person


def put_on_roll(session: Session, person: KnownUser, school: str, **overrides: Any) -> None:
    place = {name: getattr(person, name) for name in ("role", "class_id", "class_title")}
    who = {"person_id": person.person_id, "school_code": school}
    add(session, SchoolMembership, **who, **place | overrides)


def take_off_roll(session: Session, person: KnownUser, *, suspended: bool = True) -> None:
    """Off every roll, as after a load without the person."""
    session.query(SchoolMembership).filter_by(person_id=person.person_id).delete()
    person.suspended, person.in_roll = suspended, False
    session.flush()


def sign_in(session: Session, person_id: str, at: datetime = LOADED_AT, **overrides: Any) -> None:
    add(session, LoginEvent, person_id=person_id, at=at, **overrides)


def add_request(session: Session, school: str = SCHOOL, **overrides: Any) -> int:
    """An open request of the pupil "a", whose birth date the school has wrong by a day."""
    return add(session, LinkRequest, school_code=school, **overrides).id


def choose_own_password(session: Session, person_id: str, **overrides: Any) -> None:
    add(session, Credential, person_id=person_id, **overrides)


def link(session: Session, person_id: str, subject: str = "42", school: str = SCHOOL) -> int:
    """A link made earlier by СНИЛС."""
    made = NOW - timedelta(days=30)
    add_link(
        session,
        provider="esia",
        subject=subject,
        person_id=person_id,
        school_code=school,
        evidence=Evidence.SNILS,
        now=made,
    )
    return session.scalars(select(Link.id).where(Link.person_id == person_id)).one()


def add_operator(
    session: Session,
    username: str = "city",
    role: OperatorRole = OperatorRole.CITY,
    scope: Sequence[str] = (),
    **overrides: Any,
) -> Operator:
    fields: dict[str, Any] = {
        "password_hash": _password_hash(),
        "scope": list(scope),
        "created_at": NOW,
    }
    return add(session, Operator, username=username, role=role, **fields | overrides)


def add_operators(session: Session) -> None:
    """The operators ``city``, ``district`` of «Невский» and ``school`` of ``SCHOOL``."""
    add_operator(session)
    add_operator(session, "district", OperatorRole.DISTRICT, ["Невский"])
    add_operator(session, "school", OperatorRole.SCHOOL, [SCHOOL])


@cache
def _password_hash() -> str:
    """Of ``PASSWORD``, with the cheapest parameters: a good hash is slow on purpose."""
    return PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)


# Loads


def add_load(session: Session, status: LoadStatus = LoadStatus.PLANNED, **overrides: Any) -> Load:
    return add(session, Load, status=status, **overrides)


def add_file(session: Session, load: Load, school_code: str = SCHOOL, **over: Any) -> LoadFile:
    fields = {"name": f"students-{school_code}.xml"} | over
    return add(session, LoadFile, load_id=load.id, school_code=school_code, **fields)


def add_finding(session: Session, load: Load, **overrides: Any) -> LoadFinding:
    return add(session, LoadFinding, load_id=load.id, **overrides)


def add_plan(
    session: Session,
    load: Load,
    school_code: str = SCHOOL,
    changes: Sequence[PlannedChange] = (),
    **overrides: Any,
) -> SchoolPlan:
    """A plan with its changes, counted and digested as the planning does it."""
    fields: dict[str, Any] = {
        "digest": plan_digest(school_code, (), ()),
        "counts": dict(Counter(f"{change.kind}.{change.action}" for change in changes)),
    }
    plan = add(session, SchoolPlan, load_id=load.id, school_code=school_code, **fields | overrides)
    for position, change in enumerate(changes):
        change.plan_id, change.position = plan.id, position
    session.add_all(changes)
    session.flush()
    return plan


def make_change(kind: Kind, action: Action, key: str, **overrides: Any) -> PlannedChange:
    return make(PlannedChange, kind=kind, action=action, key=key, **overrides)


def make_user_change(
    key: str = "p-1", action: Action = Action.CREATE, **overrides: Any
) -> PlannedChange:
    """A change of a pupil; ``before`` of anything but a creation differs in the class only."""
    after: dict[str, Any] = {
        "person_id": key,
        "username": "4821p0573",
        "firstname": "Пример Примерович",
        "lastname": "Примеров",
        "email": "4821p0573@school.invalid",
        "department": "8А",
        "class_title": "8А",
        "role": "student",
        "birth_date": date(2012, 9, 1).isoformat(),
        "snils": "",
        "suspended": action == Action.SUSPEND,
    }
    before = {} if action == Action.CREATE else after | {"department": "7А"}
    return make_change(Kind.USER, action, key, **{"before": before, "after": after} | overrides)


def add_question(rows: Session, school_code: str, key: str = "ряд-1", **fields: Any) -> Any:
    """A question whether a row is one of two people whom another school has."""

    def said(code: str, speaks: str, ours: str, theirs: str) -> dict[str, str]:
        return {"code": code, "speaks": speaks, "ours": ours, "theirs": theirs}

    evidence = [
        said("family_name.equal", "for", "Выдуманная-Примерова", "Выдуманная-Примерова"),
        said("given_name.other", "against", "Ольга", "Пётр"),
        said("birth_date.equal", "for", "15.01.2012", "15.01.2012"),
    ]
    candidates = [
        {"key": f"p-{n}", "memberships": [{"school_code": "78-0002", "sourced_id": f"дело-{n}"}],
         "evidence": evidence}
        for n in (1, 2)
    ]  # fmt: skip
    values = {
        "kind": "match", "state": "open", "school_code": school_code, "key": key,
        "rows": json.dumps([{"school_code": school_code, "sourced_id": key}]),
        "candidates": json.dumps(candidates), "pattern": "same", "asked_at": NOW,
        "changed_at": NOW,
    }  # fmt: skip
    return add(rows, StoredQuestion, **values | fields)
