"""Who is on the roll of each school now, as sets of ordinals, kept up to date school by school."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sqlalchemy import CompoundSelect, FromClause, Select, delete, exists, select, union
from sqlalchemy.orm import Session

from service.activity.bitmaps import PeopleSet
from service.activity.ordinals import NUMBERED, add_people
from service.activity.rollups import catch_up, lock
from service.db import chunks, upsert
from service.models import KnownUser, RollChange, RollSheet, SchoolMembership

SCHOOLS_AT_A_TIME = 100
_SETS = ("roll", "account", "left", "suspended")


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

    @classmethod
    def together(cls, several: Iterable[Members]) -> Members:
        every = list(several)
        return cls(**{
            name: PeopleSet.joined(getattr(one, name) for one in every) for name in _SETS
        })  # fmt: skip

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


def bring_up_to_date(session: Session) -> None:
    """Roll up what is new, in the caller's transaction; at once when nothing is."""
    # The rolls first: the school of the roll is then the one that stands for the person.
    refresh(session)
    if catch_up(session):
        refresh(session)


def refresh(session: Session) -> None:
    """Make the sheets of schools anew whose rolls changed, in the caller's transaction."""
    if not session.scalar(select(exists().select_from(RollChange))):
        return
    lock(session)
    while changes := session.execute(select(RollChange.id, RollChange.school_code)).all():
        # Who came to a roll since the last time around needs an ordinal too.
        add_people(session, whoever(select(RollChange.school_code)))
        for codes in chunks(sorted({code for _id, code in changes}), SCHOOLS_AT_A_TIME):
            upsert(session, RollSheet, make_sheets(session, codes))
        for some in chunks([number for number, _code in changes]):
            session.execute(delete(RollChange).where(RollChange.id.in_(some)))


def by_role(stored: dict[str, Any]) -> Sheet:
    """The sheet of a school from ``RollSheet.by_role``."""
    return Sheet(
        roles={role: _members(sets) for role, sets in stored["roles"].items()},
        gone=PeopleSet.from_text(stored["gone"]),
    )


def by_class(stored: list[dict[str, Any]]) -> dict[tuple[SchoolClass, str], Members]:
    """Class and role -> people, from ``RollSheet.by_class``. Who left stands in a class without a
    title."""
    return {
        (SchoolClass(one["class_id"], one["title"]), one["role"]): _members(one) for one in stored
    }


def _members(stored: dict[str, str]) -> Members:
    return Members(**{name: PeopleSet.from_text(stored[name]) for name in _SETS})


def make_sheets(
    session: Session, codes: Sequence[str], numbered: FromClause = NUMBERED
) -> list[dict[str, Any]]:
    """Rows of ``RollSheet`` for some schools."""
    here: dict[str, set[str]] = defaultdict(set)
    roles: dict[str, dict[str, _Sets]] = {code: {} for code in codes}
    classes: dict[str, dict[tuple[str, str, str], _Sets]] = {code: {} for code in codes}
    for code, person_id, role, class_id, title, ordinal, names in _standing(
        session, codes, numbered
    ):
        by_role = roles[code].setdefault(role, defaultdict(list))
        for name in names:
            by_role[name].append(ordinal)
        if "roll" in names:
            here[code].add(person_id)
        if names != ("suspended",):
            by_class = classes[code].setdefault((class_id, title, role), defaultdict(list))
            for name in names:
                by_class[name].append(ordinal)
    gone: dict[str, list[int]] = defaultdict(list)
    each = numbered.c
    for code, person_id, ordinal in session.execute(
        select(each.school_code, each.person_id, each.ordinal).where(each.school_code.in_(codes))
    ):
        if person_id not in here[code]:
            gone[code].append(ordinal)
    return [
        {
            "school_code": code,
            "by_role": {
                "roles": {role: _as_texts(sets) for role, sets in roles[code].items()},
                "gone": PeopleSet(gone[code]).as_text(),
            },
            "by_class": [
                {"class_id": class_id, "title": title, "role": role, **_as_texts(sets)}
                for (class_id, title, role), sets in classes[code].items()
            ],
        }
        for code in codes
    ]


_Sets = dict[str, list[int]]


def _as_texts(sets: _Sets) -> dict[str, str]:
    return {name: PeopleSet(sets.get(name, ())).as_text() for name in _SETS}


def _standing(session: Session, codes: Sequence[str], numbered: FromClause) -> Iterator[Any]:
    """School, person, role, class, title, main ordinal and the names of the sets: whom a school
    lists, and who is suspended or on no roll at all."""
    listed, known, person = SchoolMembership, KnownUser, numbered.c
    rows = session.execute(
        select(
            listed.school_code, listed.person_id, listed.role, listed.class_id, listed.class_title,
            person.ordinal, known.moodle_id, known.suspended,
        )
        .join(numbered, person.person_id == listed.person_id)
        .outerjoin(known, known.person_id == listed.person_id)
        .where(listed.school_code.in_(codes), person.main.is_(None))
    )  # fmt: skip
    for *line, moodle_id, suspended in rows:
        on_roll = ("roll",) if moodle_id is None else ("roll", "account")
        yield *line, ("suspended",) if suspended else on_roll
    left = (
        select(known.school_code, known.person_id, known.role, known.class_id, person.ordinal)
        .join(numbered, person.person_id == known.person_id)
        .where(known.school_code.in_(codes), person.main.is_(None))
    )
    on_a_roll = exists().where(listed.person_id == known.person_id)
    # An "or" of the two would have PostgreSQL read all rolls of the city.
    either = union(left.where(known.suspended.is_(True)), left.where(~on_a_roll))
    for *line, ordinal in session.execute(either):
        yield *line, "", ordinal, ("left",)


def whoever(codes: Select[str]) -> CompoundSelect[Any]:
    """Everybody that a sheet of these schools may name."""
    return union(
        *(
            select(table.person_id, table.school_code).where(table.school_code.in_(codes))
            for table in (SchoolMembership, KnownUser)
        )
    )
