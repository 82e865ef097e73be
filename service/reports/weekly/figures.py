"""What the weekly report counts: teachers in our Moodle as sets, other platforms as they report.

The definitions are those of docs/facts/indicators.md C; where a letter is silent, the convention is
written at the field.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from provisioning.roster import Role
from service.access import Scope
from service.activity.bitmaps import PeopleSet
from service.activity.figures import Activity, until
from service.activity.rolls import Members
from service.models import Operator, OperatorRole, SchoolType
from service.registry.lookup import PlatformFigures, RegistrySchool
from service.reports.listing import share
from service.reports.roll_at import first_loads_of, loads_at, rolls_at

LEAST_C1, LEAST_C2 = 4, 3
"""Messages in the week that other platforms' figures begin at: more than three of any kind, and at
least three in group chats (L3, L4)."""

COUNTS = ("teachers", "active", "c1", "c2", "c3", "c4", "c5", "c6", "c7")
PEOPLE = ("teachers", "active", "c5")
"""Of our Moodle, those that are sets of people."""

SHARES: Mapping[str, str] = {
    "active": "teachers", "c1": "teachers", "c2": "teachers", "c3": "teachers",
    "c4": "schools", "c7": "general",
}  # fmt: skip
"""Numerator -> denominator."""

Numbers = dict[str, int | None]
"""By the names of ``COUNTS`` and the denominators; None is not known, which is not zero."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Figures:
    """The cells of one line."""

    numbers: Numbers
    shares: Mapping[str, float | None]
    """By the names of ``SHARES``; of nothing None."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SchoolWeek:
    """One school in our Moodle at the cut-off."""

    general: bool
    """An organisation of general education, the only ones of C7."""
    loaded_at: datetime | None
    teachers: PeopleSet = field(default_factory=PeopleSet)
    """With the role «Учитель» on the roll, whatever else they are at another school."""
    active: PeopleSet = field(default_factory=PeopleSet)
    """Of these, those let in during the week."""
    users: PeopleSet = field(default_factory=PeopleSet)
    """C5: everybody on the roll whose account exists."""
    first_loaded_at: datetime | None = None
    operated_at: datetime | None = None
    """Since when the school has an open operator account of its own."""
    administrators: PeopleSet = field(default_factory=PeopleSet)
    """On the roll, with that role."""
    connected: bool = False
    """C4: loaded, and somebody administers it: an open operator account of the school, or an
    administrator of its roll who has ever signed in (convention)."""
    inactive: bool = True
    """C6: never loaded, or nobody of the roll signed in for so many days (convention)."""
    using: bool = False
    """C7: somebody of the roll signed in during the week (convention)."""

    def connected_at(self, moment: datetime, ever: PeopleSet) -> bool:
        """Whether it was connected by then; ``ever``: who had signed in until then."""
        if self.first_loaded_at is None or self.first_loaded_at > moment:
            return False
        operated = self.operated_at is not None and self.operated_at <= moment
        return operated or bool(self.administrators & ever)


@dataclass(frozen=True, kw_only=True, slots=True)
class OwnWeek:
    """Our Moodle, school by school."""

    schools: Mapping[str, SchoolWeek]

    def people(self, codes: Iterable[str], name: str) -> PeopleSet:
        """Distinct persons behind a number. Raises ``KeyError`` for what is no set of people."""
        fields = {"teachers": "teachers", "active": "active", "c5": "users"}
        return PeopleSet.union(getattr(self.schools[code], fields[name]) for code in codes)

    def figures(self, codes: Sequence[str]) -> Figures:
        """Of these schools together. People of schools without any load are not known."""
        schools = [self.schools[code] for code in codes]
        loaded = [code for code in codes if self.schools[code].loaded_at is not None]
        people = {name: len(self.people(loaded, name)) if loaded else None for name in PEOPLE}
        numbers: Numbers = {
            **people,
            "c1": None,
            "c2": None,
            "c3": None,
            "c4": sum(one.connected for one in schools),
            "c6": sum(one.inactive for one in schools),
            "c7": sum(one.using for one in schools if one.general),
            "schools": len(schools),
            "general": sum(one.general for one in schools),
        }
        shares = {name: share(numbers[name], numbers[whole]) for name, whole in SHARES.items()}
        return Figures(numbers=numbers, shares=shares)


def own_week(
    session: Session,
    activity: Activity,
    scope: Scope,
    schools: Sequence[RegistrySchool],
    *,
    bounds: tuple[datetime, datetime],
    cut_off: datetime,
    inactive_days: int,
) -> OwnWeek:
    """Our figures of a week at the cut-off; the number of queries does not depend on schools."""
    end = until(cut_off)
    in_week = activity.active(bounds[0], min(bounds[1], end))
    lately = activity.active(cut_off - timedelta(days=inactive_days), min(bounds[1], end))
    ever = activity.active(None, min(bounds[1], end))
    rolls = rolls_at(session, scope, cut_off)
    loads, first_loads = loads_at(session, scope, cut_off), first_loads_of(session, scope)
    operated = _operated(session)
    return OwnWeek(
        schools={
            school.code: _school_week(
                rolls.get(school.code, {}),
                general=is_general(school),
                loaded_at=loads.get(school.code),
                first_loaded_at=first_loads.get(school.code),
                operated_at=operated.get(school.code),
                active=_Active(at=cut_off, in_week=in_week, lately=lately, ever=ever),
            )
            for school in schools
        }
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Active:
    """Who was let in, by the cut-off ``at``: in the week, in the days of C6, ever."""

    at: datetime
    in_week: PeopleSet
    lately: PeopleSet
    ever: PeopleSet


def _school_week(
    roles: Mapping[str, Members],
    *,
    general: bool,
    loaded_at: datetime | None,
    first_loaded_at: datetime | None,
    operated_at: datetime | None,
    active: _Active,
) -> SchoolWeek:
    if loaded_at is None:
        return SchoolWeek(general=general, loaded_at=None)
    everybody = PeopleSet.union(members.roll for members in roles.values())
    teachers = roles.get(Role.TEACHER, Members()).roll
    week = SchoolWeek(
        general=general,
        loaded_at=loaded_at,
        teachers=teachers,
        active=teachers & active.in_week,
        users=PeopleSet.union(members.account for members in roles.values()),
        first_loaded_at=first_loaded_at,
        operated_at=operated_at,
        administrators=roles.get(Role.ADMINISTRATOR, Members()).roll,
        inactive=not everybody & active.lately,
        using=bool(everybody & active.in_week),
    )
    return replace(week, connected=week.connected_at(active.at, active.ever))


def is_general(school: RegistrySchool) -> bool:
    return school.type is SchoolType.GENERAL


def _operated(session: Session) -> dict[str, datetime]:
    """School code -> since when there is an open operator account of its own."""
    found: dict[str, datetime] = {}
    operators = session.execute(
        select(Operator.scope, Operator.created_at).where(
            Operator.role == OperatorRole.SCHOOL, Operator.active.is_(True)
        )
    )
    for codes, created_at in operators:
        for code in codes:
            found[code] = min(created_at, found.get(code, created_at))
    return found


def platform_week(
    figures: PlatformFigures | None,
    schools: Sequence[RegistrySchool],
    *,
    least_c1: int,
    least_c2: int,
) -> Figures:
    """Another platform's figures of these schools, added up: it tells numbers, not persons.

    A figure by another threshold than asked for is not known. A school that the platform does not
    name adds nothing, and stays in the denominator of C4 and C7. A share of teachers is that of
    the schools with both figures.
    """
    known = figures.schools if figures else {}
    named = [(school, known[school.code]) for school in schools if school.code in known]
    rows = [row for _school, row in named]
    parts = {
        "c1": [row.teachers_with_messages if least_c1 == LEAST_C1 else None for row in rows],
        "c2": [row.teachers_with_group_messages if least_c2 == LEAST_C2 else None for row in rows],
        "c3": [row.teachers_with_group_chats for row in rows],
    }
    teachers = [row.teachers for row in rows]
    numbers: Numbers = {
        "teachers": _sum(teachers),
        "active": None,
        **{name: _sum(values) for name, values in parts.items()},
        "c4": _sum(row.registered for row in rows),
        "c5": _sum(row.users for row in rows),
        "c6": _sum(None if row.active is None else not row.active for row in rows),
        # A platform is used by an organisation whose profile there is active (convention).
        "c7": _sum(row.active for school, row in named if is_general(school)),
        "schools": len(schools),
        "general": sum(map(is_general, schools)),
    }
    shares = {name: _share_of_pairs(values, teachers) for name, values in parts.items()}
    shares |= {name: share(numbers[name], numbers[SHARES[name]]) for name in ("c4", "c7")}
    return Figures(numbers=numbers, shares={"active": None, **shares})


def _sum(values: Iterable[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def _share_of_pairs(parts: Sequence[int | None], wholes: Sequence[int | None]) -> float | None:
    pairs = [
        (part, whole)
        for part, whole in zip(parts, wholes, strict=True)
        if part is not None and whole is not None
    ]
    return share(sum(part for part, _whole in pairs), sum(whole for _part, whole in pairs))
