"""Head counts of coverage by city, district, school or class and by role, from the roll-ups."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from provisioning.roster import Role
from service.access import Scope
from service.activity.bitmaps import PeopleSet
from service.activity.figures import Activity, until
from service.activity.marks import Mark, marked
from service.activity.rolls import Members
from service.models import School
from service.reports.roll_at import classes_at, rolls_at


class Level(StrEnum):
    """What one row, with its lines per role, stands for."""

    CITY = "city"
    """Everything the reader may see, in one row."""
    DISTRICT = "district"
    SCHOOL = "school"
    CLASS = "class"


ALL_ROLES = "all"
_PRECEDENCE = (Role.TEACHER, Role.ADMINISTRATOR, Role.STUDENT)
"""Whoever has several roles at a level counts there once, as the first of these
(docs/facts/indicators.md C)."""

COUNTED = ("account", "ever", "own_password", "linked", "in_period")
"""Of the people on the roll; the last only with a period."""

WHOLE = "city"
"""Key of the one row of ``Level.CITY``."""

Unit = tuple[str, ...]
"""Key of a row: ``WHOLE``; district; school code; or school code, class id and class title."""
Figures = dict[tuple[Unit, str], Counter[str]]
"""Counts by unit and role."""
Sets = dict[tuple[Unit, str], Members]
"""People by unit and role."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """Whose figures, in which grouping, and when."""

    scope: Scope
    level: Level
    bounds: tuple[datetime, datetime] | None
    now: datetime
    shown: Scope | None = None
    """As in ``Asked``."""


def count_people(session: Session, question: Question) -> tuple[Figures, Figures]:
    """Figures of each unit, and of the whole scope under the empty unit."""
    done = who_has_done(session, question)
    units, total = people_of(
        session, question.scope, question.level, at=question.now, shown=question.shown
    )
    return _count(units, done), _count(total, done)


def who_has_done(session: Session, question: Question) -> dict[str, PeopleSet]:
    """Of all people, by the names of ``COUNTED`` but the account."""
    activity = Activity(session)
    end = until(question.now)
    done = {
        "ever": activity.active(None, end),
        "own_password": marked(session, activity, Mark.OWN_PASSWORD, at=question.now),
        "linked": marked(session, activity, Mark.LINKED, at=question.now),
    }
    if question.bounds:
        first, after = question.bounds
        done["in_period"] = activity.active(first, min(after, end))
    return done


def people_of(
    session: Session, scope: Scope, level: Level, *, at: datetime, shown: Scope | None = None
) -> tuple[Sets, Sets]:
    """The people of each unit and role at a moment, and of the whole scope under the empty unit.

    Of classes, only those of the schools in ``shown``, when it is given. The roll-ups have to be
    up to date (``service.activity.figures.Activity``).
    """
    # Nobody is twice in one school.
    units: Sets = {
        ((code,), role): members
        for code, roles in rolls_at(session, scope, at).items()
        for role, members in roles.items()
    }
    total = _once_each({((), role): several for role, several in _by_role(units).items()})
    if level is Level.CITY:
        units = {((WHOLE,), role): members for (_whole, role), members in total.items()}
    elif level is Level.DISTRICT:
        units = _once_each(_of_districts(session, scope, units))
    elif level is Level.CLASS:
        units = _by_class(session, shown or scope, at)
    return units, total


def _by_class(session: Session, scope: Scope, at: datetime) -> Sets:
    units: Sets = {}
    for code, classes in classes_at(session, scope, at).items():
        titles = {
            each.class_id: each.title for (each, _role), members in classes.items() if members.roll
        }
        for (each, role), members in classes.items():
            known = each.class_id in titles
            unit = (code, each.class_id, titles[each.class_id]) if known else (code, "", "")
            units[unit, role] = joined([units.get((unit, role), Members()), members])
    return units


def _by_role(units: Sets) -> Mapping[str, list[Members]]:
    several: dict[str, list[Members]] = defaultdict(list)
    for (_unit, role), members in units.items():
        several[role].append(members)
    return several


def _of_districts(
    session: Session, scope: Scope, units: Sets
) -> dict[tuple[Unit, str], list[Members]]:
    rows = session.execute(select(School.code, School.district).where(scope.schools()))
    districts = {row.code: row.district for row in rows}
    several: dict[tuple[Unit, str], list[Members]] = defaultdict(list)
    for ((code,), role), members in units.items():
        several[(districts[code],), role].append(members)
    return several


def _once_each(several: Mapping[tuple[Unit, str], list[Members]]) -> Sets:
    """Everybody once in each unit, under the first of the roles that they have there."""
    units = {unit for unit, _role in several}
    found: Sets = {}
    for unit in units:
        counted = PeopleSet()
        for role in _PRECEDENCE:
            together = joined(several.get((unit, role), ()))
            found[unit, role] = Members(
                roll=together.roll - counted,
                account=together.account - counted,
                left=together.left,
            )
            counted |= together.roll
    return found


def joined(several: Iterable[Members]) -> Members:
    members = list(several)
    return Members(
        roll=PeopleSet.union(one.roll for one in members),
        account=PeopleSet.union(one.account for one in members),
        left=PeopleSet.union(one.left for one in members),
    )


def _count(units: Sets, done: Mapping[str, PeopleSet]) -> Figures:
    """``done``: who has done what, by the names of ``COUNTED``."""
    figures: Figures = {}
    for key, members in units.items():
        counts = Counter(roll=len(members.roll)) if members.roll else Counter()
        if members.roll:
            counts.update(
                account=len(members.account),
                **{name: members.roll.count_both(people) for name, people in done.items()},
            )
        if left := members.left.count_both(done["ever"]):
            counts["left"] = left
        if counts:
            figures[key] = counts
    return figures
