"""Which operator may see and do what. Every query about a school goes through a ``Scope``."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Select, exists, select, true
from sqlalchemy.orm import Session

from provisioning.roster import Role
from service.db import rows_among
from service.models import (
    Identity,
    KnownUser,
    Load,
    Operator,
    OperatorRole,
    School,
    SchoolMembership,
    SchoolPlan,
)
from service.problems import Problem

STAFF_ROLES = (Role.TEACHER, Role.ADMINISTRATOR)


class Forbidden(Problem):
    """The operator may not see or do this. It is answered like "not found", so that nobody learns
    whether it exists. The code is what was asked for: ``load``, ``school``, ``person``."""

    status = 404

    def __init__(self, what: str = "load") -> None:
        super().__init__(what)


@dataclass(frozen=True, kw_only=True, slots=True)
class Scope:
    """The part of the city an operator sees. The command line acts as the city."""

    actor: str
    role: OperatorRole
    items: frozenset[str] = frozenset()
    """School codes or district names, by role."""

    @classmethod
    def of(cls, operator: Operator) -> Scope:
        return cls(actor=operator.username, role=operator.role, items=frozenset(operator.scope))

    @property
    def is_city(self) -> bool:
        return self.role == OperatorRole.CITY

    def sees(self, school: School | None) -> bool:
        if self.is_city or school is None:
            return self.is_city
        is_district = self.role == OperatorRole.DISTRICT
        return (school.district if is_district else school.code) in self.items

    def schools(self) -> ColumnElement[bool]:
        """Return a condition on ``School`` for a WHERE clause."""
        if self.is_city:
            return true()
        column = School.district if self.role == OperatorRole.DISTRICT else School.code
        return column.in_(sorted(self.items))

    def codes(self) -> Select[str]:
        """Return the codes of the schools inside, as a subquery for ``column.in_(...)``."""
        return select(School.code).where(self.schools())

    def people(self) -> ColumnElement[bool]:
        """A condition on ``KnownUser``: whose login, slip, password and links are the operator's.

        The people of the schools inside, and who else is on their rolls as far as it is sure who
        they are (``SchoolMembership.confirmed``). But a row is typed by
        anybody: as long as the own school lists somebody as staff, another one that lists them as a
        pupil has no say, and none that lists the administration of a school in any role.
        """
        if self.is_city:
            return true()
        listed = select(SchoolMembership.person_id).where(
            SchoolMembership.school_code.in_(self.codes()), SchoolMembership.confirmed
        )
        as_staff = listed.where(SchoolMembership.role.in_(STAFF_ROLES))
        led_elsewhere = KnownUser.person_id.in_(
            select(SchoolMembership.person_id).where(
                SchoolMembership.role == Role.ADMINISTRATOR,
                SchoolMembership.confirmed,
                SchoolMembership.school_code.not_in(self.codes()),
            )
        )
        return (
            KnownUser.school_code.in_(self.codes())
            | (KnownUser.person_id.in_(listed) & ~staff_of_their_own_school() & ~led_elsewhere)
            | (
                (KnownUser.role == Role.TEACHER)
                & KnownUser.person_id.in_(as_staff)
                & ~led_elsewhere
            )
        )

    def of_schools(self, codes: Iterable[str]) -> Scope:
        """Return a scope of these schools; the caller has checked that they are inside."""
        return Scope(actor=self.actor, role=OperatorRole.SCHOOL, items=frozenset(codes))

    def loads(self) -> ColumnElement[bool]:
        """Return a condition on ``Load``: made by this operator, or about a school inside."""
        if self.is_city:
            return true()
        inside = select(SchoolPlan.load_id).where(SchoolPlan.school_code.in_(self.codes()))
        return (Load.created_by == self.actor) | Load.id.in_(inside)


def staff_of_their_own_school() -> ColumnElement[bool]:
    """A condition on ``KnownUser``: staff whom the school that speaks for them still lists."""
    return KnownUser.role.in_(STAFF_ROLES) & exists().where(
        SchoolMembership.person_id == KnownUser.person_id,
        SchoolMembership.school_code == KnownUser.school_code,
    ).correlate(KnownUser)


def people_inside(session: Session, scope: Scope, people: Collection[str]) -> set[str]:
    """Return those whom the operator may see: by a confirmed place at a school inside, or because
    a school inside speaks for them."""
    if scope.is_city:
        return set(people)
    codes = scope.codes()
    listed = select(SchoolMembership.person_id).where(
        SchoolMembership.school_code.in_(codes), SchoolMembership.confirmed
    )
    spoken_for = select(Identity.person_id).where(Identity.school_code.in_(codes))
    known = select(KnownUser.person_id).where(scope.people())
    # On a roll of the scope, and nobody else's: what a row claims is no right.
    mine = set()
    for (one,) in rows_among(session, spoken_for, Identity.person_id, people):
        mine.add(one)
    rest = set(people) - mine
    on_roll = {one for (one,) in rows_among(session, listed, SchoolMembership.person_id, rest)}
    for (one,) in rows_among(session, known, KnownUser.person_id, on_roll):
        mine.add(one)
    return mine


def find_school(session: Session, scope: Scope, code: str) -> School:
    """Return a school of the scope. Raises ``Forbidden`` when it is unknown or outside."""
    school = session.scalar(select(School).where(School.code == code, scope.schools()))
    if school is None:
        raise Forbidden("school")
    return school


def need_city(scope: Scope) -> None:
    """Check that the scope is the whole city. Raises ``Forbidden``."""
    if not scope.is_city:
        raise Forbidden("page")


def command_line_scope(user: str) -> Scope:
    """Return the scope of the command line: its user already holds the database."""
    return Scope(actor=f"cli:{user}", role=OperatorRole.CITY)
