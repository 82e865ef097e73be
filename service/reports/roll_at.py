"""Who was on the roll at a moment: the rolls of now, with later movement taken back.

Every report asks here. Movement is kept since a school's first load
(``service.loads.roll_history``). Which accounts existed is known of now only: who was on the roll
then and has an account now counts as having one. Of a class that somebody has left since then it is
only known when it was their last (docs/facts/indicators.md C).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import exists, func, or_, select
from sqlalchemy.orm import Session, aliased

from auth.models import UtcDateTime
from provisioning.roster import Role
from service.access import Scope
from service.activity.bitmaps import PeopleSet
from service.activity.figures import Activity
from service.activity.rolls import Members, SchoolClass
from service.models import Drift, KnownUser, RollAct, RollEvent, School, SchoolPlan
from service.portal import both_ways

ROLES = (Role.STUDENT, Role.TEACHER, Role.ADMINISTRATOR)

Rolls = dict[str, dict[str, Members]]
"""School code -> role -> people. A school that was not loaded by then has no roles."""
Classes = dict[str, dict[tuple[SchoolClass, str], Members]]
"""School code -> class and role -> people."""

_ACCOUNTS = (RollAct.SUSPENDED, RollAct.RESTORED)


class _Movement(NamedTuple):
    """One row of ``RollEvent`` about somebody we have an ordinal for."""

    act: str
    school_code: str
    role: str
    ordinal: int
    has_account: bool
    suspended: bool
    """Now."""


def rolls_at(
    activity: Activity, scope: Scope, at: datetime, *, before_first_loads: bool = False
) -> Rolls:
    """The rolls of the schools inside, as of ``at``.

    ``before_first_loads``: a school that was first loaded later has the people of that load, not
    nobody.
    """
    rolls = _rolls_now(activity, scope)
    movements = _movements_after(activity, scope, at)
    if movements:
        rolls = _taken_back(rolls, movements, _back_since(activity, scope, at))
    if not before_first_loads:
        begun_later = select(RollEvent.school_code).where(
            RollEvent.act == RollAct.BEGUN,
            RollEvent.at > at,
            RollEvent.school_code.in_(scope.codes()),
        )
        rolls |= {code: {} for code in activity.session.scalars(begun_later)}
    return _without_drifted(activity, rolls, at)


def _without_drifted(activity: Activity, rolls: Rolls, at: datetime) -> Rolls:
    """Count nobody as having an account of whom a look by then found that it does not work."""
    drifted = activity.people(select(Drift.person_id).where(both_ways.drifted(at)))
    if not drifted:
        return rolls
    return {
        code: {
            role: replace(members, account=members.account - drifted)
            for role, members in roles.items()
        }
        for code, roles in rolls.items()
    }


def classes_at(activity: Activity, scope: Scope, at: datetime) -> Classes:
    """The same people by class. Who came back to a roll stands in the class they left last."""
    now, then = _rolls_now(activity, scope), rolls_at(activity, scope, at)
    return {
        code: _moved(classes, now.get(code, {}), then.get(code, {}))
        for code, classes in activity.classes(scope.codes()).items()
    }


def _moved(
    classes: Mapping[tuple[SchoolClass, str], Members],
    now: Mapping[str, Members],
    then: Mapping[str, Members],
) -> dict[tuple[SchoolClass, str], Members]:
    """The classes of one school, with the people of ``now`` exchanged for those of ``then``."""
    came: dict[str, PeopleSet] = {
        role: then.get(role, Members()).roll - now.get(role, Members()).roll for role in ROLES
    }
    moved: dict[tuple[SchoolClass, str], Members] = {}
    for (each, role), members in classes.items():
        if role in ROLES:
            of_role = then.get(role, Members())
            back = came[role] & members.left
            came[role] -= back
            roll = (members.roll & of_role.roll) | back
            moved[each, role] = Members(
                roll=roll, account=of_role.account & roll, left=members.left & of_role.left
            )
    nowhere = SchoolClass("", "")
    for role, people in came.items():
        of_role, old = then.get(role, Members()), moved.get((nowhere, role), Members())
        told = PeopleSet.joined(one.left for (_class, its), one in moved.items() if its == role)
        left = of_role.left - told
        if people or left:
            roll = old.roll | people
            moved[nowhere, role] = Members(
                roll=roll, account=of_role.account & roll, left=old.left | left
            )
    return moved


def _rolls_now(activity: Activity, scope: Scope) -> Rolls:
    rolls: Rolls = {code: {} for code in activity.session.scalars(scope.codes())}
    for code, sheet in activity.roles(scope.codes()).items():
        rolls[code] = {role: some for role, some in sheet.roles.items() if role in ROLES}
    return rolls


def loads_at(session: Session, scope: Scope, at: datetime) -> dict[str, datetime | None]:
    """School code -> its newest load applied by ``at``; None when there was none yet."""
    query = (
        select(SchoolPlan.school_code, func.max(SchoolPlan.applied_at))
        .where(SchoolPlan.applied_at <= at, SchoolPlan.school_code.in_(scope.codes()))
        .group_by(SchoolPlan.school_code)
    )
    applied = {code: newest for code, newest in session.execute(query)}  # noqa: C416 - rows, no pairs
    newest = session.execute(select(School.code, School.last_applied_at).where(scope.schools()))
    return {
        code: last if last is None or last <= at else applied.get(code) for code, last in newest
    }


def first_loads_of(session: Session, scope: Scope) -> dict[str, datetime]:
    """School code -> its first load ever."""
    first = (
        select(SchoolPlan.school_code, func.min(SchoolPlan.applied_at).label("at"))
        .where(SchoolPlan.applied_at.is_not(None))
        .group_by(SchoolPlan.school_code)
        .subquery()
    )
    rows = session.execute(
        select(School.code, func.coalesce(first.c.at, School.last_applied_at, type_=UtcDateTime()))
        .outerjoin(first, first.c.school_code == School.code)
        .where(scope.schools(), School.last_applied_at.is_not(None))
    )
    return {code: first_at for code, first_at in rows}  # noqa: C416 - rows are no pairs


def _movements_after(activity: Activity, scope: Scope, at: datetime) -> Sequence[_Movement]:
    """On the rolls inside, and of everybody's accounts; the newest first."""
    event, known, person = RollEvent, KnownUser, activity.numbered.c
    rows = activity.session.execute(
        select(
            event.act, event.school_code, event.role, person.ordinal,
            known.moodle_id.is_not(None).label("has_account"),
            known.suspended.is_(True).label("suspended"),
        )
        .join(activity.numbered, person.person_id == event.person_id)
        .outerjoin(known, known.person_id == event.person_id)
        .where(
            event.at > at,
            event.act != RollAct.BEGUN,
            # The account is that of the main school, which may be outside.
            or_(event.school_code.in_(scope.codes()), event.act.in_(_ACCOUNTS)),
            person.main.is_(None),
        )
        .order_by(event.at.desc(), event.id.desc())
    )  # fmt: skip
    return [_Movement(*row) for row in rows]


