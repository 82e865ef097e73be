"""The difference between known and desired as a Plan: ordered, counted, limited, with a digest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum
from operator import attrgetter
from typing import Any, TypeVar, cast

from provisioning.changes import APPLY_ORDER, LETTING_GO, Action, Change, Kind
from provisioning.limits import (
    WATCHED,
    Among,
    Circumstances,
    Judged,
    Limit,
    LimitBreach,
    Links,
    Losses,
    judge,
)
from provisioning.person_states import PersonState
from provisioning.settings import LimitSettings
from provisioning.state import (
    CourseEnrolment,
    Member,
    MoodleCategory,
    MoodleCohort,
    MoodleCourse,
    MoodleUser,
    State,
)

Record = MoodleCategory | MoodleCohort | MoodleCourse | MoodleUser | Member | CourseEnrolment
_Link = TypeVar("_Link", Member, CourseEnrolment)

_NAMED = {
    Kind.CATEGORY: (Among.CATEGORIES, "name"),
    Kind.COHORT: (Among.COHORTS, "name"),
    Kind.COURSE: (Among.COURSES, "fullname"),
}
"""The field by which people know an object."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    school_code: str
    changes: Iterable[Change]
    """In ``APPLY_ORDER``; made one by one, each time they are read."""
    digest: str
    """SHA-256 over the school, the verdict of the limits and every change, as hex."""
    counts: Mapping[tuple[Kind, Action], int]
    """The number of changes of each kind and action that occurs."""
    breaches: tuple[LimitBreach, ...]
    losses: Mapping[Limit, int]
    """How many people lose something of each kind, whatever the limits."""


def _fields(record: Record | None) -> dict[str, Any]:
    """The fields of a record as JSON values; nothing for no record."""
    if record is None:
        return {}
    values = ((name, getattr(record, name)) for name in record.__slots__)
    return {name: value if type(value) is str else _plain(value) for name, value in values}


def _plain(value: Any) -> Any:
    if isinstance(value, date):
        return value.isoformat()
    return value.value if isinstance(value, StrEnum) else value


