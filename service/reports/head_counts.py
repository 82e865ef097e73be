"""Head counts by city, district, school or class and by role, from the roll-ups."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Select, select

from provisioning.roster import Role
from service.access import Scope
from service.activity.bitmaps import PeopleSet
from service.activity.figures import Activity
from service.activity.rolls import Members
from service.models import School
from service.reports.definition import Cell, Level
from service.reports.question import Question
from service.reports.roll_at import ROLES, classes_at, rolls_at

ALL_ROLES = "all"
LINES = (ALL_ROLES, *ROLES)
"""Of one unit, in their order."""

_PRECEDENCE = (Role.TEACHER, Role.ADMINISTRATOR, Role.STUDENT)
"""Whoever has several roles at a level counts there once, as the first of these
(docs/facts/indicators.md C)."""

WHOLE = "city"
"""Key of the one row of ``Level.CITY``."""

LEFT = "left"
"""Name of the count of people who left, and of its column."""

Unit = tuple[str, ...]
"""Key of a row: ``WHOLE``; district; school code; or school code, class id and class title."""
Figures = dict[tuple[Unit, str], Counter[str]]
"""Counts by unit and role."""
Sets = dict[tuple[Unit, str], Members]
"""People by unit and role."""
Done = Mapping[str, PeopleSet]
"""Who has taken a step, wherever they are, by the name of the step."""


def people_of(
    activity: Activity, scope: Scope, level: str, *, at: datetime, shown: Scope | None = None
) -> tuple[Sets, Sets]:
    """The people of each unit and role at a moment, and of the whole scope under the empty unit.

    Of classes, only those of the schools in ``shown``, when it is given.
    """
    # Nobody is twice in one school.
    units: Sets = {
        ((code,), role): members
        for code, roles in rolls_at(activity, scope, at).items()
        for role, members in roles.items()
    }
    total = _once_each(units, lambda _code: ())
    if level == Level.CITY:
        units = {((WHOLE,), role): members for (_whole, role), members in total.items()}
    elif level == Level.DISTRICT:
        rows = activity.session.execute(select(School.code, School.district).where(scope.schools()))
        districts = {row.code: row.district for row in rows}
        units = _once_each(units, lambda code: (districts[code],))
    elif level == Level.CLASS:
        units = _by_class(activity, shown or scope, at)
    return units, total


def _by_class(activity: Activity, scope: Scope, at: datetime) -> Sets:
    units: Sets = {}
    for code, classes in classes_at(activity, scope, at).items():
        titles = {
            each.class_id: each.title for (each, _role), members in classes.items() if members.roll
        }
        for (each, role), members in classes.items():
            known = each.class_id in titles
            unit = (code, each.class_id, titles[each.class_id]) if known else (code, "", "")
            units[unit, role] = Members.together([units.get((unit, role), Members()), members])
    return units


def _once_each(schools: Sets, unit_of: Callable[[str], Unit]) -> Sets:
    """Everybody once in each unit, under the first of the roles that they have there."""
    several: dict[tuple[Unit, str], list[Members]] = defaultdict(list)
    for ((code,), role), members in schools.items():
        several[unit_of(code), role].append(members)
    found: Sets = {}
    for unit in {unit for unit, _role in several}:
        counted = PeopleSet()
        for role in _PRECEDENCE:
            together = Members.together(several.get((unit, role), ()))
            found[unit, role] = replace(
                together, roll=together.roll - counted, account=together.account - counted
            )
            counted |= together.roll
    return found


def count(units: Sets, done: Done, *, left: PeopleSet | None) -> Figures:
    """The people on the roll, with an account and with each step ``done``; where ``left`` is given,
    also those of it who left."""
    figures: Figures = {}
    for key, members in units.items():
        counts: Counter[str] = Counter()
        if members.roll:
            counts.update(
                roll=len(members.roll),
                account=len(members.account),
                **{
                    name: members.roll.intersection_cardinality(people)
                    for name, people in done.items()
                },
            )
        if left is not None and (gone := members.left.intersection_cardinality(left)):
            counts[LEFT] = gone
        if counts:
            figures[key] = counts
    return figures


def people_behind_line(
    activity: Activity, question: Question, cell: Cell, done: Done, *, left: PeopleSet | None
) -> Select[str]:
    """The people of one number of ``count``. Raises ``KeyError`` for one that there is not."""
    unit, _bar, role = cell.row.rpartition("|")
    if role not in LINES:
        raise KeyError(cell.row)
    roles = ROLES if role == ALL_ROLES else (role,)
    keys = {line_key((unit,) if unit else (), one) for one in roles}
    units, total = people_of(activity, question.scope, question.by, at=question.now)
    members = Members.together(
        some
        for (one, its_role), some in (*units.items(), *total.items())
        if line_key(one, its_role) in keys
    )
    if cell.column in ("roll", "account"):
        return activity.ids(getattr(members, cell.column))
    if cell.column == LEFT and left is not None:
        return activity.ids(members.left & left)
    return activity.ids(members.roll & done[cell.column])


def line_key(unit: Unit, role: str) -> str:
    """Of one line: the unit's code or codes, then the role. The totals have no unit."""
    return "|".join((*unit[:2], role))
