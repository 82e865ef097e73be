"""What a plan takes away from people who are known, and the limits above which that needs a yes.

Each kind of loss is counted in the school, in each role and in whole classes. The wider group
speaks first: where the school is over a limit, its roles and classes are not named as well.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from provisioning.settings import LimitSettings
from provisioning.state import CourseEnrolment, Member, MoodleUser


class Limit(StrEnum):
    """The kinds of loss."""

    SUSPENDED = "suspended"
    UPDATED = "updated"
    """Another name, login or birth date: somebody becomes hard to recognise."""
    COURSE_PLACES = "course_places"
    """More places in courses are taken from a person who stays than given."""
    MEMBERSHIPS = "memberships"
    """The same with cohorts."""


class Among(StrEnum):
    """In which group a loss is counted: all of the school, one role, or whole classes."""

    SCHOOL = "school"
    STUDENT = "student"
    TEACHER = "teacher"
    ADMINISTRATOR = "administrator"
    CLASSES = "classes"


_ROLES = (Among.STUDENT, Among.TEACHER, Among.ADMINISTRATOR)
_WHOLE_GROUP = 3
"""A group of so many that is lost as a whole is told, whatever the floor."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LimitBreach:
    limit: Limit
    among: Among = Among.SCHOOL
    count: int
    base: int
    """The known active people of the group: the school, the role, or the classes named."""
    allowed_share: float
    classes: tuple[str, ...] = ()
    """Titles of the classes, ordered; for ``Among.CLASSES`` only."""

    @property
    def share(self) -> float:
        """Return the loss as a share of the base, from 0 to 1."""
        return self.count / self.base

    @property
    def facts(self) -> dict[str, Any]:
        """Return what is stored with a plan and told in words."""
        facts: dict[str, Any] = {"limit": self.limit.value, "count": self.count, "base": self.base}
        if self.among is not Among.SCHOOL:
            facts["among"] = self.among.value
        if self.classes:
            facts["classes"] = list(self.classes)
        return facts


@dataclass(frozen=True, kw_only=True, slots=True)
class Links:
    """What a plan takes from people and gives them, of one kind of link."""

    removed: Sequence[Member | CourseEnrolment] = ()
    added: Sequence[Member | CourseEnrolment] = ()

    def losers(self) -> set[str]:
        """Person ids of those from whom more is taken than they are given."""
        balance = Counter(one.person_id for one in self.removed)
        for one in self.added:
            if one.person_id in balance:
                balance[one.person_id] -= 1
        return {person_id for person_id, lost in balance.items() if lost > 0}


def find_breaches(
    people: Mapping[str, MoodleUser],
    *,
    suspended: Iterable[str],
    updated: Iterable[str],
    course_places: Links,
    memberships: Links,
    limits: LimitSettings,
) -> tuple[LimitBreach, ...]:
    """The limits that a plan exceeds; ``people`` are the known active ones of the school, by id."""
    away = people.keys() & set(suspended)
    losses: tuple[tuple[Limit, set[str], float], ...] = (
        (Limit.SUSPENDED, away, limits.max_suspended_share),
        (Limit.UPDATED, people.keys() & set(updated), limits.max_updated_share),
        (Limit.COURSE_PLACES, _here(people, course_places, away), limits.max_places_share),
        (Limit.MEMBERSHIPS, _here(people, memberships, away), limits.max_places_share),
    )
    return tuple(
        breach
        for limit, lost, share in losses
        if lost
        for breach in (
            list(_in_school(limit, lost, people, share, limits))
            or [
                *_in_roles(limit, lost, people, max(share, limits.max_role_share), limits),
                *_in_classes(limit, lost, people, limits),
            ]
        )
    )


def _here(people: Mapping[str, MoodleUser], links: Links, away: set[str]) -> set[str]:
    return (people.keys() & links.losers()) - away


def _in_school(
    limit: Limit,
    lost: set[str],
    people: Mapping[str, MoodleUser],
    share: float,
    limits: LimitSettings,
) -> Iterator[LimitBreach]:
    count, base = len(lost), len(people)
    # The floor is for small schools; it never covers a whole one: that is an empty file.
    everybody = limit is Limit.SUSPENDED and count == base
    if count > max(limits.floor, share * base) or everybody:
        yield LimitBreach(limit=limit, count=count, base=base, allowed_share=share)


def _in_roles(
    limit: Limit,
    lost: set[str],
    people: Mapping[str, MoodleUser],
    share: float,
    limits: LimitSettings,
) -> Iterator[LimitBreach]:
    bases = Counter(user.role for user in people.values())
    counts = Counter(people[person_id].role for person_id in lost)
    for among in _ROLES:
        count, base = counts[among], bases[among]
        floor = limits.floor if among is Among.STUDENT else limits.staff_floor
        everybody = limit is not Limit.UPDATED and count == base >= _WHOLE_GROUP
        if count > max(floor, share * base) or (everybody and among is not Among.STUDENT):
            yield LimitBreach(limit=limit, among=among, count=count, base=base, allowed_share=share)


def _in_classes(
    limit: Limit,
    lost: set[str],
    people: Mapping[str, MoodleUser],
    limits: LimitSettings,
) -> Iterator[LimitBreach]:
    """Yield the breach by classes that lose nearly all. A few may leave: they have graduated."""
    classes: dict[str, list[str]] = defaultdict(list)
    for person_id, user in people.items():
        if user.class_id:
            classes[user.class_id].append(person_id)
    share = limits.class_share
    whole = [
        pupils
        for pupils in classes.values()
        if len(pupils) >= _WHOLE_GROUP and len(lost.intersection(pupils)) >= share * len(pupils)
    ]
    if len(whole) > (limits.whole_classes if limit is Limit.SUSPENDED else 0):
        yield LimitBreach(
            limit=limit,
            among=Among.CLASSES,
            count=sum(len(lost.intersection(pupils)) for pupils in whole),
            base=sum(map(len, whole)),
            allowed_share=share,
            classes=tuple(sorted(people[pupils[0]].class_title for pupils in whole)),
        )
