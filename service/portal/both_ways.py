"""The work list of both ways: on a roll and not in Moodle, in Moodle and on no roll."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select
from sqlalchemy.orm import Session

from provisioning.drift import STRANGER, DriftKind
from provisioning.exclusions import Exclusions
from service.access import Scope
from service.models import (
    Drift,
    DriftState,
    KnownUser,
    Load,
    LoadStatus,
    PortalLook,
    School,
    SchoolMembership,
)
from service.portal import looks

WITHOUT_ACCOUNT = (DriftKind.ACCOUNT_DELETED, DriftKind.ACCOUNT_SUSPENDED)
"""What a look found that leaves a person without an account that works."""


class Way(StrEnum):
    NOT_IN_MOODLE = "not_in_moodle"
    """On a roll, and no account, or none that works."""
    ON_NO_ROLL = "on_no_roll"
    """An account of ours that is open, and no school lists the person."""
    STRANGERS = "strangers"
    """Accounts of others in our cohorts and courses."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One person of the list."""

    school_code: str
    class_title: str
    role: str
    person: KnownUser | None
    """None when we know nothing but the row, or when it is a stranger's account."""
    code: str
    """Why: a code of an outcome, a kind of drift, a state; empty when it was not tried yet."""
    place: str = ""
    """The cohort or course that a stranger is in."""
    moodle_id: int | None = None


def drifted(at: datetime | None = None) -> ColumnElement[bool]:
    """Return a condition on ``Drift``: the person has no account that works, as of ``at`` or now.

    What a load has repaired since counts as repaired, whether or not anybody has looked again.
    """
    kinds = Drift.kind.in_(WITHOUT_ACCOUNT)
    repaired = exists().where(Load.id == Drift.load_id, Load.status == LoadStatus.APPLIED)
    if at is None:
        return kinds & (Drift.state == DriftState.OPEN) & ~repaired
    repaired_by = repaired.where(Load.finished_at <= at)
    undecided = Drift.decided_at.is_(None) | (Drift.decided_at > at)
    return kinds & (Drift.found_at <= at) & undecided & ~repaired_by


def query(scope: Scope, way: Way, school: str = "") -> Select[*tuple[Any, ...]]:
    """Return the rows of one way, in the order of the page; ``lines`` makes them ready."""
    if way is Way.NOT_IN_MOODLE:
        return _not_in_moodle(scope, school)
    return _on_no_roll(scope, school) if way is Way.ON_NO_ROLL else _strangers(scope, school)


def _not_in_moodle(scope: Scope, school: str) -> Select[*tuple[Any, ...]]:
    row, user = SchoolMembership, KnownUser
    meddled = exists().where(Drift.person_id == row.person_id, drifted())
    none = user.person_id.is_(None) | user.moodle_id.is_(None)
    found = (
        select(row, user)
        .outerjoin(user, (user.person_id == row.person_id) & scope.people())
        .where(row.school_code.in_(scope.codes()), row.confirmed, or_(none, meddled))
        .where(~exists().where(_others_account(row)))
        .order_by(row.school_code, row.class_title, row.role, row.person_id)
    )
    return found.where(row.school_code == school) if school else found


def _others_account(row: type[SchoolMembership]) -> ColumnElement[bool]:
    """Somebody of the row whose account the operator may not see has one all the same."""
    healthy = ~exists().where(Drift.person_id == row.person_id, drifted())
    inner = KnownUser.__table__.alias("any_user")
    return and_(inner.c.person_id == row.person_id, inner.c.moodle_id.is_not(None), healthy)


def _on_no_roll(scope: Scope, school: str) -> Select[*tuple[Any, ...]]:
    user = KnownUser
    listed = exists().where(SchoolMembership.person_id == user.person_id)
    found = (
        select(user)
        .where(scope.people(), user.moodle_id.is_not(None), user.suspended.is_(False), ~listed)
        .order_by(user.school_code, user.family_name, user.person_id)
    )
    return found.where(user.school_code == school) if school else found


def _strangers(scope: Scope, school: str) -> Select[*tuple[Any, ...]]:
    kinds = (DriftKind.MEMBER_ADDED, DriftKind.ENROLMENT_ADDED)
    found = (
        select(Drift)
        .where(
            Drift.kind.in_(kinds), Drift.state.in_([DriftState.OPEN, DriftState.KEPT]),
            Drift.key.contains(f"|{STRANGER}", autoescape=True),
        )
        .order_by(Drift.school_code, Drift.key)
    )  # fmt: skip
    if not scope.is_city:
        found = found.where(Drift.school_code.in_(scope.codes()))
    return found.where(Drift.school_code == school) if school else found


def lines(session: Session, way: Way, rows: Sequence[Any], excluded: Exclusions) -> list[Line]:
    """Return the lines of some rows of ``query``; who is excluded has no account by our will."""
    if way is Way.STRANGERS:
        return [_stranger(row) for (row,) in rows if isinstance(row, Drift)]
    if way is Way.ON_NO_ROLL:
        return [_left(user) for (user,) in rows if isinstance(user, KnownUser)]
    people = [row.person_id for row, _user in rows if isinstance(row, SchoolMembership)]
    found = session.execute(
        select(Drift.person_id, Drift.kind).where(Drift.person_id.in_(people), drifted())
    )
    kinds = {person_id: kind for person_id, kind in found}  # noqa: C416 - rows, no pairs
    return [
        Line(
            school_code=row.school_code, class_title=row.class_title, role=row.role,
            person=user if isinstance(user, KnownUser) else None,
            code=_why(row, user, kinds, excluded),
        )
        for row, user in rows
        if isinstance(row, SchoolMembership)
    ]  # fmt: skip


def _why(
    row: SchoolMembership, user: KnownUser | None, kinds: dict[str, str], excluded: Exclusions
) -> str:
    login = user.username if user else ""
    here = excluded.at(row.school_code)
    if here.names_person(idnumber=row.person_id, login=login, roles=[row.role]):
        return "excluded"
    return kinds.get(row.person_id) or (user.problem if user else "")


def _left(user: KnownUser) -> Line:
    return Line(
        school_code=user.school_code, class_title=user.class_title, role=user.role, person=user,
        code=user.state, moodle_id=user.moodle_id,
    )  # fmt: skip


def _stranger(row: Drift) -> Line:
    place, _bar, rest = row.key.partition("|")
    number = rest.partition("|")[0].removeprefix(STRANGER)
    return Line(
        school_code=row.school_code, class_title="", role="", person=None, code=row.kind,
        place=place, moodle_id=row.moodle_id or (int(number) if number.isdigit() else None),
    )  # fmt: skip


def counts(session: Session, scope: Scope, school: str = "") -> dict[str, int]:
    """Return how many lines each way has."""
    return {
        way.value: session.scalar(
            select(func.count()).select_from(query(scope, way, school).order_by(None).subquery())
        )
        or 0
        for way in Way
    }


def last_look(
    session: Session, scope: Scope, school: str = "", *, by: datetime | None = None
) -> PortalLook | None:
    """Return the newest whole look that tells of everything the operator sees, or of one school.

    None when nobody has looked yet, or ``by`` a moment. Of a school outside nothing is told.
    """
    if school and not scope.is_city:
        inside = select(School.code).where(School.code == school, scope.schools())
        school = session.scalar(inside) or ""
    if school or scope.is_city:
        return looks.last(session, school=school, by=by)
    codes = session.scalars(select(School.code).where(scope.schools()).limit(2)).all()
    return looks.last(session, school=codes[0] if len(codes) == 1 else "", by=by)
