"""Phases of the transition to ЕСИА: which one is in force for a person on a day, and who is exempt.

Pure rules over dates; where they are kept is the application's (``Phases``). A day is a calendar
day of the installation's time zone, so a phase begins at its midnight.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, tzinfo
from enum import StrEnum
from typing import Protocol

from auth.directory import Account
from auth.models import Method

ESIA_AGE = 14
"""Years: younger children have no ЕСИА account of their own (docs/facts/esia.md 8.4)."""

PUPIL = "student"
STAFF = frozenset({"teacher", "administrator"})


class Phase(StrEnum):
    """The ways in which a person may sign in."""

    PASSWORD_ONLY = "password_only"  # noqa: S105 - the name of a phase
    BOTH = "both"
    ESIA_ONLY = "esia_only"


METHODS: Mapping[Phase, frozenset[Method]] = {
    Phase.PASSWORD_ONLY: frozenset({Method.PASSWORD}),
    Phase.BOTH: frozenset({Method.PASSWORD, Method.ESIA}),
    Phase.ESIA_ONLY: frozenset({Method.ESIA}),
}
"""The ways in which a sign-in may have begun for it to count in each phase."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """The people of a rule: of a place, everybody or one role. Without fields: the city."""

    district: str = ""
    school_code: str = ""
    class_id: str = ""
    """Identifier of a class of ``school_code``."""
    role: str = ""
    """A OneRoster word; compared with the person's main role. Never with a class."""

    def __post_init__(self) -> None:
        if self.class_id and (not self.school_code or self.role):
            raise ValueError("a class needs its school and takes no role")
        if self.district and self.school_code:
            raise ValueError("either a district or a school")


CITY = Target()


def targets_of(account: Account) -> Iterator[Target]:
    """Yield the targets that this person belongs to, the most specific first.

    The place decides before the role: class, school, district, city; within each place the main
    role comes before everybody.
    """
    role = account.roles[0] if account.roles else ""
    if account.school_code and account.class_id:
        yield Target(school_code=account.school_code, class_id=account.class_id)
    for place in ({"school_code": account.school_code}, {"district": account.district}, {}):
        if all(place.values()):
            if role:
                yield Target(**place, role=role)
            yield Target(**place)


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """From a day on, a phase is in force for a target, until its next rule begins."""

    target: Target
    phase: Phase
    starts_on: date


