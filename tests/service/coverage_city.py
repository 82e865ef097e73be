"""Rows of an invented city, straight into the tables, for the tests of reports."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from auth.models import LoginEvent, Method, Result
from service.access import Scope
from service.activity.figures import Activity
from service.models import KnownUser, OperatorRole, School, SchoolMembership
from service.reports.question import Question

LOADED_AT = datetime(2026, 10, 1, 9, 0, tzinfo=UTC)
CITY = Scope(actor="cli:test", role=OperatorRole.CITY)


def asking(**overrides: Any) -> Question:
    """A question about the whole city at school level, without a period."""
    fields: dict[str, Any] = {
        "scope": CITY, "by": "school", "zone": ZoneInfo("Europe/Moscow"), "now": LOADED_AT,
    }  # fmt: skip
    return Question(**fields | overrides)


def add_school(session: Session, code: str, **overrides: Any) -> School:
    fields: dict[str, Any] = {
        "name": f"Государственное учреждение школа {code}",
        "short_name": f"Школа {code}",
        "district": "Невский",
        "number": code,
        "last_applied_at": LOADED_AT,
    }
    school = School(code=code, **fields | overrides)
    session.add(school)
    session.flush()
    return school


def add_person(
    session: Session, person_id: str, *schools: str, role: str = "student", **overrides: Any
) -> KnownUser:
    """Somebody with an account on the rolls of ``schools``; the first one is the main school."""
    fields: dict[str, Any] = {
        "moodle_id": 1,
        "username": person_id,
        "firstname": "Пример",
        "lastname": "Примеров",
        "email": f"{person_id}@school.invalid",
        "auth": "oauth2",
        "family_name": "Примеров",
        "given_name": "Пример",
        "role": role,
        "class_id": "c-8a" if role == "student" else "",
        "class_title": "8А" if role == "student" else "",
        "created_at": LOADED_AT,
        "updated_at": LOADED_AT,
    }
    person = KnownUser(person_id=person_id, school_code=schools[0], **fields | overrides)
    session.add(person)
    session.flush()
    for school in schools:
        put_on_roll(session, person, school)
    return person


def put_on_roll(session: Session, person: KnownUser, school: str, **overrides: Any) -> None:
    fields: dict[str, Any] = {
        "role": person.role,
        "class_id": person.class_id,
        "class_title": person.class_title,
    }
    session.add(
        SchoolMembership(school_code=school, person_id=person.person_id, **fields | overrides)
    )
    session.flush()


def take_off_roll(session: Session, person: KnownUser, *, suspended: bool = True) -> None:
    """Off every roll, as after a load without the person."""
    session.query(SchoolMembership).filter_by(person_id=person.person_id).delete()
    person.suspended, person.in_roll = suspended, False
    session.flush()


def who(activity: Activity, people: Iterable[int]) -> set[str]:
    """The person ids of a set."""
    return set(activity.session.scalars(activity.ids(people)))


def sign_in(session: Session, person_id: str, at: datetime = LOADED_AT, **overrides: Any) -> None:
    fields: dict[str, Any] = {
        "client_id": "moodle",
        "method": Method.PASSWORD,
        "result": Result.ALLOWED,
        "reason": "",
        "school_code": "",
        "role": "student",
        "class_title": "",
    }
    session.add(LoginEvent(person_id=person_id, at=at, **fields | overrides))
    session.flush()
