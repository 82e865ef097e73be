"""Who is on the roll of each school now, as sets of ordinals, kept up to date school by school."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sqlalchemy import CompoundSelect, Select, delete, exists, select, union
from sqlalchemy.orm import Session

from service.activity.bitmaps import PeopleSet
from service.activity.ordinals import add_people
from service.activity.rollups import lock
from service.db import chunks, upsert
from service.models import ActivityPerson, KnownUser, RollChange, RollSheet, SchoolMembership

SCHOOLS_AT_A_TIME = 100


class SchoolClass(NamedTuple):
    """What tells the classes of a school apart; empty for people without one."""

    class_id: str
    title: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Members:
    """People of one school and role, or of one class and role."""

    roll: PeopleSet = field(default_factory=PeopleSet)
    """On the roll and not suspended (docs/facts/indicators.md F4)."""
    account: PeopleSet = field(default_factory=PeopleSet)
    """Of these, those whose account Moodle has."""
    left: PeopleSet = field(default_factory=PeopleSet)
    """Suspended, or on no roll at all; at the last school, role and class we knew."""
    suspended: PeopleSet = field(default_factory=PeopleSet)
    """Listed by the school and suspended. Of a class it is not kept."""

    @property
    def listed(self) -> PeopleSet:
        """Everybody whom the school lists, suspended or not."""
        return self.roll | self.suspended


@dataclass(frozen=True, kw_only=True, slots=True)
class Sheet:
    """One school. Nobody stands under two roles of it."""

    roles: dict[str, Members]
    gone: PeopleSet
    """Ordinals, not only main ones, of this school whose people are not on its roll now."""


def refresh(session: Session) -> None:
    """Make the sheets of schools anew whose rolls changed, in the caller's transaction."""
    if not session.scalar(select(exists().select_from(RollChange))):
        return
    lock(session)
    add_people(session, _whoever(select(RollChange.school_code)))
    while changes := session.execute(select(RollChange.id, RollChange.school_code)).all():
        for codes in chunks(sorted({code for _id, code in changes}), SCHOOLS_AT_A_TIME):
            upsert(session, RollSheet, _make(session, codes))
        for some in chunks([number for number, _code in changes]):
            session.execute(delete(RollChange).where(RollChange.id.in_(some)))


def read_roles(session: Session, codes: Any) -> dict[str, Sheet]:
    """The sheets of schools by code; ``codes`` is what ``column.in_`` takes."""
    rows = session.execute(
        select(RollSheet.school_code, RollSheet.by_role).where(RollSheet.school_code.in_(codes))
    )
    return {
        code: Sheet(
            roles={role: _members(sets) for role, sets in stored["roles"].items()},
            gone=PeopleSet.from_json(stored["gone"]),
        )
        for code, stored in rows
    }


def read_classes(session: Session, codes: Any) -> dict[str, dict[tuple[SchoolClass, str], Members]]:
    """School code -> class and role -> people. Who left stands in a class without a title."""
    rows = session.execute(
        select(RollSheet.school_code, RollSheet.by_class).where(RollSheet.school_code.in_(codes))
    )
    return {
        code: {
            (SchoolClass(one["class_id"], one["title"]), one["role"]): _members(one)
            for one in stored
        }
        for code, stored in rows
    }


def _members(stored: dict[str, dict[str, str]]) -> Members:
    return Members(
        roll=PeopleSet.from_json(stored["roll"]),
        account=PeopleSet.from_json(stored["account"]),
        left=PeopleSet.from_json(stored["left"]),
        suspended=PeopleSet.from_json(stored.get("suspended", {})),
    )


_SETS = ("roll", "account", "left", "suspended")


class _Line(NamedTuple):
    school_code: str
    person_id: str
    ordinal: int
    role: str
    class_id: str
    title: str
    set_names: tuple[str, ...]


