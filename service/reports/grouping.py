"""Lines of a report by district, school or class and by role, with a line for all roles."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from provisioning.roster import Role
from service.access import Scope
from service.activity.rolls import Members
from service.i18n import gettext as _
from service.models import School
from service.ordering import natural
from service.reports.head_counts import ALL_ROLES, WHOLE, Figures, Level, Sets, Unit, joined
from service.reports.report import Column, Freshness, Kind, Row, Sum
from service.reports.roll_at import ROLES

LINES = (ALL_ROLES, *ROLES)
"""Of one unit, in their order."""

Cells = Callable[[Mapping[str, Counter[str]], str, bool], Row]
"""From the counts of a unit by role, the role of a line, and whether any load was applied, to the
cells right of the role. These are absent without any load: that is not zero."""


def line_key(unit: Unit, role: str) -> str:
    """Of one line: the unit's code or codes, then the role. The totals have no unit."""
    return "|".join((*unit[:2], role))


def members_of(units: Sets, total: Sets, key: str) -> Members:
    """The people of the line with this key, maybe nobody. Raises ``KeyError`` for no role."""
    unit, _bar, role = key.rpartition("|")
    if role not in LINES:
        raise KeyError(key)
    roles = ROLES if role == ALL_ROLES else (role,)
    keys = {line_key(tuple(unit.split("|")) if unit else (), each) for each in roles}
    return joined(
        members
        for (one, its_role), members in (*units.items(), *total.items())
        if line_key(one, its_role) in keys
    )


def unit_columns(by: Level) -> list[Column]:
    """What stands left of the role: written once for the lines of a unit."""
    loaded = _column("loaded", _("Last load"), Kind.MOMENT, absent=_("not loaded"))
    columns = [_column("district", _("District"), Kind.TEXT)]
    if by in (Level.CITY, Level.DISTRICT):
        columns += [
            _column("schools", _("Schools"), Kind.INTEGER),
            _column("schools_loaded", _("Schools loaded"), Kind.INTEGER),
            replace(loaded, title=_("Oldest load")),
        ]
    else:
        columns += [
            _column("school_code", _("School code"), Kind.TEXT),
            _column("school", _("School"), Kind.TEXT),
            loaded,
        ]
    if by is Level.CLASS:
        columns.append(replace(_column("class", _("Class"), Kind.TEXT), words={"": "—"}))
    return columns


def role_column() -> Column:
    words = {
        ALL_ROLES: _("All roles"),
        Role.STUDENT: _("Pupils"),
        Role.TEACHER: _("Teachers"),
        Role.ADMINISTRATOR: _("Administrators"),
    }
    return replace(_column("role", _("Role"), Kind.TEXT), words=words)


def counts_of(roles: Mapping[str, Counter[str]], role: str) -> Counter[str]:
    """The counts of one line; all roles together are their sum, as nobody is in two of them."""
    return sum(roles.values(), Counter()) if role == ALL_ROLES else roles.get(role, Counter())


def unit_lines(
    by: Level, schools: Sequence[School], figures: Figures, cells_of: Cells
) -> Iterator[tuple[str, Row]]:
    """Key and cells of each line, in the order of the table."""
    units: dict[Unit, dict[str, Counter[str]]] = defaultdict(dict)
    for (unit, role), counts in figures.items():
        units[unit][role] = counts
    for unit, cells, loaded in _units(by, schools, units):
        roles = units.get(unit, {})
        # A class is pupils: lines for roles it never has would double the table.
        all_lines = by is not Level.CLASS and (loaded or roles)
        shown: Iterable[str] = LINES if all_lines else roles or (ALL_ROLES,)
        for role in sorted(shown, key=LINES.index):
            yield line_key(unit, role), (*cells, role, *cells_of(roles, role, loaded))


def _units(
    by: Level, schools: Sequence[School], units: Iterable[Unit]
) -> Iterator[tuple[Unit, Row, bool]]:
    """Key, leading cells, and whether there was any load, in the order of the table."""
    if by is Level.CITY:
        fresh = Freshness.of([school.last_applied_at for school in schools])
        whole: Row = (_("All districts"), fresh.schools, fresh.loaded, fresh.oldest)
        yield (WHOLE,), whole, fresh.loaded > 0
        return
    if by is Level.DISTRICT:
        for district, members in groupby(schools, key=lambda school: school.district):
            fresh = Freshness.of([school.last_applied_at for school in members])
            cells: Row = (district, fresh.schools, fresh.loaded, fresh.oldest)
            yield (district,), cells, fresh.loaded > 0
        return
    classes: dict[str, list[Unit]] = defaultdict(list)
    for unit in units:
        classes[unit[0]].append(unit)
    for school in schools:
        name = school.short_name or school.name
        cells = (school.district, school.code, name, school.last_applied_at)
        loaded = school.last_applied_at is not None
        if by is Level.SCHOOL:
            yield (school.code,), cells, loaded
            continue
        own = classes[school.code] or [(school.code, "", "")]
        for unit in sorted(own, key=lambda unit: (natural(unit[2]), unit[1])):
            yield unit, (*cells, unit[2]), loaded


def total_lines(
    by: Level, schools: Sequence[School], figures: Figures, cells_of: Cells
) -> list[Row]:
    """The lines of the whole scope; ``figures`` has them under the empty unit."""
    fresh = Freshness.of([school.last_applied_at for school in schools])
    cells: Row = (_("Total"), "", "", "")
    if by in (Level.CITY, Level.DISTRICT):
        cells = (_("Total"), fresh.schools, fresh.loaded, fresh.oldest)
    if by is Level.CLASS:
        cells += ("",)
    roles = {role: counts for (_whole, role), counts in figures.items()}
    return [(*cells, role, *cells_of(roles, role, fresh.loaded > 0)) for role in LINES]


def unit_sums(keys: Sequence[str]) -> tuple[Sum, ...]:
    """The roles of a unit add up to all of them, the units of a role to its total."""
    units: dict[str, list[str]] = defaultdict(list)
    roles: dict[str, list[str]] = defaultdict(list)
    for key in (*keys, *LINES):
        unit, _bar, role = key.rpartition("|")
        units[unit].append(role)
        if unit:
            roles[role].append(key)
    across = (
        Sum(
            whole=f"{unit}|{ALL_ROLES}".lstrip("|"),
            parts=tuple(f"{unit}|{role}".lstrip("|") for role in found if role != ALL_ROLES),
        )
        for unit, found in units.items()
        if ALL_ROLES in found
    )
    return (*across, *(Sum(whole=role, parts=tuple(found)) for role, found in roles.items()))


def schools_in_order(session: Session, scope: Scope) -> list[School]:
    """The schools of the scope in the order of the table."""
    return sorted(session.scalars(select(School).where(scope.schools())), key=school_order)


def school_order(school: School) -> tuple[Any, ...]:
    """By district, then number, as people look for a school."""
    name = natural(school.number or school.short_name)
    return natural(school.district), school.district, name, school.code


def _column(key: str, title: str, kind: Kind, *, absent: str = "") -> Column:
    return Column(key=key, title=title, kind=kind, absent=absent or _("no data"))