def _back_since(activity: Activity, scope: Scope, at: datetime) -> dict[tuple[str, str], set[int]]:
    """Who had left a school by then, as the last thing told of them, and came to a roll later.

    By the school and the role that they left.
    """
    event, later = RollEvent, aliased(RollEvent)
    came = exists().where(
        later.person_id == event.person_id, later.act == RollAct.JOINED, later.at > at
    )
    person = activity.numbered.c
    rows = activity.session.execute(
        select(event.act, event.school_code, event.role, person.ordinal)
        .join(activity.numbered, person.person_id == event.person_id)
        .where(
            event.at <= at, event.act.in_((RollAct.LEFT, RollAct.JOINED)), came,
            person.main.is_(None),
        )
        .order_by(event.at, event.id)
    )  # fmt: skip
    last: dict[int, tuple[str, str]] = {}
    joined: dict[int, set[tuple[str, str]]] = defaultdict(set)
    for act, school, role, ordinal in rows:
        if act == RollAct.JOINED:
            joined[ordinal].add((school, role))
        else:
            joined[ordinal].discard((school, role))
            last[ordinal] = school, role
    inside = set(activity.session.scalars(scope.codes()))
    found: dict[tuple[str, str], set[int]] = defaultdict(set)
    for ordinal, place in last.items():
        if not joined[ordinal] and place[0] in inside and place[1] in ROLES:
            found[place].add(ordinal)
    return found


def _taken_back(
    rolls: Rolls,
    movements: Sequence[_Movement],
    back_since: Mapping[tuple[str, str], Collection[int]],
) -> Rolls:
    """The rolls before ``movements``: who was listed by the school and was not suspended.

    ``back_since``: who may have been on no roll then, and is on one now.
    """
    every = [members for roles in rolls.values() for members in roles.values()]
    suspended = set(PeopleSet.joined(one.suspended for one in every))
    suspended |= {one.ordinal for one in movements if one.suspended}
    listed: dict[tuple[str, str], set[int]] = {}
    for one in movements:
        if one.act in _ACCOUNTS:
            _switch(suspended, one.ordinal, out=one.act == RollAct.SUSPENDED)
        elif one.school_code in rolls and one.role in ROLES:
            key = one.school_code, one.role
            if key not in listed:
                listed[key] = set(rolls[key[0]].get(key[1], Members()).listed)
            _switch(listed[key], one.ordinal, out=one.act == RollAct.JOINED)
    restored: dict[tuple[str, str], set[int]] = defaultdict(set)
    for one in movements:
        in_scope = one.school_code in rolls and one.role in ROLES
        if in_scope and one.act == RollAct.RESTORED and one.ordinal in suspended:
            restored[one.school_code, one.role].add(one.ordinal)
    accounts = PeopleSet(one.ordinal for one in movements if one.has_account)
    # Whoever left later had not left by then, nor had who was suspended later while on a roll: the
    # account of others is closed when they have been in transit for too long.
    closed = PeopleSet(one.ordinal for one in movements if one.act == RollAct.SUSPENDED)
    later = PeopleSet(one.ordinal for one in movements if one.act == RollAct.LEFT)
    later |= closed & PeopleSet.joined(one.listed for one in every)
    outside = PeopleSet(suspended)
    then: Rolls = {code: dict(roles) for code, roles in rolls.items()}
    keys = {(code, role) for code, roles in rolls.items() for role in roles}
    on_a_roll = PeopleSet.joined(
        PeopleSet(listed[key]) if key in listed else rolls[key[0]].get(key[1], Members()).listed
        for key in keys | listed.keys()
    )
    for code, role in keys | listed.keys() | restored.keys() | back_since.keys():
        now = rolls[code].get(role, Members())
        people = PeopleSet(listed[code, role]) if (code, role) in listed else now.listed
        roll = people - outside
        then[code][role] = Members(
            roll=roll,
            account=(now.account | accounts) & roll,
            left=(now.left - later)
            | PeopleSet(restored[code, role])
            | (PeopleSet(back_since.get((code, role), ())) - on_a_roll),
            suspended=people & outside,
        )
    return then


def _switch(people: set[int], ordinal: int, *, out: bool) -> None:
    if out:
        people.discard(ordinal)
    else:
        people.add(ordinal)
