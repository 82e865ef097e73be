"""The rolls as they were at a cut-off: those of now, with later movement taken back
(docs/facts/indicators.md C).

Movement is kept since a school's first load (``service.loads.roll_history``). Which accounts
existed is known of now only: who was on the roll then and has an account now counts as having one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from auth.models import UtcDateTime
from service.access import Scope
from service.activity.bitmaps import PeopleSet
from service.activity.rolls import Members, read_roles
from service.models import ActivityPerson, KnownUser, RollAct, RollEvent, School, SchoolPlan
from service.reports.head_counts import ROLES

Rolls = Mapping[str, Mapping[str, Members]]
"""School code -> role -> people. A school that was not loaded by then has no roles."""

_ARRIVALS = (RollAct.JOINED, RollAct.RESTORED)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Movement:
    """One row of ``RollEvent`` about somebody we have an ordinal for."""

    act: RollAct
    school_code: str
    role: str
    ordinal: int
    has_account: bool
    suspended: bool
    """Now."""


def rolls_at(session: Session, scope: Scope, at: datetime) -> Rolls:
    """The rolls of the schools inside, as of ``at``. Roll up first (``Activity``)."""
    rolls = {
        code: {role: members for role, members in sheet.roles.items() if role in ROLES}
        for code, sheet in read_roles(session, scope.codes()).items()
    }
    for code in _begun_later(session, scope, at):
        rolls[code] = {}
    for (code, role), movements in _movements_after(session, scope, at).items():
        if code in rolls and role in ROLES:
            rolls[code][role] = _taken_back(rolls[code].get(role, Members()), movements)
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


def _begun_later(session: Session, scope: Scope, at: datetime) -> list[str]:
    """Schools whose first roll came after ``at``."""
    return list(
        session.scalars(
            select(RollEvent.school_code).where(
                RollEvent.act == RollAct.BEGUN,
                RollEvent.at > at,
                RollEvent.school_code.in_(scope.codes()),
            )
        )
    )


def _movements_after(
    session: Session, scope: Scope, at: datetime
) -> dict[tuple[str, str], list[_Movement]]:
    """By school and role, the newest first."""
    rows = session.execute(
        select(
            RollEvent.act,
            RollEvent.school_code,
            RollEvent.role,
            ActivityPerson.ordinal,
            KnownUser.moodle_id.is_not(None),
            KnownUser.suspended.is_(True),
        )
        .join(ActivityPerson, ActivityPerson.person_id == RollEvent.person_id)
        .outerjoin(KnownUser, KnownUser.person_id == RollEvent.person_id)
        .where(
            RollEvent.at > at,
            RollEvent.act != RollAct.BEGUN,
            RollEvent.school_code.in_(scope.codes()),
            ActivityPerson.main.is_(None),
        )
        .order_by(RollEvent.at.desc(), RollEvent.id.desc())
    )
    found: dict[tuple[str, str], list[_Movement]] = defaultdict(list)
    for act, code, role, ordinal, has_account, suspended in rows:
        found[code, role].append(
            _Movement(
                act=RollAct(act), school_code=code, role=role, ordinal=ordinal,
                has_account=bool(has_account), suspended=bool(suspended),
            )
        )  # fmt: skip
    return found


def _taken_back(members: Members, movements: list[_Movement]) -> Members:
    roll, account = set(members.roll), set(members.account)
    suspended_later = {one.ordinal for one in movements if one.act is RollAct.SUSPENDED}
    for one in movements:
        if one.act in _ARRIVALS:
            roll.discard(one.ordinal)
            account.discard(one.ordinal)
        elif not one.suspended or one.ordinal in suspended_later:
            # Who was suspended before the cut-off stays outside (docs/facts/indicators.md F4).
            roll.add(one.ordinal)
            if one.has_account:
                account.add(one.ordinal)
    return Members(roll=PeopleSet(roll), account=PeopleSet(account), left=members.left)
