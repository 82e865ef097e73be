"""Who is behind a number of the coverage report. Counts as ``counting.py`` does, one cell only."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Select, case, exists, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from auth.linking.models import Link
from auth.models import ESIA_CLIENT, Credential, LoginEvent, Result
from provisioning.roster import Role
from service.models import KnownUser, School, SchoolMembership
from service.reports.definition import Cell
from service.reports.head_counts import ALL_ROLES, ROLES, WHOLE, Level
from service.reports.question import Asked

_PRECEDENCE = (Role.TEACHER, Role.ADMINISTRATOR, Role.STUDENT)


def coverage_people(_session: Session, asked: Asked, cell: Cell) -> Select[str]:
    """The people of one line and column. Raises ``KeyError`` for one that the report lacks."""
    *unit, role = cell.row.split("|")
    if role not in (ALL_ROLES, *ROLES):
        raise KeyError(cell.row)
    if cell.column == "left":
        return _left(asked, unit, role)
    conditions = _of_column(asked, cell.column)
    people = (
        select(SchoolMembership.person_id)
        .join(School, School.code == SchoolMembership.school_code)
        .outerjoin(KnownUser, KnownUser.person_id == SchoolMembership.person_id)
        .where(
            asked.scope.schools(),
            SchoolMembership.role.in_(ROLES),
            KnownUser.suspended.is_not(True),
            *conditions,
            *_of_unit(asked, unit, SchoolMembership.class_id),
        )
        .group_by(SchoolMembership.person_id)
    )
    if role == ALL_ROLES:
        return people
    return people.having(
        func.min(_role_number(SchoolMembership.role)) == _PRECEDENCE.index(Role(role))
    )


def _of_column(asked: Asked, column: str) -> tuple[ColumnElement[bool], ...]:
    match column:
        case "roll":
            return ()
        case "account":
            return (KnownUser.moodle_id.is_not(None),)
        case "own_password":
            own = Credential.person_id == KnownUser.person_id
            return (exists().where(own, Credential.changed_at <= asked.now),)
        case "linked":
            linked = Link.person_id == KnownUser.person_id
            return (exists().where(linked, Link.linked_at <= asked.now),)
        case "ever" | "in_period":
            return (_signed_in(asked, in_period=column == "in_period"),)
    raise KeyError(column)


def _left(asked: Asked, unit: list[str], role: str) -> Select[str]:
    on_a_roll = exists().where(SchoolMembership.person_id == KnownUser.person_id)
    return (
        select(KnownUser.person_id)
        .join(School, School.code == KnownUser.school_code)
        .where(
            asked.scope.schools(),
            KnownUser.role.in_(ROLES if role == ALL_ROLES else (role,)),
            KnownUser.suspended.is_(True) | ~on_a_roll,
            _signed_in(asked),
            *_of_unit(asked, unit, KnownUser.class_id),
        )
    )


def _of_unit(
    asked: Asked, unit: list[str], class_id: InstrumentedAttribute[str]
) -> list[ColumnElement[bool]]:
    """Conditions for the school, district or class of the line; none for a total."""
    if not unit:
        return []
    if asked.by == Level.CITY:
        if unit != [WHOLE]:
            raise KeyError(unit[0])
        return []
    if asked.by == Level.DISTRICT:
        return [School.district == unit[0]]
    if asked.by == Level.SCHOOL:
        return [School.code == unit[0]]
    code, group = unit
    # Staff and leavers of a class that is no more stand in the line without a class.
    here = exists().where(
        SchoolMembership.school_code == code, SchoolMembership.class_id == class_id
    )
    return [School.code == code, class_id == group if group else (class_id == "") | ~here]


def _signed_in(asked: Asked, *, in_period: bool = False) -> ColumnElement[bool]:
    bounds = asked.bounds() if in_period else None
    if in_period and bounds is None:
        raise KeyError("in_period")
    period = (LoginEvent.at >= bounds[0], LoginEvent.at < bounds[1]) if bounds else ()
    return exists().where(
        LoginEvent.person_id == KnownUser.person_id,
        LoginEvent.result == Result.ALLOWED,
        LoginEvent.client_id.not_like(f"{ESIA_CLIENT}%"),
        LoginEvent.at <= asked.now,
        *period,
    )


def _role_number(role: InstrumentedAttribute[str]) -> ColumnElement[int]:
    return case({name.value: n for n, name in enumerate(_PRECEDENCE)}, value=role)
