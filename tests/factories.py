"""Plain functions that make the objects of the tests; every person in them is invented."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Any

from provisioning.roster import Enrolment, Person, Role, Roster, School, SchoolClass
from provisioning.state import MoodleUser, State

SCHOOL_CODE = "78-0243"
SCHOOL_YEAR = "2026/2027"


def make_school(**overrides: Any) -> School:
    fields: dict[str, Any] = {
        "code": SCHOOL_CODE,
        "name": "Государственное бюджетное общеобразовательное учреждение школа № 243",
        "short_name": "Школа № 243",
        "district": "Адмиралтейский",
        "number": "243",
    }
    return School(**fields | overrides)


def make_class(sourced_id: str = "c-8a", **overrides: Any) -> SchoolClass:
    return SchoolClass(**{"sourced_id": sourced_id, "title": "8А", "grade": 8} | overrides)


def make_person(sourced_id: str = "s-1", **overrides: Any) -> Person:
    """A pupil; see ``make_teacher``."""
    fields: dict[str, Any] = {
        "sourced_id": sourced_id,
        "role": Role.STUDENT,
        "family_name": "Примеров",
        "given_name": "Пример",
        "middle_name": "Примерович",
        "birth_date": date(2012, 9, 1),
        "file": "students.xml",
        "line": 7,
    }
    return Person(**fields | overrides)


def make_teacher(sourced_id: str = "t-1", **overrides: Any) -> Person:
    fields: dict[str, Any] = {
        "role": Role.TEACHER,
        "family_name": "Образцова",
        "given_name": "Проба",
        "middle_name": "Тестовна",
        "birth_date": date(1980, 2, 29),
        "file": "staff.xml",
    }
    return make_person(sourced_id, **fields | overrides)


def make_enrolment(person_id: str = "s-1", class_id: str = "c-8a", **overrides: Any) -> Enrolment:
    fields: dict[str, Any] = {"person_id": person_id, "class_id": class_id, "role": Role.STUDENT}
    return Enrolment(**fields | overrides)


def make_roster(
    persons: Iterable[Person] = (),
    classes: Iterable[SchoolClass] = (),
    enrolments: Iterable[Enrolment] = (),
    **overrides: Any,
) -> Roster:
    fields: dict[str, Any] = {
        "source": "paragraf",
        "school": make_school(),
        "school_year": SCHOOL_YEAR,
        "exported_at": datetime(2026, 10, 1, 8, 0, tzinfo=UTC),
        "persons": {person.sourced_id: person for person in persons},
        "classes": {school_class.sourced_id: school_class for school_class in classes},
        "enrolments": tuple(enrolments),
    }
    return Roster(**fields | overrides)


def make_user(person_id: str = "p-1", **overrides: Any) -> MoodleUser:
    """A pupil of 8А in the roll, as ``make_person`` is in the file."""
    fields: dict[str, Any] = {
        "person_id": person_id,
        "username": "4821p0573",
        "firstname": "Пример Примерович",
        "lastname": "Примеров",
        "email": "4821p0573@school.invalid",
        "auth": "oauth2",
        "institution": "Школа № 243",
        "department": "8А",
        "family_name": "Примеров",
        "given_name": "Пример",
        "middle_name": "Примерович",
        "birth_date": date(2012, 9, 1),
        "role": "student",
        "class_id": "c-8a",
        "class_title": "8А",
        "school_code": SCHOOL_CODE,
        "sourced_id": "s-1",
        "source": "paragraf",
    }
    return MoodleUser(**fields | overrides)


def make_state(users: Iterable[MoodleUser] = (), **overrides: Any) -> State:
    fields: dict[str, Any] = {
        "school_code": SCHOOL_CODE, "categories": {}, "cohorts": {}, "courses": {},
        "users": {user.person_id: user for user in users},
        "members": frozenset(), "enrolments": frozenset(),
    }  # fmt: skip
    return State(**fields | overrides)
