"""What a school's export says: School, SchoolClass, Person, Enrolment, Roster (OneRoster words).

Nothing here knows XML, Moodle or a database. Values are already clean: a record that could not be
made clean is a ``Finding`` (see ``findings.py``) and never becomes one of these.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum


class Role(StrEnum):
    """OneRoster roles. Guardians are counted in a file and never taken
    (docs/facts/paragraf.md section 5)."""

    STUDENT = "student"
    TEACHER = "teacher"
    ADMINISTRATOR = "administrator"
    GUARDIAN = "guardian"


class PersonStatus(StrEnum):
    ACTIVE = "active"
    ON_LEAVE = "on_leave"
    """On academic leave: the person stays on the roll and keeps the account."""
    LEFT = "left"
    """The school itself says the person left (status or a leaving date that has passed)."""


class ClassKind(StrEnum):
    HOMEROOM = "homeroom"
    GROUP = "group"
    HOME_EDUCATION = "home_education"


class Mode(StrEnum):
    FULL = "full"
    """The whole roll: who is absent from the file has left."""
    CHANGES = "changes"
    """Only what changed: who is absent from the file stays as before."""


class Part(StrEnum):
    """A part of a school's export set. Absence is judged only inside the parts that arrived."""

    CLASSES = "classes"
    STUDENTS = "students"
    STAFF = "staff"
    TEACHING = "teaching"


@dataclass(frozen=True, kw_only=True, slots=True)
class School:
    """An organisation that teaches. The key is ``code``; numbers and names repeat in the city."""

    code: str
    name: str
    short_name: str
    district: str
    number: str = ""
    """The number as text, digits only ("243" for "№ 243"), empty when the school has none."""
    kind: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class SchoolClass:
    """A home class or a teaching group of one school year."""

    sourced_id: str
    title: str
    """As printed, normalised for display: ``8А``, ``10-1``."""
    grade: int
    kind: ClassKind = ClassKind.HOMEROOM
    teacher_id: str | None = None
    """``sourced_id`` of the class teacher."""
    begin_date: date | None = None
    end_date: date | None = None
    file: str = ""
    line: int = 0

    def has_ended(self, today: date) -> bool:
        return self.end_date is not None and self.end_date < today


@dataclass(frozen=True, kw_only=True, slots=True)
class Person:
    """A human in the export of one school."""

    sourced_id: str
    role: Role
    family_name: str
    given_name: str
    middle_name: str = ""
    """Patronymic; empty when there is none."""
    birth_date: date
    sex: str = ""
    """``M``, ``F`` or empty."""
    snils: str = ""
    """Eleven digits with a valid check number, or empty. Never a key, never in a log."""
    email: str = ""
    position: str = ""
    status: PersonStatus = PersonStatus.ACTIVE
    begin_date: date | None = None
    end_date: date | None = None
    file: str = ""
    line: int = 0

    @property
    def full_name(self) -> str:
        """Family name first, as a school prints it."""
        return " ".join(filter(None, (self.family_name, self.given_name, self.middle_name)))

    def has_left(self, today: date) -> bool:
        """Tell whether the file says that the person left: by status, or by a leaving date
        passed."""
        ended = self.end_date is not None and self.end_date < today
        return self.status is PersonStatus.LEFT or ended


@dataclass(frozen=True, kw_only=True, slots=True)
class Enrolment:
    """A person in a class with a role; ``subject`` is set for a teaching link, empty otherwise."""

    person_id: str
    """``sourced_id`` of the person (not our UUID)."""
    class_id: str
    """``sourced_id`` of the class."""
    role: Role
    subject: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Roster:
    """Everything one upload says about one school in one school year."""

    source: str
    """The source system, e.g. ``paragraf``: sourced ids are unique only inside (source, school)."""
    school: School
    school_year: str
    """``2026/2027``."""
    exported_at: datetime
    """Zone-aware."""
    mode: Mode = Mode.FULL
    parts: frozenset[Part] = frozenset({Part.CLASSES, Part.STUDENTS, Part.STAFF})
    classes: Mapping[str, SchoolClass] = field(default_factory=dict)
    """By sourced id."""
    persons: Mapping[str, Person] = field(default_factory=dict)
    """By sourced id."""
    enrolments: tuple[Enrolment, ...] = ()
    set_aside: frozenset[str] = frozenset()
    """Sourced ids of people whose row could not be used; being in the file, they have not left."""
    held: frozenset[str] = frozenset()
    """Keys of classes of ours that may be a class of the file: nobody knows yet. Everybody keeps
    the places there. Only set once classes are under our keys (``class_identity.py``)."""
    files: tuple[str, ...] = ()
