"""The way back from what plans changed: what stood before, and what has changed since.

What somebody or something else has changed since is a conflict. It stays as it is, unless the
person who undoes says otherwise. Nothing is deleted: accounts that were made are suspended, cohorts
and courses that were made are hidden.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum
from typing import Any, TypeVar, cast

from provisioning.changes import Action, Change, Kind
from provisioning.desired import handed_over
from provisioning.person_states import LISTED, STATES, PersonState
from provisioning.roll import Membership
from provisioning.several_schools import Elsewhere
from provisioning.state import (
    CourseEnrolment,
    CourseRole,
    Member,
    MoodleCategory,
    MoodleCohort,
    MoodleCourse,
    MoodleUser,
    State,
)

Object = TypeVar("Object", MoodleCategory, MoodleCohort, MoodleCourse)
Entry = Membership | None
"""A place on a school's roll, or none."""


class Since(StrEnum):
    """What has changed since, or why something is not brought back."""

    PLACE = "place"
    """School, class, role, or whether the account is open."""
    NAMES = "names"
    LOGIN = "login"
    BIRTH_DATE = "birth_date"
    SNILS = "snils"
    AUTH = "auth"
    GONE = "gone"
    """The account is not in Moodle any more."""
    LEFT = "left"
    """The person is on no roll any more, so a cohort or course is not given back."""
    RENAMED = "renamed"
    """A category, cohort or course has got other names, or another place."""
    IN_USE = "in_use"
    """A cohort or course that was made is not hidden: people are in it."""
    STAYS = "stays"
    """A category that was made: Moodle hides none over its web services."""


_GROUPS: Mapping[Since, frozenset[str]] = {
    Since.PLACE: frozenset(
        {
            "suspended", "state", "in_roll", "role", "class_id", "class_title", "department",
            "institution", "school_code", "sourced_id", "source",
        }
    ),
    Since.NAMES: frozenset(
        {"firstname", "lastname", "family_name", "given_name", "middle_name"}
    ),
    Since.LOGIN: frozenset({"username", "email"}),
    Since.BIRTH_DATE: frozenset({"birth_date"}),
    Since.SNILS: frozenset({"snils"}),
    Since.AUTH: frozenset({"auth"}),
}  # fmt: skip
"""Fields of an account that are brought back together, or not at all."""

_OF_A_NEW_ACCOUNT = ("suspended", "state", "in_roll", "role", "class_id", "school_code")
"""What shows that something has happened to an account since it was made."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Conflict:
    kind: Kind
    key: str
    """As ``Change.key``."""
    since: Since


@dataclass(frozen=True, kw_only=True, slots=True)
class Undoing:
    """What is known of a school, and what is to be brought back. Newest changes come first."""

    known: State
    """With the account of everybody in ``user_changes``, as far as there is one."""
    user_changes: Mapping[str, Sequence[Change]]
    """By person id; of every plan that is undone, also those of other schools."""
    object_changes: Sequence[Change]
    link_changes: Sequence[Change]
    elsewhere: Elsewhere
    """The other schools that list people once all is undone."""
    left: Collection[str]
    """Person ids: they came to the roll with what is undone, and no other school lists them."""
    held: Collection[str]
    """Person ids: their places on rolls have changed since, so places and accounts stay."""
    also_changed: bool = False
    """Bring back also what has changed since."""
    is_newest: bool = False
    """Nothing has come after it at the school."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Undone:
    desired: State
    conflicts: tuple[Conflict, ...]
    held: frozenset[str]
    """Person ids: their places stay as they are, on the roll too."""


def entry_back(
    now: Entry, steps: Iterable[tuple[Entry, Entry]], *, also_changed: bool
) -> tuple[Entry, bool]:
    """Return a place on a roll as it was, and whether it has changed since.

    ``steps``: what each plan found and left, the newest first.
    """
    back = now
    for before, after in steps:
        if _is_same(back, after) or also_changed:
            back = before
        elif not _is_same(back, before):
            return now, True
    return back, False


