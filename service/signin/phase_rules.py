"""Use cases of operators: set, move and remove phases, add and remove exemptions.

A city operator rules everywhere, a district operator inside the district. A school operator rules
classes and roles of the school, and exempts its people, where ``[auth] schools_set_phases`` says
so. Everything is audited; the reason of an exemption, which may name people, is not repeated there.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
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
from service.problems import Problem
from service.settings import Settings

MAX_REASON_LENGTH = 500

Row = TypeVar("Row", PhaseRule, PhaseExemption)


class PhaseProblem(Problem):
    """A phase or an exemption cannot be set as asked."""

    exit_code = 2


@dataclass(frozen=True, kw_only=True)
class PhaseRules:
    """The use cases of one operator, with what all of them need.

    Each raises ``Forbidden`` for what is not the operator's to rule.
    """

    session: Session
    settings: Settings
    scope: Scope
    now: datetime
    today: date

    def set_phase(self, *, target: Target, phase: Phase, starts_on: date) -> PhaseRule:
        """Put a phase in force from a day on. Raises ``PhaseProblem``."""
        self._check_target(target)
        if phase is Phase.ESIA_ONLY and not self.settings.upstream.is_used:
            raise PhaseProblem("phase.no_upstream")
        self._check_start(target, starts_on)
        rule = PhaseRule(
            **asdict(target),
            phase=phase,
            starts_on=starts_on,
            created_at=self.now,
            created_by=self.scope.actor,
        )
        self.session.add(rule)
        try:
            self.session.flush()
        except IntegrityError as error:  # another operator was faster
            raise PhaseProblem("phase.taken") from error
        self._record(AuditAction.PHASE_SET, rule, phase=phase, starts_on=starts_on.isoformat())
        return rule

    def move_phase(self, rule_id: int, *, starts_on: date) -> None:
        """Let a phase that has not begun begin on another day. Raises ``PhaseProblem``."""
        rule = self._find(PhaseRule, rule_id)
        if rule.starts_on <= self.today:
            raise PhaseProblem("phase.past")
        if starts_on != rule.starts_on:
            self._check_start(rule.target, starts_on)
            moved = {"from": rule.starts_on.isoformat(), "to": starts_on.isoformat()}
            rule.starts_on = starts_on
            self._record(AuditAction.PHASE_MOVE, rule, phase=rule.phase, **moved)

    def remove_phase(self, rule_id: int) -> None:
        """Let the phase that was in force before this one count again."""
        rule = self._find(PhaseRule, rule_id)
        starts_on = rule.starts_on.isoformat()
        self._record(AuditAction.PHASE_REMOVE, rule, phase=rule.phase, starts_on=starts_on)
        self.session.delete(rule)

    def add_exemption(
        self,
        *,
        target: Target = CITY,
        login: str = "",
        who: Who = Who.ALL,
        until: date | None = None,
        reason: str,
    ) -> PhaseExemption:
        """Exempt a person, by ``login``, or the people of a target. Raises ``PhaseProblem``."""
        person = find_person(self.session, self.scope, login) if login else None
        if person:
            # The person's own school, so that its operators see it; it counts wherever they go.
            target, who = Target(school_code=person.school_code), Who.ALL
            if not self.may_edit:
                raise Forbidden("person")
        else:
            self._check_target(target)
            if who is Who.ALL and not (target.class_id or target.role):
                raise PhaseProblem("phase.too_wide")
        if until is not None and until < self.today:
            raise PhaseProblem("phase.past")
        if not reason.strip():
            raise PhaseProblem("phase.no_reason", n=MAX_REASON_LENGTH)
        row = PhaseExemption(
            **asdict(target),
            person_id=person.person_id if person else "",
            who=who,
            until=until,
            reason=reason.strip()[:MAX_REASON_LENGTH],
            created_at=self.now,
            created_by=self.scope.actor,
        )
        self.session.add(row)
        self.session.flush()
        self._record_exemption(AuditAction.EXEMPTION_ADD, row)
        return row

    def remove_exemption(self, exemption_id: int) -> None:
        row = self._find(PhaseExemption, exemption_id)
        self._record_exemption(AuditAction.EXEMPTION_REMOVE, row)
        self.session.delete(row)

    def may_change(self, row: PhaseRule | PhaseExemption) -> bool:
        """Tell whether the operator may move or remove this row."""
        if isinstance(row, PhaseExemption) and row.person_id:
            school = self.session.get(School, row.school_code)
            return self.scope.sees(school) and self.may_edit
        return self._may_rule(row.target)

    @property
    def may_edit(self) -> bool:
        """Tell whether there is anything for the operator to rule."""
        return self.scope.role != OperatorRole.SCHOOL or self.settings.auth.schools_set_phases

    def _may_rule(self, target: Target) -> bool:
        """Tell whether the target is the operator's to rule; an unknown school is nobody's."""
        role = self.scope.role
        if target.school_code:
            school = self.session.get(School, target.school_code)
            if school is None or not self.scope.sees(school):
                return False
            if role != OperatorRole.SCHOOL:
                return True
            return self.settings.auth.schools_set_phases and bool(target.class_id or target.role)
        if role == OperatorRole.DISTRICT:
            return target.district in self.scope.items
        return role == OperatorRole.CITY

    def _find(self, table: type[Row], number: int) -> Row:
        row = self.session.get(table, number)
        if row is None or not self.may_change(row):
            raise Forbidden("phase")
        return row

    def _check_target(self, target: Target) -> None:
        if not self._may_rule(target):
            raise Forbidden("school")
        if target.district and not self.session.scalar(
            select(School.code).where(School.district == target.district).limit(1)
        ):
            raise PhaseProblem("phase.no_district")

    def _check_start(self, target: Target, starts_on: date) -> None:
        if starts_on < self.today:
            raise PhaseProblem("phase.past")
        same = select(PhaseRule.id).filter_by(starts_on=starts_on, **asdict(target))
        if self.session.scalar(same):
            raise PhaseProblem("phase.taken")

    def _record_exemption(self, action: AuditAction, row: PhaseExemption) -> None:
        until = row.until.isoformat() if row.until else ""
        self._record(action, row, person_id=row.person_id, who=str(row.who), until=until)

    def _record(self, action: AuditAction, row: PhaseRule | PhaseExemption, **details: Any) -> None:
        where: dict[str, Any] = {name: value for name, value in asdict(row.target).items() if value}
        audit.record(
            self.session, action, at=self.now, actor=self.scope.actor, id=row.id, **where, **details
        )


def find_target(
    session: Session, *, district: str, school_code: str, class_name: str, role: str
) -> Target:
    """Return the target that a form or a command means; a class is named by title or identifier.

    Raises ``PhaseProblem``.
    """
    if not class_name:
        try:
            return Target(district=district, school_code=school_code, role=role)
        except ValueError as error:
            raise PhaseProblem("phase.no_sense") from error
    if district or role or not school_code:
        raise PhaseProblem("phase.no_sense")
    named = or_(SchoolMembership.class_id == class_name, SchoolMembership.class_title == class_name)
    found = session.scalars(
        select(SchoolMembership.class_id)
        .where(SchoolMembership.school_code == school_code, SchoolMembership.class_id != "", named)
        .distinct()
    ).all()
    if len(found) != 1:
        raise PhaseProblem("phase.no_class")
    return Target(school_code=school_code, class_id=found[0])


def class_titles(
    session: Session, rows: Iterable[PhaseRule | PhaseExemption]
) -> dict[tuple[str, str], str]:
    """Return the titles of the rows' classes, by school code and identifier."""
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
    """Return the rules that concern the scope: from the city down to the classes, then by day."""
    row = PhaseRule
    place = (row.district, row.school_code, row.class_id, row.role, row.starts_on)
    return session.scalars(select(row).where(_concerns(scope, row)).order_by(*place)).all()


def exemptions(session: Session, scope: Scope) -> Sequence[tuple[PhaseExemption, KnownUser | None]]:
    """Return the exemptions that concern the scope, each with its person if it is for one alone;
    None for one who has left, also for a school outside."""
    row, person = PhaseExemption, KnownUser
    query = (
        select(row, person)
        .outerjoin(person, (person.person_id == row.person_id) & scope.people())
        .where(_concerns(scope, row))
        .order_by(row.person_id != "", row.district, row.school_code, row.class_id, row.id)
    )
    return [(one, someone) for one, someone in session.execute(query)]


def _concerns(scope: Scope, table: type[PhaseRule | PhaseExemption]) -> ColumnElement[bool]:
    """Select the rows that are about somebody inside the scope."""
    if scope.is_city:
        return true()
    of_districts = select(School.district).where(scope.schools())
    return or_(
        and_(table.school_code == "", table.district == ""),
        table.district.in_(of_districts),
        table.school_code.in_(scope.codes()),
    )
