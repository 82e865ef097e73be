"""Use cases of operators: set, move and remove phases, add and remove exemptions.

A city operator rules everywhere, a district operator inside the district. A school operator rules
classes and roles of the school, and exempts its people, where ``[auth] schools_set_phases`` says
so.
Everything is audited; the reason of an exemption, which may name people, is not repeated there.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, and_, func, or_, select, true, tuple_
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from auth.signin.phases import CITY, Phase, Target, Who
from service import audit
from service.access import Forbidden, Scope
from service.audit import AuditAction
from service.db import chunks
from service.models import (
    KnownUser,
    OperatorRole,
    PhaseExemption,
    PhaseRule,
    School,
    SchoolMembership,
)
from service.people.passwords import find_person
from service.settings import Settings

MAX_REASON_LENGTH = 500

Row = TypeVar("Row", PhaseRule, PhaseExemption)


class Why(StrEnum):
    """Why a phase or an exemption cannot be set; ``phase_wording.problem`` has the sentences."""

    NO_UPSTREAM = "no_upstream"
    """Nobody could sign in through ЕСИА: no outside provider is configured."""
    PAST = "past"
    """The day is over."""
    TAKEN = "taken"
    """The same target has another rule from that day on."""
    NO_DISTRICT = "no_district"
    NO_SCHOOL = "no_school"
    """None of this code, or none that the operator may see."""
    NO_CLASS = "no_class"
    NO_SENSE = "no_sense"
    """District and school together, or a class without its school or with a role."""
    NO_REASON = "no_reason"
    TOO_WIDE = "too_wide"
    """An exemption for everybody needs a person, a class or a role."""


class PhaseProblem(Exception):
    """What was asked for cannot be set."""

    def __init__(self, why: Why) -> None:
        super().__init__(why.value)
        self.why = why


def visible(scope: Scope, table: type[PhaseRule | PhaseExemption]) -> ColumnElement[bool]:
    """The rows that concern somebody inside the scope."""
    if scope.role == OperatorRole.CITY:
        return true()
    of_districts = select(School.district).where(scope.schools())
    return or_(
        and_(table.school_code == "", table.district == ""),
        table.district.in_(of_districts),
        table.school_code.in_(scope.codes()),
    )


def may_edit(session: Session, settings: Settings, scope: Scope, target: Target) -> bool:
    """Whether this is for the operator to rule. False also for a school that is unknown."""
    if scope.role == OperatorRole.CITY and not target.school_code:
        return True
    if target.school_code:
        school = session.get(School, target.school_code)
        if school is None or not scope.sees(school):
            return False
        if scope.role != OperatorRole.SCHOOL:
            return True
        return settings.auth.schools_set_phases and bool(target.class_id or target.role)
    return scope.role == OperatorRole.DISTRICT and target.district in scope.items


def set_phase(
    session: Session,
    settings: Settings,
    scope: Scope,
    *,
    target: Target,
    phase: Phase,
    starts_on: date,
    upstream: bool,
    now: datetime,
    today: date,
) -> PhaseRule:
    """Put a phase in force from a day on. Raises ``Forbidden`` and ``PhaseProblem``.

    ``upstream``: whether there is an outside provider to sign in through.
    """
    _check_target(session, settings, scope, target)
    if phase is Phase.ESIA_ONLY and not upstream:
        raise PhaseProblem(Why.NO_UPSTREAM)
    _check_start(session, target, starts_on, today)
    rule = PhaseRule(
        **_columns(target),
        phase=phase,
        starts_on=starts_on,
        created_at=now,
        created_by=scope.actor,
    )
    session.add(rule)
    try:
        session.flush()
    except IntegrityError as error:  # another operator was faster
        raise PhaseProblem(Why.TAKEN) from error
    _record(session, scope, now, AuditAction.PHASE_SET, rule, phase=phase, **_days(starts_on))
    return rule


def move_phase(
    session: Session,
    settings: Settings,
    scope: Scope,
    rule_id: int,
    *,
    starts_on: date,
    now: datetime,
    today: date,
) -> PhaseRule:
    """Let a phase that has not begun begin on another day. Raises as ``set_phase`` does."""
    rule = _find(session, settings, scope, PhaseRule, rule_id)
    if rule.starts_on <= today:
        raise PhaseProblem(Why.PAST)
    if starts_on != rule.starts_on:
        _check_start(session, rule.target, starts_on, today)
        moved = {"from": rule.starts_on.isoformat(), "to": starts_on.isoformat()}
        rule.starts_on = starts_on
        _record(session, scope, now, AuditAction.PHASE_MOVE, rule, phase=rule.phase, **moved)
    return rule


def remove_phase(
    session: Session, settings: Settings, scope: Scope, rule_id: int, *, now: datetime
) -> None:
    """What was in force before it counts again. Raises ``Forbidden``."""
    rule = _find(session, settings, scope, PhaseRule, rule_id)
    starts = _days(rule.starts_on)
    _record(session, scope, now, AuditAction.PHASE_REMOVE, rule, phase=rule.phase, **starts)
    session.delete(rule)


def add_exemption(
    session: Session,
    settings: Settings,
    scope: Scope,
    *,
    target: Target = CITY,
    login: str = "",
    who: Who = Who.ALL,
    until: date | None = None,
    reason: str,
    now: datetime,
    today: date,
) -> PhaseExemption:
    """Exempt a person, by ``login``, or the people of a target.

    Raises ``Forbidden`` and ``PhaseProblem``.
    """
    person = find_person(session, scope, login) if login else None
    if person:
        # The person's own school, so that its operators see it; it counts wherever they go.
        target, who = Target(school_code=person.school_code), Who.ALL
        _check_person(settings, scope)
    else:
        _check_target(session, settings, scope, target)
        if who is Who.ALL and not (target.class_id or target.role):
            raise PhaseProblem(Why.TOO_WIDE)
    if until is not None and until < today:
        raise PhaseProblem(Why.PAST)
    if not reason.strip():
        raise PhaseProblem(Why.NO_REASON)
    row = PhaseExemption(
        **_columns(target),
        person_id=person.person_id if person else "",
        who=who,
        until=until,
        reason=reason.strip()[:MAX_REASON_LENGTH],
        created_at=now,
        created_by=scope.actor,
    )
    session.add(row)
    session.flush()
    _record(session, scope, now, AuditAction.EXEMPTION_ADD, row, **_exemption_details(row))
    return row


def remove_exemption(
    session: Session, settings: Settings, scope: Scope, exemption_id: int, *, now: datetime
) -> None:
    """Raises ``Forbidden``."""
    row = _find(session, settings, scope, PhaseExemption, exemption_id)
    _record(session, scope, now, AuditAction.EXEMPTION_REMOVE, row, **_exemption_details(row))
    session.delete(row)


def find_target(
    session: Session, *, district: str, school_code: str, class_name: str, role: str
) -> Target:
    """Whom a form or a command means; a class is named by title or identifier.

    Raises ``PhaseProblem``.
    """
    if not class_name:
        try:
            return Target(district=district, school_code=school_code, role=role)
        except ValueError as error:
            raise PhaseProblem(Why.NO_SENSE) from error
    if district or role or not school_code:
        raise PhaseProblem(Why.NO_SENSE)
    named = or_(SchoolMembership.class_id == class_name, SchoolMembership.class_title == class_name)
    found = session.scalars(
        select(SchoolMembership.class_id)
        .where(SchoolMembership.school_code == school_code, SchoolMembership.class_id != "", named)
        .distinct()
    ).all()
    if len(found) != 1:
        raise PhaseProblem(Why.NO_CLASS)
    return Target(school_code=school_code, class_id=found[0])


def class_titles(
    session: Session, rows: Iterable[PhaseRule | PhaseExemption]
) -> dict[tuple[str, str], str]:
    """The titles of their classes, by school code and identifier."""
    wanted = {(row.school_code, row.class_id) for row in rows if row.class_id}
    titles: dict[tuple[str, str], str] = {}
    for some in chunks(sorted(wanted)):
        query = (
            select(
                SchoolMembership.school_code,
                SchoolMembership.class_id,
                func.max(SchoolMembership.class_title),
            )
            .where(tuple_(SchoolMembership.school_code, SchoolMembership.class_id).in_(some))
            .group_by(SchoolMembership.school_code, SchoolMembership.class_id)
        )
        titles |= {(code, class_id): title for code, class_id, title in session.execute(query)}
    return titles


def rules(session: Session, scope: Scope) -> Sequence[PhaseRule]:
    """Those that concern the scope: from the city down to the classes, in their order in time."""
    row = PhaseRule
    place = (row.district, row.school_code, row.class_id, row.role, row.starts_on)
    return session.scalars(select(row).where(visible(scope, row)).order_by(*place)).all()


def exemptions(session: Session, scope: Scope) -> Sequence[tuple[PhaseExemption, KnownUser | None]]:
    """Those that concern the scope, with the person of each that is for one alone: None when they
    have left, also for a school outside.
    """
    row, person = PhaseExemption, KnownUser
    query = (
        select(row, person)
        .outerjoin(person, (person.person_id == row.person_id) & scope.people())
        .where(visible(scope, row))
        .order_by(row.person_id != "", row.district, row.school_code, row.class_id, row.id)
    )
    return [(one, someone) for one, someone in session.execute(query)]


def editable(
    session: Session, settings: Settings, scope: Scope, row: PhaseRule | PhaseExemption
) -> bool:
    """Whether the operator may move or remove it."""
    if isinstance(row, PhaseExemption) and row.person_id:
        school = session.get(School, row.school_code)
        return scope.sees(school) and _may_exempt_people(settings, scope)
    return may_edit(session, settings, scope, row.target)


def _find(session: Session, settings: Settings, scope: Scope, table: type[Row], number: int) -> Row:
    row = session.get(table, number)
    if row is None or not editable(session, settings, scope, row):
        raise Forbidden("phase")
    return row


def _may_exempt_people(settings: Settings, scope: Scope) -> bool:
    return scope.role != OperatorRole.SCHOOL or settings.auth.schools_set_phases


def _check_person(settings: Settings, scope: Scope) -> None:
    if not _may_exempt_people(settings, scope):
        raise Forbidden("person")


def _check_target(session: Session, settings: Settings, scope: Scope, target: Target) -> None:
    if not may_edit(session, settings, scope, target):
        raise Forbidden("school")
    if target.district and not session.scalar(
        select(School.code).where(School.district == target.district).limit(1)
    ):
        raise PhaseProblem(Why.NO_DISTRICT)


def _check_start(session: Session, target: Target, starts_on: date, today: date) -> None:
    if starts_on < today:
        raise PhaseProblem(Why.PAST)
    same = (getattr(PhaseRule, name) == value for name, value in _columns(target).items())
    if session.scalar(select(PhaseRule.id).where(PhaseRule.starts_on == starts_on, *same)):
        raise PhaseProblem(Why.TAKEN)


def _columns(target: Target) -> dict[str, str]:
    return {
        "district": target.district,
        "school_code": target.school_code,
        "class_id": target.class_id,
        "role": target.role,
    }


def _days(starts_on: date) -> dict[str, str]:
    return {"starts_on": starts_on.isoformat()}


def _exemption_details(row: PhaseExemption) -> dict[str, Any]:
    return {
        "person_id": row.person_id,
        "who": str(row.who),
        "until": row.until.isoformat() if row.until else "",
    }


def _record(
    session: Session,
    scope: Scope,
    now: datetime,
    action: AuditAction,
    row: PhaseRule | PhaseExemption,
    **details: Any,
) -> None:
    where: dict[str, Any] = {name: value for name, value in _columns(row.target).items() if value}
    audit.record(session, action, at=now, actor=scope.actor, id=row.id, **where, **details)