def _is_same(one: Entry, other: Entry) -> bool:
    """Tell whether two places are equal; whether it is sure who the person is does not count."""
    if one is None or other is None:
        return one is other
    return replace(one, confirmed=True) == replace(other, confirmed=True)


def undo(given: Undoing) -> Undone:
    """Return what the school should have in Moodle, and what has changed since."""
    work = _Work(given)
    for person_id, changes in given.user_changes.items():
        work.user(person_id, changes)
    work.close_left()
    work.links()
    work.objects()
    known = given.known
    return Undone(
        desired=replace(
            known,
            users={**known.users, **work.users},
            members=frozenset(work.members),
            enrolments=frozenset(work.enrolments),
            categories={**known.categories, **work.categories},
            cohorts={**known.cohorts, **work.cohorts},
            courses={**known.courses, **work.courses},
        ),
        conflicts=tuple(work.conflicts),
        held=frozenset(work.held),
    )


@dataclass
class _Work:
    given: Undoing
    users: dict[str, MoodleUser] = field(default_factory=dict)
    conflicts: list[Conflict] = field(default_factory=list)
    made: set[str] = field(default_factory=set)
    """Person ids of accounts that end suspended, or handed over."""
    categories: dict[str, MoodleCategory] = field(default_factory=dict)
    cohorts: dict[str, MoodleCohort] = field(default_factory=dict)
    courses: dict[str, MoodleCourse] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.held = set(self.given.held)
        self.members = set(self.given.known.members)
        self.enrolments = set(self.given.known.enrolments)

    def note(self, kind: Kind, key: str, since: Since) -> None:
        self.conflicts.append(Conflict(kind=kind, key=key, since=since))

    # Accounts

    def user(self, person_id: str, changes: Sequence[Change]) -> None:
        known = self.given.known.users.get(person_id)
        if known is None:
            self.note(Kind.USER, person_id, Since.GONE)
            self.held.add(person_id)
            return
        now = _fields(known)
        back, conflicts = now, set[Since]()
        was_made = False
        for change in changes:
            if change.action is Action.CREATE:
                was_made = True
                is_same = all(back[name] == change.after[name] for name in _OF_A_NEW_ACCOUNT)
                others = self.given.elsewhere.get(person_id)
                if not (is_same or others or self.given.also_changed):
                    conflicts.add(Since.PLACE)
            else:
                back = self._back(back, change, conflicts)
        if person_id in self.held or Since.PLACE in conflicts:
            self.held.add(person_id)
            conflicts.add(Since.PLACE)
            back = back | {name: now[name] for name in _GROUPS[Since.PLACE]}
            was_made = False
        for since in sorted(conflicts):
            self.note(Kind.USER, person_id, since)
        user = _as_user(back)
        self.users[person_id] = self._made(user) if was_made else user

    def _back(self, now: dict[str, Any], change: Change, conflicts: set[Since]) -> dict[str, Any]:
        """Return the fields before a change, group by group; note what has changed since."""
        back = dict(now)
        for since, names in _GROUPS.items():
            touched = [name for name in change.changed if name in names]
            if since in conflicts or not touched:
                continue
            before, after = change.before, change.after
            if self.given.also_changed:
                back |= {name: before[name] for name in names if name in before}
            elif all(now[name] in (after[name], before.get(name, after[name])) for name in touched):
                back |= {name: before[name] for name in touched if name in before}
            else:
                conflicts.add(since)
        return back

    def close_left(self) -> None:
        """Close accounts that were made elsewhere for people who are on no roll any more."""
        for person_id in sorted(set(self.given.left) - self.users.keys() - self.held):
            user = self.given.known.users.get(person_id)
            if user is not None and user.state in LISTED:
                self.users[person_id] = self._made(user)

    def _made(self, user: MoodleUser) -> MoodleUser:
        """Return an account that was made: closed, or that of another school that lists them."""
        self.made.add(user.person_id)
        code = self.given.known.school_code
        if others := self.given.elsewhere.get(user.person_id):
            return handed_over(user, code, others)
        return replace(user, suspended=True, in_roll=False, state=PersonState.SUSPENDED)

    # Members and enrolments

    def links(self) -> None:
        self.members = {one for one in self.members if one.person_id not in self.made}
        self.enrolments = {one for one in self.enrolments if one.person_id not in self.made}
        left = set()
        for change in self.given.link_changes:
            link = _as_link(change)
            links = cast("set[Member | CourseEnrolment]", self._links_of(change.kind))
            if link.person_id in self.held or link.person_id in self.made:
                continue
            if change.action is Action.ADD:
                links.discard(link)
            elif link in links:
                continue
            elif self._has_places(link.person_id):
                links.add(link)
            else:
                left.add(link.person_id)
        for person_id in sorted(left):
            self.note(Kind.USER, person_id, Since.LEFT)

    def _links_of(self, kind: Kind) -> set[Member] | set[CourseEnrolment]:
        return self.members if kind is Kind.MEMBER else self.enrolments

    def _has_places(self, person_id: str) -> bool:
        if self.given.is_newest or person_id in self.users:
            return True  # the account is as it was when the person had the place
        user = self.given.known.users.get(person_id)
        return user is not None and STATES[PersonState(user.state)].has_places

    # Categories, cohorts, courses

    def objects(self) -> None:
        """Bring back names; hide what was made, where nobody is in it."""
        known = self.given.known
        used = {one.cohort for one in self.members} | {one.course for one in self.enrolments}
        for change in self.given.object_changes:
            if change.kind is Kind.CATEGORY:
                self._object(change, known.categories, self.categories)
            elif change.kind is Kind.COHORT:
                self._object(change, known.cohorts, self.cohorts)
                self._hide(change, known.cohorts, self.cohorts, used)
            else:
                self._object(change, known.courses, self.courses)
                self._hide(change, known.courses, self.courses, used)

    def _object(self, change: Change, known: Mapping[str, Object], back: dict[str, Object]) -> None:
        if change.action is Action.CREATE:
            if change.kind is Kind.CATEGORY:
                self.note(change.kind, change.key, Since.STAYS)
            return
        now = back.get(change.key) or known.get(change.key)
        if now is None:
            return
        before = {name: change.before[name] for name in change.changed if name in change.before}
        if self.given.also_changed or all(
            getattr(now, name) in (change.after[name], was) for name, was in before.items()
        ):
            back[change.key] = cast(Object, replace(cast(Any, now), **before))
        else:
            self.note(change.kind, change.key, Since.RENAMED)

    def _hide(
        self,
        change: Change,
        known: Mapping[str, Object],
        back: dict[str, Object],
        used: Collection[str],
    ) -> None:
        if change.action is not Action.CREATE:
            return
        now = back.get(change.key) or known.get(change.key)
        if now is None:
            return
        if change.key in used:
            self.note(change.kind, change.key, Since.IN_USE)
        else:
            back[change.key] = cast(Object, replace(cast(Any, now), visible=False))


def _fields(user: MoodleUser) -> dict[str, Any]:
    """The fields of an account as a change has them."""
    values = {name: getattr(user, name) for name in MoodleUser.__slots__}
    born = user.birth_date
    return values | {"birth_date": born.isoformat() if born else None, "state": str(user.state)}


def _as_user(fields: Mapping[str, Any]) -> MoodleUser:
    born = fields["birth_date"]
    values = {
        "birth_date": date.fromisoformat(born) if born else None,
        "state": PersonState(fields["state"]),
    }
    return MoodleUser(**{**fields, **values})


def _as_link(change: Change) -> Member | CourseEnrolment:
    told = change.after or change.before
    if change.kind is Kind.MEMBER:
        return Member(cohort=told["cohort"], person_id=told["person_id"])
    return CourseEnrolment(
        course=told["course"], person_id=told["person_id"], role=CourseRole(told["role"])
    )
