"""Loads files of a school one after another, through matching, roll and desired state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from provisioning.desired import DesiredRules, desired_state, desired_users
from provisioning.matching import How, Match, Matching
from provisioning.roll import Roll, next_roll
from provisioning.roster import Roster
from provisioning.several_schools import Elsewhere
from provisioning.state import MoodleUser, State
from tests.factories import make_state

TODAY = date(2026, 10, 2)

NOBODY = Roll(before={}, after={}, present={}, untouched=frozenset())


def person_id_of(sourced_id: str) -> str:
    """The person id that a row gets in these tests: ``s-1`` is ``person s-1``."""
    return f"person {sourced_id}"


def matching_of(roster: Roster, ids: Mapping[str, str] | None = None) -> Matching:
    """Every row under its own key; ``ids`` says who a row is when it is somebody else."""
    ids = ids or {}
    return Matching(
        matches={
            key: Match(person_id=ids.get(key, person_id_of(key)), how=How.KNOWN)
            for key in roster.persons
        },
        set_aside=frozenset(ids.get(key, person_id_of(key)) for key in roster.set_aside),
    )


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """What a school is after a file."""

    state: State = field(default_factory=make_state)
    roll: Roll = NOBODY

    def next(
        self,
        roster: Roster,
        *,
        ids: Mapping[str, str] | None = None,
        elsewhere: Elsewhere | None = None,
        today: date = TODAY,
        known: State | None = None,
        **rules: Any,
    ) -> Loaded:
        """Load one more file; ``known`` when Moodle is not as the file before left it."""
        state = known or self.state
        roll = next_roll(roster, matching_of(roster, ids), self.roll.after, today=today)
        usernames = {
            person_id: f"login{number}"
            for number, person_id in enumerate(sorted(roll.after))
            if person_id not in state.users
        }
        shape, others = DesiredRules(**rules), elsewhere or {}
        users = desired_users(
            roster, roll, state, usernames=usernames, elsewhere=others, rules=shape, today=today
        )
        outline = replace(roster, persons={})
        desired = desired_state(outline, roll, state, users, rules=shape)
        return Loaded(state=desired, roll=roll)

    def user(self, sourced_id: str) -> MoodleUser:
        return self.state.users[person_id_of(sourced_id)]

    def cohorts_of(self, sourced_id: str) -> set[str]:
        person_id = person_id_of(sourced_id)
        return {one.cohort for one in self.state.members if one.person_id == person_id}

    def courses_of(self, sourced_id: str) -> set[tuple[str, str]]:
        person_id = person_id_of(sourced_id)
        return {
            (one.course, one.role.value)
            for one in self.state.enrolments
            if one.person_id == person_id
        }

    def links_of(self, sourced_id: str) -> tuple[set[str], set[tuple[str, str]]]:
        return self.cohorts_of(sourced_id), self.courses_of(sourced_id)


def load(roster: Roster, **options: Any) -> Loaded:
    """The first file of a school."""
    return Loaded().next(roster, **options)
