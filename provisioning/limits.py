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
    classes: tuple[str, ...] = ()
    """Titles of the classes, ordered; for ``Among.CLASSES`` only."""

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
    staying = people.keys() - away
    losses = (
        (Limit.SUSPENDED, away, limits.max_suspended_share),
        (Limit.UPDATED, people.keys() & set(updated), limits.max_updated_share),
        (Limit.COURSE_PLACES, staying & course_places.losers(), limits.max_places_share),
        (Limit.MEMBERSHIPS, staying & memberships.losers(), limits.max_places_share),
    )
    return tuple(
        breach
        for limit, lost, share in losses
        if lost
        for breach in _Loss(limit, lost, share, people, limits).breaches()
    )


@dataclass(frozen=True, slots=True)
class _Loss:
    """One kind of loss, and how it is limited."""

    limit: Limit
    lost: set[str]
    share: float
    """The largest share of a school that may be lost."""
    people: Mapping[str, MoodleUser]
    limits: LimitSettings

    def breaches(self) -> list[LimitBreach]:
        return list(self._in_school()) or [*self._in_roles(), *self._in_classes()]

    def _in_school(self) -> Iterator[LimitBreach]:
        count, base = len(self.lost), len(self.people)
        # The floor is for small schools; it never covers a whole one: that is an empty file.
        everybody = self.limit is Limit.SUSPENDED and count == base
        if count > max(self.limits.floor, self.share * base) or everybody:
            yield LimitBreach(limit=self.limit, count=count, base=base)

    def _in_roles(self) -> Iterator[LimitBreach]:
        share = max(self.share, self.limits.max_role_share)
        bases = Counter(user.role for user in self.people.values())
        counts = Counter(self.people[person_id].role for person_id in self.lost)
        for among in _ROLES:
            count, base = counts[among], bases[among]
            is_staff = among is not Among.STUDENT
            floor = self.limits.staff_floor if is_staff else self.limits.floor
            everybody = self.limit is not Limit.UPDATED and count == base >= _WHOLE_GROUP
            if count > max(floor, share * base) or (everybody and is_staff):
                yield LimitBreach(limit=self.limit, among=among, count=count, base=base)

    def _in_classes(self) -> Iterator[LimitBreach]:
        """Yield the breach by classes that lose nearly all. A few may leave: they graduated."""
        classes: dict[str, list[str]] = defaultdict(list)
        for person_id, user in self.people.items():
            if user.class_id:
                classes[user.class_id].append(person_id)
        losses = {key: len(self.lost.intersection(students)) for key, students in classes.items()}
        whole = [
            key
            for key, students in classes.items()
            if len(students) >= _WHOLE_GROUP
            and losses[key] >= self.limits.class_share * len(students)
        ]
        if len(whole) > (self.limits.whole_classes if self.limit is Limit.SUSPENDED else 0):
            yield LimitBreach(
                limit=self.limit,
                among=Among.CLASSES,
                count=sum(losses[key] for key in whole),
                base=sum(len(classes[key]) for key in whole),
                classes=tuple(sorted(self.people[classes[key][0]].class_title for key in whole)),
            )
