"""Plain functions that make the objects of the tests; every person in them is invented."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from typing import Any, TypeVar

from provisioning.roster import Enrolment, Person, Role, Roster, School, SchoolClass
from provisioning.state import MoodleUser, State

SCHOOL_CODE = "78-0243"
SCHOOL_YEAR = "2026/2027"

Made = TypeVar("Made")

FIELDS: Mapping[type[Any], Mapping[str, Any]] = {
    School: {
        "code": SCHOOL_CODE, "short_name": "Школа № 243", "district": "Адмиралтейский",
        "name": "Государственное бюджетное общеобразовательное учреждение школа № 243",
        "number": "243",
    },
    SchoolClass: {"title": "8А", "grade": 8},
    Person: {
        "role": Role.STUDENT, "family_name": "Примеров", "given_name": "Пример",
        "middle_name": "Примерович", "birth_date": date(2012, 9, 1), "file": "students.xml",
        "line": 7,
    },
    Enrolment: {"role": Role.STUDENT},
    Roster: {
        "source": "paragraf", "school_year": SCHOOL_YEAR,
        "exported_at": datetime(2026, 10, 1, 8, 0, tzinfo=UTC),
    },
    MoodleUser: {
        "username": "4821p0573", "firstname": "Пример Примерович", "lastname": "Примеров",
        "email": "4821p0573@school.invalid", "auth": "oauth2", "institution": "Школа № 243",
        "department": "8А", "family_name": "Примеров", "given_name": "Пример",
        "middle_name": "Примерович", "birth_date": date(2012, 9, 1), "role": "student",
        "class_id": "c-8a", "class_title": "8А", "school_code": SCHOOL_CODE, "sourced_id": "s-1",
        "source": "paragraf",
    },
    State: {
        "school_code": SCHOOL_CODE, "categories": {}, "cohorts": {}, "courses": {},
        "members": frozenset(), "enrolments": frozenset(),
    },
}  # fmt: skip
"""What an object needs and a test does not ask about."""


def _make(kind: type[Made], overrides: Mapping[str, Any], **fields: Any) -> Made:
    return kind(**{**FIELDS[kind], **fields, **overrides})


def make_school(**overrides: Any) -> School:
    return _make(School, overrides)


def make_class(sourced_id: str = "c-8a", **overrides: Any) -> SchoolClass:
    return _make(SchoolClass, overrides, sourced_id=sourced_id)


def make_person(sourced_id: str = "s-1", **overrides: Any) -> Person:
    """A pupil; see ``make_teacher``."""
    return _make(Person, overrides, sourced_id=sourced_id)


def make_teacher(sourced_id: str = "t-1", **overrides: Any) -> Person:
    teacher: dict[str, Any] = {
        "role": Role.TEACHER, "family_name": "Образцова", "given_name": "Проба",
        "middle_name": "Тестовна", "birth_date": date(1980, 2, 29), "file": "staff.xml",
    }  # fmt: skip
    return make_person(sourced_id, **teacher | overrides)


def make_enrolment(person_id: str = "s-1", class_id: str = "c-8a", **overrides: Any) -> Enrolment:
    return _make(Enrolment, overrides, person_id=person_id, class_id=class_id)


def make_roster(
    persons: Iterable[Person] = (),
    classes: Iterable[SchoolClass] = (),
    enrolments: Iterable[Enrolment] = (),
    **overrides: Any,
) -> Roster:
    return _make(
        Roster,
        overrides,
        school=make_school(),
        persons={person.sourced_id: person for person in persons},
        classes={school_class.sourced_id: school_class for school_class in classes},
        enrolments=tuple(enrolments),
    )


def make_user(person_id: str = "p-1", **overrides: Any) -> MoodleUser:
    """A pupil of 8А in the roll, as ``make_person`` is in the file."""
    return _make(MoodleUser, overrides, person_id=person_id)


def make_state(users: Iterable[MoodleUser] = (), **overrides: Any) -> State:
    return _make(State, overrides, users={user.person_id: user for user in users})