@dataclass(frozen=True, kw_only=True, slots=True)
class Schedule:
    """All rules, and the phase where none has begun."""

    default: Phase
    rules: Sequence[Rule] = ()
    zone: tzinfo = UTC
    """The zone in which its days begin and end."""
    has_exemptions: bool = False
    """True when anybody at all is exempt."""
    _by_target: dict[Target, list[Rule]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        by_target: dict[Target, list[Rule]] = {}
        for rule in sorted(self.rules, key=lambda rule: rule.starts_on, reverse=True):
            by_target.setdefault(rule.target, []).append(rule)
        object.__setattr__(self, "_by_target", by_target)

    def day(self, now: datetime) -> date:
        return now.astimezone(self.zone).date()

    def phase(self, account: Account, day: date) -> Phase:
        """Return the phase in force for the person on that day.

        Only rules that have begun count; of those the most specific target (``targets_of``),
        and of one target's the one that began last.
        """
        return self._first_begun(targets_of(account), day)

    def city_phase(self, day: date) -> Phase:
        return self._first_begun([CITY], day)

    def city_switch(self, day: date) -> date | None:
        """Return the day on which passwords end city-wide, if that is still to come."""
        if self.city_phase(day) is Phase.ESIA_ONLY:
            return None
        ends = (rule.starts_on for rule in self._rules([CITY]) if rule.phase is Phase.ESIA_ONLY)
        return min((start for start in ends if start > day), default=None)

    def phases(self, day: date) -> set[Phase]:
        """Return every phase in force for somebody."""
        return {self._first_begun([target], day) for target in (*self._by_target, CITY)}

    def may_end_passwords(self, account: Account) -> bool:
        """Tell whether ``ESIA_ONLY`` is or will be ruled for the person, so that asking for
        exemptions is worth a query."""
        ruled = {rule.phase for rule in self._rules(targets_of(account))}
        return Phase.ESIA_ONLY in {*ruled, self.default}

    def starts_after(self, account: Account, day: date) -> list[date]:
        """Return the days after ``day`` on which a rule for the person begins, in order."""
        starts = {rule.starts_on for rule in self._rules(targets_of(account))}
        return sorted(start for start in starts if start > day)

    def _first_begun(self, targets: Iterable[Target], day: date) -> Phase:
        begun = (rule.phase for rule in self._rules(targets) if rule.starts_on <= day)
        return next(begun, self.default)

    def _rules(self, targets: Iterable[Target]) -> Iterator[Rule]:
        """Yield the rules of each target, the latest first."""
        return (rule for target in targets for rule in self._by_target.get(target, ()))


class Who(StrEnum):
    """The part of its target that an exemption is for."""

    ALL = "all"
    UNDER_14 = "under_14"
    """Pupils, until the day they turn 14."""
    STAFF_WITHOUT_ESIA = "staff_without_esia"
    """Staff, until an ЕСИА identity is linked to them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Exemption:
    """These people go on with a password while ``ESIA_ONLY`` is in force for them."""

    target: Target
    person_id: str = ""
    """Not empty: for this person alone, wherever they are."""
    who: Who = Who.ALL
    until: date | None = None
    """The last day; None: without an end."""

    def covers(self, account: Account, day: date, *, linked: bool) -> bool:
        """Tell whether the exemption counts; ``linked``: the person has an ЕСИА identity."""
        if self.until is not None and day > self.until:
            return False
        if self.person_id:
            return self.person_id == account.person_id
        if self.target not in targets_of(account):
            return False
        role = account.roles[0] if account.roles else ""
        if self.who is Who.UNDER_14:
            return role == PUPIL and is_under(ESIA_AGE, account.birth_date, day)
        if self.who is Who.STAFF_WITHOUT_ESIA:
            return role in STAFF and not linked
        return True


@dataclass(frozen=True, kw_only=True, slots=True)
class Exemptions:
    """The exemptions that may be for one person, and the fact they are judged by."""

    items: Sequence[Exemption] = ()
    linked: bool = False

    def cover(self, account: Account, day: date) -> bool:
        return any(one.covers(account, day, linked=self.linked) for one in self.items)


def is_under(age: int, birth_date: date | None, day: date) -> bool:
    """Tell whether somebody is younger on that day; unknown birth dates count as older."""
    return birth_date is not None and birth_date > born_until(age, day)


def born_until(age: int, day: date) -> date:
    """Return the latest birth date of those who are ``age`` on that day.

    People born on 29 February turn a year older on 1 March of the other years.
    """
    try:
        return day.replace(year=day.year - age)
    except ValueError:
        return day.replace(year=day.year - age, day=28)


def birthday(age: int, birth_date: date) -> date:
    """Return the first day on which somebody is ``age``."""
    try:
        return birth_date.replace(year=birth_date.year + age)
    except ValueError:
        return date(birth_date.year + age, 3, 1)


def password_ends_on(
    schedule: Schedule, exemptions: Exemptions, account: Account, day: date
) -> date | None:
    """Return the first day after ``day`` on which the person's password opens nothing any more.

    None when it is not in sight, or has been so for some time already.
    """

    def refused(on: date) -> bool:
        return schedule.phase(account, on) is Phase.ESIA_ONLY and not exemptions.cover(account, on)

    if refused(day):
        return None
    turns = set(schedule.starts_after(account, day))
    turns |= {one.until + timedelta(days=1) for one in exemptions.items if one.until}
    if account.birth_date:
        turns.add(birthday(ESIA_AGE, account.birth_date))
    return next((on for on in sorted(turns) if on > day and refused(on)), None)


class Phases(Protocol):
    """The place where the rules are kept. Asked at each sign-in: both answers must be cheap."""

    def schedule(self) -> Schedule:
        """Return the rules, a few seconds old at most."""

    def exemptions(self, account: Account) -> Exemptions:
        """Return those that may be for this person, as of now."""


@dataclass(frozen=True, kw_only=True, slots=True)
class OnePhase:
    """The same phase for everybody: where nobody keeps rules."""

    phase: Phase

    def schedule(self) -> Schedule:
        return Schedule(default=self.phase)

    def exemptions(self, account: Account) -> Exemptions:
        return Exemptions()
