"""What an export lists: a row for each person, and everything else one school's files say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from provisioning.roster import Enrolment, Person, Role, School, SchoolClass
from service.sample.people import Human


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """A person as a school's file lists them."""

    human: str
    """``Human.key``: the same person in another school or month has the same."""
    person: Person
    """What a correct reader makes of the row."""
    class_id: str = ""
    """The home class of a student, empty without one."""
    raw: Mapping[str, str] = field(default_factory=dict)
    """Canonical field -> the text that is written in place of the person's value."""
    usable: bool = True
    """False for a row that a reader must set aside."""

    def fields(self, written: Callable[[date | None], str]) -> dict[str, str]:
        """Canonical field -> text, as the row says it; ``written`` writes a date, or nothing."""
        person = self.person
        return {
            "family_name": person.family_name,
            "given_name": person.given_name,
            "middle_name": person.middle_name,
            "birth_date": written(person.birth_date),
            "class_id": self.class_id,
            "snils": person.snils,
            "begin_date": written(person.begin_date),
            "end_date": written(person.end_date),
            **self.raw,
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class SampleSchool:
    """Everything an export of one school says."""

    school: School
    school_year: str
    exported_at: datetime
    classes: tuple[SchoolClass, ...]
    rows: tuple[Row, ...]
    """Students, then staff, then the rows of a broken school."""
    teaching: tuple[Enrolment, ...]
    guardians: tuple[Person, ...]
    """A few parents, whom a reader must count and leave out."""

    def students(self) -> list[Row]:
        return [row for row in self.rows if row.person.role is Role.STUDENT]

    def staff(self) -> list[Row]:
        return [row for row in self.rows if row.person.role is not Role.STUDENT]


def person_of(human: Human, *, sourced_id: str, role: Role, begin_date: date) -> Person:
    names = ("family_name", "given_name", "middle_name", "birth_date", "sex", "snils")
    same: dict[str, Any] = {name: getattr(human, name) for name in names}
    return Person(sourced_id=sourced_id, role=role, begin_date=begin_date, **same)
