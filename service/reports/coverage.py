"""Coverage: who is in the roll, has an account, has signed in (docs/coverage.md)."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from provisioning.roster import Role
from service.access import Scope
from service.i18n import gettext as _
from service.models import School
from service.ordering import natural
from service.reports.counting import (
    ALL_ROLES,
    COUNTED,
    ROLES,
    Figures,
    Level,
    Question,
    Unit,
    count_people,
)
from service.reports.period import Period
from service.reports.report import Column, Freshness, Kind, Report, Row, Value

VERSION = "coverage-1"
"""Of the method, written into every report."""

_LINES = (ALL_ROLES, *ROLES)


def coverage(
    session: Session,
    *,
    scope: Scope,
    by: str,
    period: Period | None,
    zone: ZoneInfo,
    now: datetime,
) -> Report:
    """The coverage of the schools in ``scope``; the number of queries does not depend on theirs.

    A school without a load has one row, with absent figures. Without a ``period`` the columns about
    it are left out. Raises ``ValueError`` when ``by`` is no ``Level``.
    """
    level = Level(by)
    question = Question(
        scope=scope, level=level, bounds=period.bounds(zone) if period else None, now=now
    )
    schools = sorted(session.scalars(select(School).where(scope.schools())), key=_school_order)
    units, total = count_people(session, question)
    columns = (*_unit_columns(level), *_figure_columns(period))
    return Report(
        name="coverage",
        title=_("Coverage of schools by accounts and sign-ins"),
        definition=_definition(),
        version=VERSION,
        period=period,
        zone=zone,
        cut_off=now,
        built_at=now,
        built_by=scope.actor,
        freshness=Freshness.of([school.last_applied_at for school in schools]),
        columns=columns,
        rows=tuple(_rows(level, schools, units, period)),
        totals=tuple(_totals(level, schools, total, period)),
    )


def _unit_columns(by: Level) -> list[Column]:
    loaded = _column("loaded", _("Last load"), Kind.MOMENT, absent=_("not loaded"))
    columns = [_column("district", _("District"), Kind.TEXT)]
    if by is Level.DISTRICT:
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


def _figure_columns(period: Period | None) -> list[Column]:
    words = {
        ALL_ROLES: _("All roles"),
        Role.STUDENT: _("Pupils"),
        Role.TEACHER: _("Teachers"),
        Role.ADMINISTRATOR: _("Administrators"),
    }
    columns = [
        replace(_column("role", _("Role"), Kind.TEXT), words=words),
        _column("roll", _("In the roll"), Kind.INTEGER),
        _column("account", _("Account created"), Kind.INTEGER),
        _column("account_share", _("Account created, % of the roll"), Kind.SHARE),
        _column("ever", _("Signed in ever"), Kind.INTEGER),
        _column("ever_share", _("Signed in ever, % of the roll"), Kind.SHARE),
    ]
    if period:
        columns += [
            _column("in_period", _("Signed in {period}", period=period), Kind.INTEGER),
            _column(
                "in_period_share",
                _("Signed in {period}, % of the roll", period=period),
                Kind.SHARE,
            ),
        ]
    return [*columns, _column("left", _("Left, had signed in"), Kind.INTEGER)]


def _column(key: str, title: str, kind: Kind, *, absent: str = "") -> Column:
    return Column(key=key, title=title, kind=kind, absent=absent or _("no data"))


def _rows(
    by: Level, schools: Sequence[School], figures: Figures, period: Period | None
) -> list[Row]:
    units: dict[Unit, dict[str, Counter[str]]] = defaultdict(dict)
    for (unit, role), counts in figures.items():
        units[unit][role] = counts
    rows: list[Row] = []
    for unit, cells, loaded in _units(by, schools, units):
        roles = units.get(unit, {})
        # A class is pupils: lines for roles it never has would double the table.
        all_lines = by is not Level.CLASS and (loaded or roles)
        shown: Iterable[str] = _LINES if all_lines else roles or (ALL_ROLES,)
        rows += [
            (*cells, role, *_figures(roles, role, period, known=loaded))
            for role in sorted(shown, key=_LINES.index)
        ]
    return rows


def _units(
    by: Level, schools: Sequence[School], units: Iterable[Unit]
) -> Iterator[tuple[Unit, Row, bool]]:
    """Key, leading cells, and whether there was any load, in the order of the table."""
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


def _totals(
    by: Level, schools: Sequence[School], figures: Figures, period: Period | None
) -> list[Row]:
    fresh = Freshness.of([school.last_applied_at for school in schools])
    cells: Row = (_("Total"), "", "", "")
    if by is Level.DISTRICT:
        cells = (_("Total"), fresh.schools, fresh.loaded, fresh.oldest)
    if by is Level.CLASS:
        cells += ("",)
    roles = {role: counts for (_whole, role), counts in figures.items()}
    return [
        (*cells, role, *_figures(roles, role, period, known=fresh.loaded > 0)) for role in _LINES
    ]


def _figures(
    roles: Mapping[str, Counter[str]], role: str, period: Period | None, *, known: bool
) -> Row:
    """The cells right of the role. Absent when no load was ever applied: that is not zero."""
    counts = sum(roles.values(), Counter()) if role == ALL_ROLES else roles.get(role, Counter())
    cells: list[Value] = [counts["roll"]]
    for name in COUNTED if period else COUNTED[:2]:
        cells += [counts[name], counts[name] / counts["roll"] if counts["roll"] else None]
    cells.append(counts["left"])
    return tuple(cells) if known or roles else (None,) * len(cells)


def _school_order(school: School) -> tuple[Any, ...]:
    name = natural(school.number or school.short_name)
    return natural(school.district), school.district, name, school.code


def _definition() -> str:
    return _(
        "People on the rolls as last loaded, without the suspended ones; each person counts once "
        "in every row and once in the total, as a teacher rather than administrator or pupil. "
        "Account created: Moodle has the account. Signed in: our sign-in page let the person in "
        "at least once; refused attempts do not count. A person belongs to the school and role of "
        "today's roll, wherever they were when they signed in. Left: suspended or on no roll now, "
        "had signed in; outside all shares."
    )
