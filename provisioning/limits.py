"""What a plan takes away from what is known, and the limits above which that needs a yes.

Each kind of loss is counted in the school, in each role and in whole classes. The wider group
speaks first: where the school is over a limit, its roles and classes are not named as well.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from provisioning.settings import LimitSettings
from provisioning.state import CourseEnrolment, Member, MoodleUser


class Limit(StrEnum):
    """The kinds of loss."""

    SUSPENDED = "suspended"
    """Taken off the last roll, whatever becomes of the account: it is suspended now or later."""
    UPDATED = "updated"
    """Another name, login or birth date: somebody becomes hard to recognise."""
    NAMES = "names"
    LOGINS = "logins"
    BIRTH_DATES = "birth_dates"
    COURSE_PLACES = "course_places"
    """More places in courses are taken from a person who stays than given."""
    MEMBERSHIPS = "memberships"
    """The same with cohorts."""
    MOVES = "moves"
    """People known at other schools come to this one."""
    ACCOUNTS = "accounts"
    """New accounts at a school that is known: second ones, when ids or names have changed."""
    SET_ASIDE = "set_aside"
    """Rows of people that could not be used."""
    RENAMED = "renamed"
    """Categories, cohorts or courses get other names."""


WATCHED: Mapping[Limit, tuple[str, ...]] = {
    Limit.NAMES: ("family_name", "given_name", "middle_name"),
    Limit.LOGINS: ("username",),
    Limit.BIRTH_DATES: ("birth_date",),
}
"""The fields of people of which each change counts; a change of any of them is an update."""


class Among(StrEnum):
    """In which group a loss is counted: all of the school, one role, or whole classes."""

    SCHOOL = "school"
    STUDENT = "student"
    TEACHER = "teacher"
    ADMINISTRATOR = "administrator"
    CLASSES = "classes"
    ROWS = "rows"
    """Rows of people in the file."""
    CATEGORIES = "categories"
    COHORTS = "cohorts"
    COURSES = "courses"


_ROLES = (Among.STUDENT, Among.TEACHER, Among.ADMINISTRATOR)
_FIELDS = {Limit.UPDATED, *WATCHED}
_WHOLE_GROUP = 3
"""A group of so many that is lost as a whole is told, whatever the floor."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LimitBreach:
    limit: Limit
    among: Among = Among.SCHOOL
    count: int
    base: int
    """The known active people of the group: the school, the role, or the classes named. Else the
    rows of the file, or the known objects of this year."""
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


@dataclass(frozen=True, kw_only=True, slots=True)
class Circumstances:
    """What the states before and after a plan do not tell."""

    turned_up: Collection[str] = ()
    """Person ids of those who leave this school's roll and are on another's: nothing is lost."""
    arrived: Collection[str] = ()
    """Person ids of those who come, and were known at other schools."""
    rows: int = 0
    """Rows of people in the file, ..."""
    set_aside: int = 0
    """... and those of them that could not be used."""
    is_of_this_year: Callable[[str], bool] = field(default=lambda idnumber: True)
    """Tells the cohorts and courses of this school year, by idnumber."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Losses:
    """What a plan takes away, person ids by kind of loss, and objects."""

    people: Mapping[Limit, Collection[str]]
    """Others than the known active people of the school do not count."""
    newcomers: Mapping[str, str]
    """The role of each person who gets a new account, by person id."""
    course_places: Links
    memberships: Links
    renamed: Mapping[Among, tuple[int, int]]
    """How many objects of each kind get other names, of how many that are known."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Judged:
    breaches: tuple[LimitBreach, ...]
    """The limits that a plan exceeds."""
    counts: Mapping[Limit, int]
    """How much of each kind is lost, whatever the limits; kinds without a loss are left out."""


def judge(
    people: Mapping[str, MoodleUser],
    losses: Losses,
    about: Circumstances,
    limits: LimitSettings,
) -> Judged:
    """Count what a plan takes away; ``people`` are the known active ones of the school, by id."""
    away = people.keys() & set(losses.people[Limit.SUSPENDED])
    away -= set(about.turned_up)
    staying = people.keys() - away - set(about.turned_up)
    places, shares = limits.max_places_share, _shares(limits)
    counted = (
        (Limit.SUSPENDED, away, limits.max_suspended_share),
        *((limit, people.keys() & set(losses.people[limit]), shares[limit]) for limit in shares),
        (Limit.COURSE_PLACES, staying & losses.course_places.losers(), places),
        (Limit.MEMBERSHIPS, staying & losses.memberships.losers(), places),
    )
    found = [
        breach
        for limit, lost, share in counted
        if lost
        for breach in _Loss(limit, lost, share, people, limits).breaches()
    ]
    # Where names, logins and birth dates together are over a limit, each is not told again.
    together = {one.among for one in found if one.limit is Limit.UPDATED}
    found = [one for one in found if one.limit not in WATCHED or one.among not in together]
    counts = {limit: len(lost) for limit, lost, _share in counted}
    if people:
        counts[Limit.MOVES] = len(about.arrived)
    return Judged(
        breaches=(*found, *_other_breaches(people, losses, about, limits)),
        counts={limit: count for limit, count in counts.items() if count},
    )


def _shares(limits: LimitSettings) -> dict[Limit, float]:
    return {
        Limit.UPDATED: limits.max_updated_share,
        Limit.NAMES: limits.max_names_share,
        Limit.LOGINS: limits.max_logins_share,
        Limit.BIRTH_DATES: limits.max_birth_dates_share,
    }


def _other_breaches(
    people: Mapping[str, MoodleUser], losses: Losses, about: Circumstances, limits: LimitSettings
) -> Iterator[LimitBreach]:
    """Yield what comes in bulk, rows that could not be used, and objects with other names."""
    roles = Counter(user.role for user in people.values())
    arrived, after = len(about.arrived), len(people) + len(about.arrived)
    if people and arrived > max(limits.floor, limits.max_moves_share * after):
        yield LimitBreach(limit=Limit.MOVES, count=arrived, base=after)
    made = Counter(losses.newcomers.values())
    for among in _ROLES:
        # A part of the school that comes for the first time is no surprise.
        if roles[among] and made[among] > max(
            limits.new_floor, limits.max_new_share * roles[among]
        ):
            yield LimitBreach(
                limit=Limit.ACCOUNTS, among=among, count=made[among], base=roles[among]
            )
    if about.set_aside > max(limits.floor, limits.max_set_aside_share * about.rows):
        yield LimitBreach(
            limit=Limit.SET_ASIDE, among=Among.ROWS, count=about.set_aside, base=about.rows
        )
    for among, (count, base) in losses.renamed.items():
        if count > max(limits.floor, limits.max_renamed_share * base):
            yield LimitBreach(limit=Limit.RENAMED, among=among, count=count, base=base)


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
            everybody = self.limit not in _FIELDS and count == base >= _WHOLE_GROUP
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
        if self.limit in WATCHED:
            return  # their sum counts
        if len(whole) > (self.limits.whole_classes if self.limit is Limit.SUSPENDED else 0):
            yield LimitBreach(
                limit=self.limit,
                among=Among.CLASSES,
                count=sum(losses[key] for key in whole),
                base=sum(len(classes[key]) for key in whole),
                classes=tuple(sorted(self.people[classes[key][0]].class_title for key in whole)),
            )
