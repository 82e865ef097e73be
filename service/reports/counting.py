"""Head counts of coverage by district, school or class and by role, straight from the tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    Select,
    Subquery,
    case,
    exists,
    func,
    literal_column,
    select,
    union_all,
)
from sqlalchemy.orm import InstrumentedAttribute, Session

from auth.models import ESIA_CLIENT, LoginEvent, Result
from provisioning.roster import Role
from service.access import Scope
from service.models import Affiliation, KnownPerson, School


class Level(StrEnum):
    """What one row, with its lines per role, stands for."""

    DISTRICT = "district"
    SCHOOL = "school"
    CLASS = "class"


ALL_ROLES = "all"
ROLES = (Role.STUDENT, Role.TEACHER, Role.ADMINISTRATOR)
_PRECEDENCE = (Role.TEACHER, Role.ADMINISTRATOR, Role.STUDENT)
"""Whoever has several roles at a level counts there once, as the first of these (INDICATORS C)."""

COUNTED = ("account", "ever", "in_period")

Unit = tuple[str, ...]
"""Key of a row: district; school code; or school code, class id and class title."""
_UNIT_COLUMNS = {
    Level.DISTRICT: ("district",),
    Level.SCHOOL: ("code",),
    Level.CLASS: ("code", "class_id", "class_title"),
}
Figures = dict[tuple[Unit, str], Counter[str]]
"""Counts by unit and role."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """Whose figures, in which grouping, and when."""

    scope: Scope
    level: Level
    bounds: tuple[datetime, datetime] | None
    now: datetime


def count_people(session: Session, question: Question) -> tuple[Figures, Figures]:
    """Figures of each unit, and of the whole scope under the empty unit. Two queries."""
    units, total = _roll_figures(session, question)
    _add_left(session, question, units, total)
    return units, total


def _roll_figures(session: Session, question: Question) -> tuple[Figures, Figures]:
    """Figures of each unit and of the whole scope, people counted once in each."""
    roll = _roll(question)
    unit = [roll.c[name] for name in _UNIT_COLUMNS[question.level]]
    nothing: list[ColumnElement[str]] = [literal_column("''").label(column.name) for column in unit]
    statement = union_all(
        _distinct_people(roll, unit, unit).add_columns(literal_column("0")),
        _distinct_people(roll, nothing, []).add_columns(literal_column("1")),
    )
    units: Figures = {}
    total: Figures = {}
    for *key, role, people, account, ever, in_period, whole in session.execute(statement):
        target, found = (total, ()) if whole else (units, tuple(key))
        target[found, _PRECEDENCE[role]] = Counter(
            roll=people, account=account, ever=ever, in_period=in_period
        )
    return units, total


def _roll(question: Question) -> CTE:
    """A line for each person on each roll, with 0 or 1 for each thing counted.

    Suspended people are outside (INDICATORS F4).
    """
    on_the_rolls = select(Affiliation.person_id).where(
        Affiliation.school_code.in_(question.scope.codes())
    )
    sign_ins = _sign_ins(on_the_rolls, question)
    return (
        select(
            School.district,
            School.code,
            Affiliation.class_id,
            Affiliation.class_title,
            Affiliation.person_id,
            _role_number(Affiliation.role).label("role"),
            _flag(KnownPerson.moodle_id.is_not(None)).label("account"),
            _flag(sign_ins.c.person_id.is_not(None)).label("ever"),
            func.coalesce(sign_ins.c.in_period, 0).label("in_period"),
        )
        .join(School, School.code == Affiliation.school_code)
        .outerjoin(KnownPerson, KnownPerson.person_id == Affiliation.person_id)
        .outerjoin(sign_ins, sign_ins.c.person_id == Affiliation.person_id)
        .where(
            question.scope.schools(),
            Affiliation.role.in_(ROLES),
            KnownPerson.suspended.is_not(True),
        )
        .cte("roll")
    )


def _sign_ins(people: Select[str], question: Question) -> Subquery:
    """Which of ``people`` were let in up to now, each once, and whether in the period.

    One pass over the events of the city, or a look at the index for the few people of a school:
    the database chooses.
    """
    begin, end = question.bounds or (question.now, question.now)
    return (
        select(
            LoginEvent.person_id,
            func.max(_flag((LoginEvent.at >= begin) & (LoginEvent.at < end))).label("in_period"),
        )
        .where(
            LoginEvent.person_id.in_(people),
            LoginEvent.result == Result.ALLOWED,
            # A system under test is no portal.
            LoginEvent.client_id.not_like(f"{ESIA_CLIENT}%"),
            LoginEvent.at <= question.now,
        )
        .group_by(LoginEvent.person_id)
        .subquery("sign_ins")
    )


def _distinct_people(
    roll: CTE, unit: Sequence[ColumnElement[str]], grouping: Sequence[ColumnElement[str]]
) -> Select[Any]:
    """Counts by unit and role, each person once in each unit."""
    person = (
        select(
            *unit,
            func.min(roll.c.role).label("role"),
            *(func.max(roll.c[name]).label(name) for name in COUNTED),
        )
        .group_by(*grouping, roll.c.person_id)
        .subquery()
    )
    by = [person.c[column.name] for column in unit] + [person.c.role]
    sums = (func.sum(person.c[name]) for name in COUNTED)
    return select(*by, func.count(), *sums).group_by(*by)


def _add_left(session: Session, question: Question, units: Figures, total: Figures) -> None:
    """Count those who signed in once and are suspended or on no roll at all now.

    Each stands at the school, class and role we last knew; a class that is no more is no row.
    """
    by = {
        Level.DISTRICT: (School.district,),
        Level.SCHOOL: (School.code,),
        Level.CLASS: (School.code, KnownPerson.class_id),
    }[question.level]
    on_a_roll = exists().where(Affiliation.person_id == KnownPerson.person_id)
    left = (
        KnownPerson.school_code.in_(question.scope.codes()),
        KnownPerson.role.in_(ROLES),
        KnownPerson.suspended.is_(True) | ~on_a_roll,
    )
    sign_ins = _sign_ins(select(KnownPerson.person_id).where(*left), question)
    role = _role_number(KnownPerson.role)
    statement = (
        select(*by, role, func.count())
        .join(School, School.code == KnownPerson.school_code)
        .join(sign_ins, sign_ins.c.person_id == KnownPerson.person_id)
        .where(*left)
        .group_by(*by, role)
    )
    classes = {unit[:2]: unit for unit, _role in units} if question.level is Level.CLASS else {}
    for *key, role_number, people in session.execute(statement):
        unit = tuple(key)
        if question.level is Level.CLASS:
            unit = classes.get(unit, (unit[0], "", ""))
        for target, found in ((units, unit), (total, ())):
            counts = target.setdefault((found, _PRECEDENCE[role_number]), Counter())
            counts["left"] += people


def _role_number(role: InstrumentedAttribute[str]) -> ColumnElement[int]:
    return case({name.value: n for n, name in enumerate(_PRECEDENCE)}, value=role)


def _flag(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return case((condition, 1), else_=0)
