"""State: what exists, or should exist, in Moodle for one school. Known and desired are one type."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from provisioning.person_states import PersonState


class CourseRole(StrEnum):
    """Moodle's archetype shortnames of the roles we give in courses."""

    STUDENT = "student"
    EDITING_TEACHER = "editingteacher"


@dataclass(frozen=True, kw_only=True, slots=True)
class MoodleCategory:
    """A course category. The shared levels, city and district, belong to no school."""

    idnumber: str
    name: str
    parent: str = ""
    """``idnumber`` of the parent, empty at the top."""


@dataclass(frozen=True, kw_only=True, slots=True)
class MoodleCohort:
    idnumber: str
    name: str
    visible: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class MoodleCourse:
    idnumber: str
    fullname: str
    shortname: str
    category: str
    """``idnumber`` of the category."""
    visible: bool = True
    """Pupils see it. Teachers of a hidden course do too."""


@dataclass(frozen=True, kw_only=True, slots=True)
class MoodleUser:
    """One human as Moodle and our own registry should know them.

    ``MOODLE_FIELDS`` go to Moodle; the rest is ours alone and a change in it makes no call.
    """

    person_id: str
    """Our UUID: Moodle's ``idnumber`` and OIDC ``sub``; never changes, never reused."""
    username: str
    firstname: str
    """Given name and patronymic, as Moodle shows them."""
    lastname: str
    email: str
    auth: str
    """``oauth2`` or ``manual``."""
    institution: str = ""
    department: str = ""
    """The home class title of a student, empty for staff."""
    suspended: bool = False
    # Ours alone.
    family_name: str = ""
    given_name: str = ""
    middle_name: str = ""
    birth_date: date | None = None
    role: str = ""
    """A ``roster.Role`` value."""
    class_id: str = ""
    """Sourced id of the home class of a student."""
    class_title: str = ""
    snils: str = ""
    school_code: str = ""
    """The school whose export speaks for the person (names, institution)."""
    sourced_id: str = ""
    """The person's key in that school's export."""
    source: str = ""
    in_roll: bool = True
    """The person is on this school's roll now."""
    state: PersonState = PersonState.ON_ROLL


MOODLE_FIELDS = (
    "username", "firstname", "lastname", "email", "auth", "institution", "department", "suspended",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class Member:
    """A person in a cohort."""

    cohort: str
    person_id: str


@dataclass(frozen=True, kw_only=True, slots=True)
class CourseEnrolment:
    """A person in a course with a role (manual enrolment)."""

    course: str
    person_id: str
    role: CourseRole


@dataclass(frozen=True, kw_only=True, slots=True)
class State:
    """Everything of one school. Keys are idnumbers; for users our person id."""

    school_code: str
    categories: Mapping[str, MoodleCategory]
    """In creation order: parents first."""
    cohorts: Mapping[str, MoodleCohort]
    courses: Mapping[str, MoodleCourse]
    users: Mapping[str, MoodleUser]
    members: frozenset[Member]
    enrolments: frozenset[CourseEnrolment]
