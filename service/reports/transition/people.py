"""Who is linked to ЕСИА, exempt, or would be locked out: the conditions, and counts by school.

People count at their main school, where phases judge them; so nobody is in two schools.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import ColumnElement, Select, and_, case, exists, func, select, true
from sqlalchemy.orm import Session

from auth.directory import Account
from auth.linking.links import is_linked
from auth.signin.phases import Phase, Rule, Schedule
from service.models import KnownUser, PhaseRule, School, SchoolMembership
from service.registry.lookup import RegistrySchool
from service.reports.question import Question
from service.reports.roll_at import ROLES
from service.signin.phases import is_exempt, is_locked_out

COLUMNS = ("accounts", "linked", "exempt", "locked_out")

Numbers = Mapping[str, int]
"""By the names of ``COLUMNS``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Switch:
    """The day on which passwords end, for the reader's part of the city."""

    day: date | None
    """None: nobody has ruled that they end."""
    planned: bool
    """It is still to come."""


def schedule_of(question: Question, rules: Sequence[PhaseRule]) -> Schedule:
    """The rules that concern the reader, with the phase of the settings below them."""
    return Schedule(
        default=Phase(question.settings.phase),
        rules=[Rule(target=r.target, phase=Phase(r.phase), starts_on=r.starts_on) for r in rules],
        zone=question.zone,
    )


def switch_of(schedule: Schedule, today: date) -> Switch:
    """The switch of the whole city when it is ruled, else the last one that is to come; today when
    passwords have ended for somebody already."""
    coming = [
        rule.starts_on
        for rule in schedule.rules
        if rule.phase is Phase.ESIA_ONLY and rule.starts_on > today
    ]
    day = schedule.city_switch(today) or max(coming, default=None)
    if day is not None:
        return Switch(day=day, planned=True)
    in_force = Phase.ESIA_ONLY in schedule.phases(today)
    return Switch(day=today if in_force else None, planned=False)


def as_anybody(school: RegistrySchool) -> Account:
    """Somebody of the school for whom no rule of a role or class counts."""
    return Account(
        person_id="", username="", email="", given_name="", family_name="",
        school_code=school.code, district=school.district,
    )  # fmt: skip


def count_by_school(session: Session, question: Question, switch: Switch) -> dict[str, Numbers]:
    """School code -> how many, in one query."""
    conditions = _conditions(question, switch)
    counts = [
        func.sum(case((condition, 1), else_=0)).label(name)
        for name, condition in conditions.items()
    ]
    rows = session.execute(
        select(KnownUser.school_code, *counts)
        .join(School, School.code == KnownUser.school_code)
        .where(*_open_accounts(question))
        .group_by(KnownUser.school_code)
    )
    return {row[0]: dict(zip(conditions, map(int, row[1:]), strict=True)) for row in rows}


def people_of(question: Question, switch: Switch, column: str) -> Select[str]:
    """The people of one column in the whole scope. Raises ``KeyError`` for another column."""
    condition = _conditions(question, switch)[column]
    return (
        select(KnownUser.person_id)
        .join(School, School.code == KnownUser.school_code)
        .where(*_open_accounts(question), condition)
    )


def _open_accounts(question: Question) -> tuple[ColumnElement[bool], ...]:
    """Accounts of the people of the scope that exist, that nobody suspended and that a school
    lists: who is in transit, or has just left school, is on no roll (docs/facts/indicators.md F4).
    """
    return (
        question.scope.schools(),
        KnownUser.moodle_id.is_not(None),
        KnownUser.suspended.is_(False),
        KnownUser.role.in_(ROLES),
        exists().where(SchoolMembership.person_id == KnownUser.person_id).correlate(KnownUser),
    )


def _conditions(question: Question, switch: Switch) -> dict[str, ColumnElement[bool]]:
    day, linked = switch.day or question.today, is_linked(KnownUser.person_id, question.now)
    conditions = {
        "accounts": true(),
        "linked": linked,
        "exempt": and_(~linked, is_exempt(day)),
    }
    if switch.day is not None:
        conditions["locked_out"] = is_locked_out(switch.day, Phase(question.settings.phase), linked)
    return conditions
