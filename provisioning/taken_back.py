"""What people have again once an answer about them is taken back, while nobody says who they are.

A row that the answer was about waits for another one, so no row says what the people have whom it
may be. Then they have what they had before the answer: the state of the account, its names, the
places at the school.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from provisioning.person_states import LISTED, PersonState
from provisioning.roll import Roll
from provisioning.several_schools import Elsewhere
from provisioning.state import (
    CourseEnrolment,
    Member,
    MoodleCohort,
    MoodleCourse,
    MoodleUser,
    State,
)

Named = TypeVar("Named", MoodleCohort, MoodleCourse)

_OF_ROLL = ("in_roll", "state", "suspended")


Renamed = dict[str, tuple[Mapping[str, str], Mapping[str, str]]]
"""Idnumber of a cohort or course -> its names before an answer, and when it was taken back."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Before:
    """What one person had before an answer that was taken back."""

    account: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)
    """Field of ``MoodleUser`` -> what it was before the answer, and when it was taken back."""
    members: frozenset[Member] = frozenset()
    enrolments: frozenset[CourseEnrolment] = frozenset()
    """The places at the school that was asked."""
    was_asked_here: bool = True
    """This school was asked, and not another one."""
    is_about_class: bool = False
    """Asked was which class the person's is, and nobody has said it since: a row does not tell."""


def accounts_as_before(
    users: Mapping[str, MoodleUser],
    known: Mapping[str, MoodleUser],
    roll: Roll,
    elsewhere: Elsewhere,
    before: Mapping[str, Before],
) -> dict[str, MoodleUser]:
    """Return ``users`` with the accounts of before, where neither a row nor another school speaks.

    What was changed since the answer was taken back stays. Who was on a roll then and is on none
    now has left it.
    """
    told = set(roll.present.values())
    restored = dict(users)
    for person_id, one in before.items():
        if person_id not in known or person_id in told or elsewhere.get(person_id):
            continue
        values = {
            name: was
            for name, (was, then) in one.account.items()
            if getattr(known[person_id], name) == then
        }
        was_listed = values.get("state", known[person_id].state) in LISTED
        if was_listed and person_id not in roll.after:
            values = {name: was for name, was in values.items() if name not in _OF_ROLL}
        elif values.get("state") == PersonState.SUSPENDED:
            values["suspended"] = True
        restored[person_id] = replace(users[person_id], **values)
    return restored


def places_as_before(desired: State, roll: Roll, before: Mapping[str, Before]) -> State:
    """Return the state with the places of before of everybody whose places no row tells.

    Who is on it no more has none, though nothing here leads to them any longer.
    """
    told = set(roll.present.values())
    people = {
        who
        for who, one in before.items()
        if one.was_asked_here and (who not in told or one.is_about_class)
    }
    if not people:
        return desired
    members = {one for one in desired.members if one.person_id not in people}
    enrolments = {one for one in desired.enrolments if one.person_id not in people}
    for person_id in people & roll.after.keys():
        members |= {one for one in before[person_id].members if one.cohort in desired.cohorts}
        enrolments |= {one for one in before[person_id].enrolments if one.course in desired.courses}
    return replace(desired, members=frozenset(members), enrolments=frozenset(enrolments))


def names_as_before(desired: State, known: State, renamed: Renamed) -> State:
    """Return the state in which cohorts and courses of a class that is asked about again have the
    names of before, where nothing has renamed them since and this plan does not."""
    cohorts, courses = dict(desired.cohorts), dict(desired.courses)
    for key, (was, then) in renamed.items():
        if key in known.cohorts and cohorts[key] == known.cohorts[key]:
            cohorts[key] = _named(cohorts[key], was, then)
        elif key in known.courses and courses[key] == known.courses[key]:
            courses[key] = _named(courses[key], was, then)
    return replace(desired, cohorts=cohorts, courses=courses)


def _named(one: Named, was: Mapping[str, str], then: Mapping[str, str]) -> Named:
    is_as_then = all(getattr(one, name) == value for name, value in then.items())
    names: dict[str, Any] = dict(was)
    return replace(one, **names) if is_as_then else one