def _make(session: Session, codes: Sequence[str]) -> list[dict[str, Any]]:
    lines = [
        _Line(
            code, person_id, ordinal, role, class_id, title,
            _sets_of(moodle_id, suspended),
        )
        for code, person_id, ordinal, role, class_id, title, moodle_id, suspended
        in _listed(session, codes)
    ]  # fmt: skip
    lines += [
        _Line(code, person_id, ordinal, role, class_id, "", ("left",))
        for code, person_id, ordinal, role, class_id in _left(session, codes)
    ]
    here: dict[str, set[str]] = defaultdict(set)
    roles: dict[str, dict[str, dict[str, list[int]]]] = defaultdict(dict)
    classes: dict[str, dict[tuple[str, str, str], dict[str, list[int]]]] = defaultdict(dict)
    for line in lines:
        if "roll" in line.set_names:
            here[line.school_code].add(line.person_id)
        by_role = roles[line.school_code].setdefault(line.role, defaultdict(list))
        for name in line.set_names:
            by_role[name].append(line.ordinal)
        if line.set_names == ("suspended",):
            continue
        key = (line.class_id, line.title, line.role)
        by_class = classes[line.school_code].setdefault(key, defaultdict(list))
        for name in line.set_names:
            by_class[name].append(line.ordinal)
    gone = _gone(session, codes, here)
    return [
        {
            "school_code": code,
            "by_role": {
                "roles": {role: _as_json(sets) for role, sets in roles[code].items()},
                "gone": PeopleSet(gone[code]).as_json(),
            },
            "by_class": [
                {"class_id": class_id, "title": title, "role": role, **_as_json(sets)}
                for (class_id, title, role), sets in classes[code].items()
            ],
        }
        for code in codes
    ]


def _sets_of(moodle_id: int | None, suspended: bool | None) -> tuple[str, ...]:
    """Where somebody stands whom the school lists."""
    if suspended:
        return ("suspended",)
    return ("roll",) if moodle_id is None else ("roll", "account")


def _as_json(sets: dict[str, list[int]]) -> dict[str, dict[str, str]]:
    return {name: PeopleSet(sets.get(name, ())).as_json() for name in _SETS}


def _listed(session: Session, codes: Sequence[str]) -> Iterable[Sequence[Any]]:
    return session.execute(
        select(
            SchoolMembership.school_code,
            SchoolMembership.person_id,
            ActivityPerson.ordinal,
            SchoolMembership.role,
            SchoolMembership.class_id,
            SchoolMembership.class_title,
            KnownUser.moodle_id,
            KnownUser.suspended,
        )
        .join(ActivityPerson, ActivityPerson.person_id == SchoolMembership.person_id)
        .outerjoin(KnownUser, KnownUser.person_id == SchoolMembership.person_id)
        .where(
            SchoolMembership.school_code.in_(codes),
            ActivityPerson.main.is_(None),
        )
    )


def _left(session: Session, codes: Sequence[str]) -> Iterable[Sequence[Any]]:
    known = (
        select(
            KnownUser.school_code,
            KnownUser.person_id,
            ActivityPerson.ordinal,
            KnownUser.role,
            KnownUser.class_id,
        )
        .join(ActivityPerson, ActivityPerson.person_id == KnownUser.person_id)
        .where(KnownUser.school_code.in_(codes), ActivityPerson.main.is_(None))
    )
    on_a_roll = exists().where(SchoolMembership.person_id == KnownUser.person_id)
    # An "or" of the two would have PostgreSQL read all rolls of the city.
    return session.execute(
        union(known.where(KnownUser.suspended.is_(True)), known.where(~on_a_roll))
    )


def _whoever(codes: Select[str]) -> CompoundSelect[Any]:
    """Everybody that a sheet of these schools may name."""
    return union(
        *(
            select(table.person_id, table.school_code).where(table.school_code.in_(codes))
            for table in (SchoolMembership, KnownUser)
        )
    )


def _gone(
    session: Session, codes: Sequence[str], here: dict[str, set[str]]
) -> dict[str, list[int]]:
    gone: dict[str, list[int]] = defaultdict(list)
    rows = session.execute(
        select(ActivityPerson.school_code, ActivityPerson.person_id, ActivityPerson.ordinal).where(
            ActivityPerson.school_code.in_(codes)
        )
    )
    for code, person_id, ordinal in rows:
        if person_id not in here[code]:
            gone[code].append(ordinal)
    return gone