@dataclass(frozen=True, kw_only=True, slots=True)
class _Step:
    """All changes of one kind and action: ``before``, ``after`` or both hold a record for each."""

    kind: Kind
    action: Action
    before: Sequence[Record] = ()
    after: Sequence[Record] = ()
    more: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """What the change tells beside the record, by key."""

    def __len__(self) -> int:
        return max(len(self.before), len(self.after))

    def change(self, index: int) -> Change:
        before = self.before[index] if self.before else None
        after = self.after[index] if self.after else None
        # An object that gets another idnumber is still known by the one that it has.
        key = _key(self.before[index] if self.before else self.after[index])
        return Change(
            kind=self.kind, action=self.action, key=key, before=_fields(before),
            after=_fields(after) | dict(self.more.get(key, {})),
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Changes:
    """The changes of a plan. A large school has half a million: each is made when it is read."""

    steps: Sequence[_Step]

    def __iter__(self) -> Iterator[Change]:
        return (step.change(index) for step in self.steps for index in range(len(step)))


def make_plan(
    known: State,
    desired: State,
    limits: LimitSettings,
    about: Circumstances = Circumstances(),  # noqa: B008 - a value that never changes
    accounts: Mapping[str, Mapping[str, Any]] | None = None,
) -> Plan:
    """Return the changes by which ``known`` becomes ``desired``; equal input, equal digest.

    What ``desired`` leaves out stays in Moodle: only members and enrolments are ever removed.
    ``accounts``: what new accounts take over, or give back first, by person id
    (``provisioning.foreign_accounts``).
    """
    found = {(step.kind, step.action): step for step in _steps(known, desired)}
    made = found[Kind.USER, Action.CREATE]
    found[Kind.USER, Action.CREATE] = replace(made, more=accounts or {})
    changes = _Changes([found[place] for place in APPLY_ORDER])
    judged = _judged(known, found, limits, about)
    return Plan(
        school_code=desired.school_code,
        changes=changes,
        digest=plan_digest(desired.school_code, [one.facts for one in judged.breaches], changes),
        counts={place: len(found[place]) for place in APPLY_ORDER if len(found[place])},
        breaches=judged.breaches,
        losses=judged.counts,
    )


def plan_digest(
    school_code: str, breaches: Sequence[Mapping[str, Any]], changes: Iterable[Change]
) -> str:
    """Return the digest of a plan; one that was stored and read back has the same.

    ``breaches`` are the ``LimitBreach.facts`` of each.
    """
    digest = hashlib.sha256(_canonical([school_code, list(breaches)]))
    for one in changes:
        digest.update(
            _canonical([one.kind, one.action, one.key, dict(one.before), dict(one.after)])
        )
    return digest.hexdigest()


_CANONICAL = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _canonical(value: object) -> bytes:
    return f"{_CANONICAL.encode(value)}\n".encode()


def _key(record: Record) -> str:
    match record:
        case MoodleUser():
            return record.person_id
        case Member():
            return f"{record.cohort}|{record.person_id}"
        case CourseEnrolment():
            return f"{record.course}|{record.person_id}|{record.role}"
        case _:
            return record.idnumber


def _steps(known: State, desired: State) -> Iterator[_Step]:
    depth_first = sorted(desired.categories, key=lambda key: (_depth(desired, key), key))
    yield from _object_steps(Kind.CATEGORY, known.categories, desired.categories, depth_first)
    cohorts, courses = sorted(desired.cohorts), sorted(desired.courses)
    yield from _object_steps(Kind.COHORT, known.cohorts, desired.cohorts, cohorts)
    yield from _object_steps(Kind.COURSE, known.courses, desired.courses, courses)
    yield from _object_steps(Kind.USER, known.users, desired.users, sorted(desired.users))
    yield from _link_steps(Kind.MEMBER, known.members, desired.members)
    yield from _link_steps(Kind.ENROLMENT, known.enrolments, desired.enrolments)


def _depth(state: State, idnumber: str) -> int:
    """Return the number of levels above a category; a parent missing from the state is the top."""
    seen = {idnumber}
    while (parent := state.categories[idnumber].parent) in state.categories and parent not in seen:
        idnumber = parent
        seen.add(parent)
    return len(seen)


def _object_steps(
    kind: Kind, old: Mapping[str, Record], new: Mapping[str, Record], order: Sequence[str]
) -> Iterator[_Step]:
    created = [new[key] for key in order if key not in old]
    yield _Step(kind=kind, action=Action.CREATE, after=created)
    changed = [key for key in order if key in old and old[key] != new[key]]
    for action in _OF_OBJECTS:
        keys = [key for key in changed if _action(old[key], new[key]) is action]
        before, after = [old[key] for key in keys], [new[key] for key in keys]
        yield _Step(kind=kind, action=action, before=before, after=after)


_BY_STATE = {
    PersonState.IN_TRANSIT: Action.TRANSIT,
    PersonState.GRADUATE: Action.GRADUATE,
    PersonState.ARCHIVED: Action.ARCHIVE,
}
_OF_OBJECTS = (
    Action.UPDATE, Action.RESTORE, Action.TRANSIT, Action.GRADUATE, Action.SUSPEND, Action.ARCHIVE,
)  # fmt: skip
"""What may happen to an object that is there."""


def _action(old: Record, new: Record) -> Action:
    """Return what happens to an object that differs; only users have states."""
    if not isinstance(old, MoodleUser) or not isinstance(new, MoodleUser):
        return Action.UPDATE
    if old.suspended and not new.suspended:
        return Action.RESTORE
    if old.state != new.state and new.state in _BY_STATE:
        return _BY_STATE[new.state]
    return Action.SUSPEND if new.suspended and not old.suspended else Action.UPDATE


def _link_steps(kind: Kind, old: frozenset[_Link], new: frozenset[_Link]) -> Iterator[_Step]:
    yield _Step(kind=kind, action=Action.ADD, after=_in_order(new - old))
    yield _Step(kind=kind, action=Action.REMOVE, before=_in_order(old - new))


def _in_order(links: frozenset[_Link]) -> list[_Link]:
    """Sort links, by cohort or course first; a stable sort for each field builds no key for each
    link."""
    ordered = list(links)
    for name in reversed(ordered[0].__slots__ if ordered else ()):
        ordered.sort(key=attrgetter(name))
    return ordered


def _judged(
    known: State,
    steps: Mapping[tuple[Kind, Action], _Step],
    limits: LimitSettings,
    about: Circumstances,
) -> Judged:
    updates = _users(steps[Kind.USER, Action.UPDATE])
    changed = {
        limit: {
            old.person_id
            for old, new in updates
            if any(getattr(old, name) != getattr(new, name) for name in names)
        }
        for limit, names in WATCHED.items()
    }
    # Taken off the roll now, whatever becomes of the account; not once more when its time is over.
    lost = {
        old.person_id
        for action in sorted(LETTING_GO | {Action.UPDATE})
        for old, new in _users(steps[Kind.USER, action])
        if old.in_roll and not (new.in_roll and not new.suspended)
    }
    made = cast("Sequence[MoodleUser]", steps[Kind.USER, Action.CREATE].after)
    losses = Losses(
        people={
            Limit.SUSPENDED: lost,
            Limit.UPDATED: set().union(*changed.values()),
            **changed,
        },
        newcomers={one.person_id: one.role for one in made},
        course_places=_links(steps, Kind.ENROLMENT),
        memberships=_links(steps, Kind.MEMBER),
        renamed=dict(_renamed(known, steps, about)),
    )
    return judge(
        {
            person_id: user
            for person_id, user in known.users.items()
            if user.school_code == known.school_code and user.in_roll and not user.suspended
        },
        losses,
        about,
        limits,
    )


def _users(step: _Step) -> list[tuple[MoodleUser, MoodleUser]]:
    """The people of a step before and after it."""
    before, after = (
        cast("Sequence[MoodleUser]", step.before),
        cast("Sequence[MoodleUser]", step.after),
    )
    return list(zip(before, after, strict=True))


def _renamed(
    known: State, steps: Mapping[tuple[Kind, Action], _Step], about: Circumstances
) -> Iterator[tuple[Among, tuple[int, int]]]:
    """Yield how many objects of each kind get another name, of how many of this school year."""
    objects: dict[Kind, Mapping[str, Record]] = {
        Kind.CATEGORY: known.categories, Kind.COHORT: known.cohorts, Kind.COURSE: known.courses,
    }  # fmt: skip
    for kind, (among, name) in _NAMED.items():
        step = steps[kind, Action.UPDATE]
        count = sum(
            getattr(old, name) != getattr(new, name)
            for old, new in zip(step.before, step.after, strict=True)
        )
        if count:
            yearly = kind is not Kind.CATEGORY
            base = sum(not yearly or about.is_of_this_year(key) for key in objects[kind])
            yield among, (count, max(base, count))


def _links(steps: Mapping[tuple[Kind, Action], _Step], kind: Kind) -> Links:
    """The steps of this kind hold nothing but links."""
    return Links(
        removed=cast("Sequence[Member | CourseEnrolment]", steps[kind, Action.REMOVE].before),
        added=cast("Sequence[Member | CourseEnrolment]", steps[kind, Action.ADD].after),
    )
