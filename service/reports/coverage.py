"""Coverage: who is in the roll, has an account, has signed in (docs/coverage.md)."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from provisioning.roster import Role
from service.i18n import gettext as _
from service.models import School
from service.ordering import natural
from service.reports.asked import Asked
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
from service.reports.coverage_people import coverage_people
from service.reports.definition import Definition, Rhythm
from service.reports.period import Period
from service.reports.report import (
    Chart,
    ChartKind,
    Column,
    Freshness,
    Kind,
    Report,
    Row,
    Series,
    Source,
    Sum,
    Value,
)

VERSION = "coverage-1"
"""Of the method, written into every report."""

_LINES = (ALL_ROLES, *ROLES)


def coverage(session: Session, asked: Asked) -> Report:
    """The coverage of the schools in the scope; the number of queries does not depend on theirs.

    A school without a load has one row, with absent figures. Without a period the columns about
    it are left out.
    """
    level, period = Level(asked.by), asked.period
    question = Question(scope=asked.scope, level=level, bounds=asked.bounds(), now=asked.now)
    inside = select(School).where(asked.scope.schools())
    schools = sorted(session.scalars(inside), key=_school_order)
    units, total = count_people(session, question)
    lines = list(_lines(level, schools, units, period))
    unit_columns = _unit_columns(level)
    loads = Freshness.of([school.last_applied_at for school in schools])
    return Report(
        name="coverage",
        title=_title(),
        definition=_definition(),
        version=VERSION,
        **asked.facts(),
        freshness=loads,
        columns=(*unit_columns, *_figure_columns(period)),
        rows=tuple(row for _key, row in lines),
        keys=tuple(key for key, _row in lines),
        totals=tuple(_totals(level, schools, total, period)),
        total_keys=tuple(line_key((), role) for role in _LINES),
        merged=len(unit_columns),
        sources=(
            Source(name=_("Rolls of the schools"), as_of=loads.newest),
            Source(name=_("Sign-ins through our page"), as_of=asked.now),
        ),
        chart=_chart(schools, units, period) if level is Level.DISTRICT else None,
        sums=_sums([key for key, _row in lines]),
    )


def line_key(unit: Unit, role: str) -> str:
    """Of one line: the unit's code or codes, then the role. The totals have no unit."""
    return "|".join((*unit[:2], role))


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
        _people("roll", _("In the roll")),
        _people("account", _("Account created")),
        _share("account", _("Account created, % of the roll")),
        _people("ever", _("Signed in ever")),
        _share("ever", _("Signed in ever, % of the roll")),
    ]
    if period:
        columns += [
            _people("in_period", _("Signed in {period}", period=period)),
            _share("in_period", _("Signed in {period}, % of the roll", period=period)),
        ]
    return [*columns, _people("left", _("Left, had signed in"))]


def _people(key: str, title: str) -> Column:
    """A column that counts people, with what it counts."""
    definitions = {
        "roll": _("People on the roll of the school by its last applied load, not suspended."),
        "account": _("Of the people in the roll, those whose account exists in Moodle."),
        "ever": _("Of the people in the roll, those let in at least once before the cut-off."),
        "in_period": _("Of the people in the roll, those let in at least once in the period."),
        "left": _("Had signed in and are now suspended or on no roll; outside all shares."),
    }
    column = _column(key, title, Kind.INTEGER)
    return replace(column, people=True, definition=definitions[key])


def _share(of: str, title: str) -> Column:
    return replace(_column(f"{of}_share", title, Kind.SHARE), of=(of, "roll"))


def _column(key: str, title: str, kind: Kind, *, absent: str = "") -> Column:
    return Column(key=key, title=title, kind=kind, absent=absent or _("no data"))


def _lines(
    by: Level, schools: Sequence[School], figures: Figures, period: Period | None
) -> Iterator[tuple[str, Row]]:
    """Key and cells of each line, in the order of the table."""
    units: dict[Unit, dict[str, Counter[str]]] = defaultdict(dict)
    for (unit, role), counts in figures.items():
        units[unit][role] = counts
    for unit, cells, loaded in _units(by, schools, units):
        roles = units.get(unit, {})
        # A class is pupils: lines for roles it never has would double the table.
        all_lines = by is not Level.CLASS and (loaded or roles)
        shown: Iterable[str] = _LINES if all_lines else roles or (ALL_ROLES,)
        for role in sorted(shown, key=_LINES.index):
            yield line_key(unit, role), (*cells, role, *_figures(roles, role, period, known=loaded))


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
        cells += [counts[name], _ratio(counts, name)]
    cells.append(counts["left"])
    return tuple(cells) if known or roles else (None,) * len(cells)


def _ratio(counts: Counter[str], name: str) -> float | None:
    return counts[name] / counts["roll"] if counts["roll"] else None


def _chart(schools: Sequence[School], figures: Figures, period: Period | None) -> Chart:
    """How much of the roll of each district has an account and has signed in."""
    districts = list(dict.fromkeys(school.district for school in schools))
    sums: dict[str, Counter[str]] = defaultdict(Counter)
    for (unit, _role), counts in figures.items():
        sums[unit[0]].update(counts)
    signed_in = "in_period" if period else "ever"
    names = {
        "account": _("Account created"),
        signed_in: _("Signed in {period}", period=period) if period else _("Signed in ever"),
    }
    return Chart(
        kind=ChartKind.BARS,
        title=_("Share of the roll by district"),
        unit=Kind.SHARE,
        labels=tuple(districts),
        series=tuple(
            Series(name=title, values=tuple(_ratio(sums[name], key) for name in districts))
            for key, title in names.items()
        ),
    )


def _sums(keys: Sequence[str]) -> tuple[Sum, ...]:
    """The roles of a unit add up to all of them, the units of a role to its total."""
    units: dict[str, list[str]] = defaultdict(list)
    roles: dict[str, list[str]] = defaultdict(list)
    for key in (*keys, *_LINES):
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


def _school_order(school: School) -> tuple[Any, ...]:
    name = natural(school.number or school.short_name)
    return natural(school.district), school.district, name, school.code


def _title() -> str:
    return _("Coverage of schools by accounts and sign-ins")


def _definition() -> str:
    return _(
        "People on the rolls as last loaded, without the suspended ones; each person counts once "
        "in every row and once in the total, as a teacher rather than administrator or pupil. "
        "Account created: Moodle has the account. Signed in: our sign-in page let the person in "
        "at least once; refused attempts do not count. A person belongs to the school and role of "
        "today's roll, wherever they were when they signed in. Left: suspended or on no roll now, "
        "had signed in; outside all shares."
    )


COVERAGE = Definition(
    name="coverage",
    title=_title,
    purpose=lambda: _("Who is on the roll, has an account, has signed in."),
    build=coverage,
    levels={
        Level.DISTRICT: lambda: _("by district"),
        Level.SCHOOL: lambda: _("by school"),
        Level.CLASS: lambda: _("by class"),
    },
    default_level=Level.SCHOOL,
    people=coverage_people,
    rhythms=frozenset({Rhythm.WEEK, Rhythm.MONTH, Rhythm.QUARTER}),
)
