"""People whom several schools list: which school speaks for them, and which of two rolls is old."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime

from provisioning.roll import Membership
from provisioning.roster import Person, Role

_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """What another school says of a person whom it lists, by its newest roll."""

    exported_at: datetime | None
    """When that roll was exported; None for a roll without a file."""
    role: str
    class_id: str = ""
    class_title: str = ""
    institution: str = ""
    """The short name of the school."""
    full_time: bool = True
    """The school teaches general education: a pupil is in one such school at a time."""
    confirmed: bool = True
    """Who this human is has been proven, or said by a person."""


Elsewhere = Mapping[str, Mapping[str, Place]]
"""Person id -> the other schools that have the person on their roll, by school code."""


def speaks(
    school_code: str, exported_at: datetime, here: Membership, others: Mapping[str, Place]
) -> bool:
    """Tell whether a school's export says the name and the class of a person listed by others too.

    A school where it is sure who the person is, and of these one that lists them as administration;
    then the newest export; of equally new ones that of the smallest code, whichever came first.
    """
    mine = (*_rank(here), -exported_at.timestamp(), school_code)
    return all(mine < _turn(code, place) for code, place in others.items())


def newest(others: Mapping[str, Place]) -> tuple[str, Place]:
    """Return the school that speaks for a person, of those that list them."""
    return min(others.items(), key=lambda one: _turn(*one))


def _turn(code: str, place: Place) -> tuple[bool, bool, float, str]:
    return *_rank(place), -(place.exported_at or _NEVER).timestamp(), code


def _rank(one: Membership | Place) -> tuple[bool, bool]:
    """A row is typed by anybody: it takes neither a name nor a director away from a school."""
    return not one.confirmed, one.role != Role.ADMINISTRATOR


def is_in_one_only(here: Membership, there: Place, *, full_time: bool) -> bool:
    """Tell whether a person may be in one of two schools only: a pupil of two full-time ones.

    ``full_time`` is said of this school.
    """
    pupils = here.role == Role.STUDENT == there.role
    return pupils and full_time and there.full_time


@dataclass(frozen=True, kw_only=True, slots=True)
class MoveAnswer:
    """What somebody answered to the question whether a person has left other schools."""

    yes: bool
    at: datetime
    schools: frozenset[str]
    """The codes of the schools that the question was about."""


def answered_move(
    answers: Iterable[MoveAnswer], school_code: str, loaded_at: datetime | None
) -> bool | None:
    """Return what the newest answer says about having left a school; None when none holds.

    ``answers`` are in the order in which they were given. One holds for the schools that it was
    about, each until it lists the person in a newer load; the last was applied at ``loaded_at``.
    """
    about = [one for one in answers if school_code in one.schools]
    if not about or (loaded_at is not None and about[-1].at <= loaded_at):
        return None
    return about[-1].yes


def has_moved(
    person: Person, here: Membership, there: Place, *, exported_at: datetime, full_time: bool
) -> bool | None:
    """Tell whether a pupil who is new on this roll has left the other school, which lists them yet.

    None when only a person can say. ``exported_at`` and ``full_time`` are those of this school.
    A pupil who came here after the other school's newest export cannot be missing from it yet; one
    who came before it is in two schools. Staff work in several schools.
    """
    in_one_only = is_in_one_only(here, there, full_time=full_time)
    if not (in_one_only and here.class_id and there.class_id):
        return False
    if there.exported_at is None or exported_at <= there.exported_at:
        return False
    came: date | None = person.begin_date
    return None if came is None else came > there.exported_at.date()
