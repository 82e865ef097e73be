"""Phases of the transition as stored: what the sign-in asks, and who would be locked out.

Who is locked out is asked of the database for many people at once, with the same rules as
``auth.signin.phases`` has for one; ``tests/service/signin/test_phases.py`` holds the two together.
"""

from __future__ import annotations

import time
from dataclasses import astuple, dataclass, fields
from datetime import date

from sqlalchemy import (
    ColumnElement,
    Select,
    Tuple,
    and_,
    case,
    exists,
    func,
    literal,
    or_,
    select,
    true,
    tuple_,
)
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from auth.directory import Account
from auth.linking.links import is_linked
from auth.signin.phases import (
    ESIA_AGE,
    PUPIL,
    STAFF,
    Exemption,
    Exemptions,
    Phase,
    Rule,
    Schedule,
    Target,
    Who,
    born_until,
    targets_of,
)
from service.application import Application
from service.models import KnownUser, PhaseExemption, PhaseRule, School

KEPT_SECONDS = 2
"""A process asks for the rules again after so long: a change is in force everywhere by then."""


@dataclass
class StoredPhases:
    """``auth.signin.phases.Phases`` over our tables: no query for most sign-ins, and never more
    than one beside that for the rules every two seconds."""

    application: Application
    _kept: tuple[float, Schedule] | None = None

    def schedule(self) -> Schedule:
        now = time.monotonic()
        if self._kept is None or now - self._kept[0] >= KEPT_SECONDS:
            with self.application.sessions() as session:
                self._kept = now, read_schedule(session, self.application)
        return self._kept[1]

    def exemptions(self, account: Account) -> Exemptions:
        linked = is_linked(literal(account.person_id))
        targets = [astuple(target) for target in targets_of(account)]
        may_be_for = or_(
            PhaseExemption.person_id == account.person_id,
            and_(PhaseExemption.person_id == "", tuple_(*_columns(PhaseExemption)).in_(targets)),
        )
        with self.application.sessions() as session:
            rows = session.execute(select(PhaseExemption, linked).where(may_be_for)).all()
        return Exemptions(
            items=[as_exemption(row) for row, _linked in rows],
            linked=any(is_linked for _row, is_linked in rows),
        )


def read_schedule(session: Session, application: Application) -> Schedule:
    """Read every rule, with the phase of the settings where none has begun."""
    rules = session.scalars(select(PhaseRule))
    return Schedule(
        default=Phase(application.settings.auth.phase),
        rules=[Rule(target=r.target, phase=Phase(r.phase), starts_on=r.starts_on) for r in rules],
        zone=application.zone,
        has_exemptions=session.scalar(select(exists(PhaseExemption.id))) or False,
    )


def as_exemption(row: PhaseExemption) -> Exemption:
    return Exemption(target=row.target, person_id=row.person_id, who=Who(row.who), until=row.until)


def is_locked_out(
    day: date, default: Phase, linked: ColumnElement[bool] | None = None
) -> ColumnElement[bool]:
    """Select a ``KnownUser``, joined with the ``School``, who could not sign in on that day as
    things stand: only ЕСИА would count, none is linked and nothing exempts the person.

    For people with an account that is open. ``default`` is ``[auth] phase``; ``linked`` is
    ``is_linked`` of another moment than now.
    """
    return and_(
        KnownUser.moodle_id.is_not(None),
        KnownUser.suspended.is_(False),
        _is_esia_only(day, default),
        ~(is_linked(KnownUser.person_id) if linked is None else linked),
        ~is_exempt(day),
    )


def locked_out(day: date, default: Phase) -> Select[KnownUser, School]:
    """Select the people of ``is_locked_out``, each with the school; the caller narrows it to a
    ``Scope`` by ``School.code``."""
    return (
        select(KnownUser, School)
        .join(School, School.code == KnownUser.school_code)
        .where(is_locked_out(day, default))
    )


def locked_out_by_school(day: date, default: Phase) -> Select[School, int]:
    """Count the people of ``is_locked_out`` in each school that has any."""
    return (
        select(School, func.count())
        .join(KnownUser, KnownUser.school_code == School.code)
        .where(is_locked_out(day, default))
        .group_by(School.code)
        .order_by(School.district, School.code)
    )


def _is_esia_only(day: date, default: Phase) -> ColumnElement[bool]:
    """Return ``Schedule.phase`` in SQL: the first target with a rule that has begun decides."""
    later = aliased(PhaseRule)
    same = (mine == its for mine, its in zip(_columns(later), _columns(PhaseRule), strict=True))
    begun_later = exists().where(
        *same, later.starts_on > PhaseRule.starts_on, later.starts_on <= day
    )
    # Without a reference to the person: the database makes each set of targets once.
    begun = select(*_columns(PhaseRule)).where(PhaseRule.starts_on <= day)
    ended = begun.where(PhaseRule.phase == Phase.ESIA_ONLY, ~begun_later)
    of_class, *others = _targets()
    return case(
        (and_(KnownUser.class_id != "", of_class.in_(begun)), of_class.in_(ended)),
        *((target.in_(begun), target.in_(ended)) for target in others),
        else_=literal(default is Phase.ESIA_ONLY),
    )


def _columns(table: type[PhaseRule | PhaseExemption]) -> list[InstrumentedAttribute[str]]:
    """Return the columns of a ``Target``, in its order."""
    return [getattr(table, field.name) for field in fields(Target)]


def _targets() -> list[Tuple]:
    """Return ``targets_of`` in SQL, for a ``KnownUser`` joined with the ``School``."""
    person, none = KnownUser, literal("")
    return [
        tuple_(none, person.school_code, person.class_id, none),
        tuple_(none, person.school_code, none, person.role),
        tuple_(none, person.school_code, none, none),
        tuple_(School.district, none, none, person.role),
        tuple_(School.district, none, none, none),
        tuple_(none, none, none, person.role),
        tuple_(none, none, none, none),
    ]


def is_exempt(day: date) -> ColumnElement[bool]:
    """Return ``Exemption.covers`` in SQL, for a ``KnownUser`` without a link, joined with the
    ``School``."""
    person = KnownUser
    in_force = or_(PhaseExemption.until.is_(None), PhaseExemption.until >= day)
    alone = select(PhaseExemption.person_id).where(PhaseExemption.person_id != "", in_force)
    born_later = and_(person.birth_date.is_not(None), person.birth_date > born_until(ESIA_AGE, day))
    whom = {
        Who.ALL: true(),
        Who.UNDER_14: and_(person.role == PUPIL, born_later),
        Who.STAFF_WITHOUT_ESIA: person.role.in_(sorted(STAFF)),
    }
    together = select(*_columns(PhaseExemption)).where(PhaseExemption.person_id == "", in_force)
    return or_(
        person.person_id.in_(alone),
        *(
            and_(
                condition,
                or_(*(one.in_(together.where(PhaseExemption.who == who)) for one in _targets())),
            )
            for who, condition in whom.items()
        ),
    )
