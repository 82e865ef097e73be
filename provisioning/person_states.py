"""The states of a person. Which moves there are, and what each counts as, stands here once.

``docs/architecture.md`` draws the same table for people.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from provisioning.settings import PeopleSettings


class PersonState(StrEnum):
    ON_ROLL = "on_roll"
    """At least one school has the person on its roll."""
    IN_TRANSIT = "in_transit"
    """A school let go and no other has listed the person yet; account and sign-in stay open."""
    SUSPENDED = "suspended"
    """The time for turning up elsewhere is over, or somebody suspended the person."""
    GRADUATE = "graduate"
    """Left at the end of school; counted apart from leavers."""
    ARCHIVED = "archived"
    """Suspended for longer than the grace period; cohorts and places are ended."""
    BY_HAND = "by_hand"
    """A person whom an operator entered until the next export names them."""


class Mover(StrEnum):
    """Who moves a person from one state to another."""

    FILE = "file"
    """A school's roll: its file, or what is planned from its rows."""
    TIME = "time"
    """Nothing but the calendar (``service/loads/due.py``)."""
    OPERATOR = "operator"


@dataclass(frozen=True, kw_only=True, slots=True)
class Move:
    after: PersonState
    by: Mover
    when: str
    """What has to be so, for people."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StateRule:
    """What a state means for the account and for reports, and which states may follow."""

    may_sign_in: bool
    """The account is open. A graduate's is for ``transit_days``."""
    has_places: bool
    """Cohorts and courses are kept."""
    on_roll: bool
    """In the denominators of reports (docs/facts/indicators.md F4). Everybody else counts as
    "left": in no share, and in the history of the time when they were listed."""
    moves: tuple[Move, ...]


_LISTED = Move(after=PersonState.ON_ROLL, by=Mover.FILE, when="a school lists the person")

STATES: Mapping[PersonState, StateRule] = {
    PersonState.ON_ROLL: StateRule(
        may_sign_in=True,
        has_places=True,
        on_roll=True,
        moves=(
            Move(after=PersonState.IN_TRANSIT, by=Mover.FILE, when="the last school lets go"),
            Move(
                after=PersonState.GRADUATE,
                by=Mover.FILE,
                when="the last school lets go of a pupil of the last class in summer",
            ),
            Move(
                after=PersonState.SUSPENDED,
                by=Mover.FILE,
                when="the last school lets go, and transit_days is 0",
            ),
        ),
    ),
    PersonState.BY_HAND: StateRule(
        may_sign_in=True,
        has_places=True,
        on_roll=True,
        moves=(
            _LISTED,
            Move(after=PersonState.IN_TRANSIT, by=Mover.TIME, when="the day has come, and no row"),
        ),
    ),
    PersonState.IN_TRANSIT: StateRule(
        may_sign_in=True,
        has_places=False,
        on_roll=False,
        moves=(
            _LISTED,
            Move(after=PersonState.SUSPENDED, by=Mover.TIME, when="transit_days are over"),
        ),
    ),
    PersonState.GRADUATE: StateRule(
        may_sign_in=True,
        has_places=False,
        on_roll=False,
        moves=(
            _LISTED,
            Move(
                after=PersonState.ARCHIVED,
                by=Mover.TIME,
                when="transit_days and then archive_after_days are over",
            ),
        ),
    ),
    PersonState.SUSPENDED: StateRule(
        may_sign_in=False,
        has_places=False,
        on_roll=False,
        moves=(
            _LISTED,
            Move(
                after=PersonState.ARCHIVED,
                by=Mover.TIME,
                when="archive_after_days are over since the suspension",
            ),
        ),
    ),
    PersonState.ARCHIVED: StateRule(
        may_sign_in=False, has_places=False, on_roll=False, moves=(_LISTED,)
    ),
}
"""Each state leads back to a roll with the same account and login; a person alone deletes."""

LISTED = frozenset(state for state, rule in STATES.items() if rule.on_roll)
"""States of people whom a school, or an operator, lists."""

LAST_GRADE = 11
"""The grade after which school is over; evening schools have a twelfth."""
_SUMMER = ((5, 20), (8, 31))
"""First and last month and day of leaving at the end of school."""


def after_leaving(
    state: PersonState,
    *,
    grade: int | None,
    today: date,
    settings: PeopleSettings,
    turns: bool = False,
) -> PersonState:
    """Return the state of a person whom no school lists any more.

    Who was away before stays as they were: only time moves them on. ``grade`` is that of the class
    that the person was in, None for staff and for pupils without one. ``turns``: they are missing
    from the first roll of another school year, which says what leaving in summer says.
    """
    if state not in LISTED:
        return state
    if not settings.transit_days:
        return PersonState.SUSPENDED
    first, last = _SUMMER
    is_summer = first <= (today.month, today.day) <= last
    if grade is not None and grade >= LAST_GRADE and (is_summer or turns):
        return PersonState.GRADUATE
    return PersonState.IN_TRANSIT


def grade_in(class_title: str) -> int | None:
    """Return the grade that the title of a class begins with; None when it tells none."""
    digits = re.match(r"\s*(\d{1,2})(?!\d)", class_title)
    return int(digits[1]) if digits else None


@dataclass(frozen=True, kw_only=True, slots=True)
class Deadlines:
    """Until when somebody must have been away for time alone to move them."""

    suspend: datetime
    """Who let go before this moment is in transit, or an unsuspended graduate, for too long."""
    archive: datetime

    @classmethod
    def at(cls, now: datetime, settings: PeopleSettings) -> Deadlines:
        suspend = now - timedelta(days=settings.transit_days)
        return cls(suspend=suspend, archive=suspend - timedelta(days=settings.archive_after_days))


def after_time(
    state: PersonState, *, suspended: bool, away_since: datetime, deadlines: Deadlines
) -> tuple[PersonState, bool]:
    """Return the state, and whether the account is suspended, that time alone has led to."""
    if state in LISTED or state == PersonState.ARCHIVED:
        return state, suspended
    if away_since <= deadlines.archive:
        return PersonState.ARCHIVED, True
    if away_since <= deadlines.suspend:
        is_graduate = state == PersonState.GRADUATE
        return PersonState.GRADUATE if is_graduate else PersonState.SUSPENDED, True
    return state, suspended
