"""Coverage: who is in the roll, has an account, has signed in (docs/coverage.md)."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

from sqlalchemy.orm import Session

from service.calendar.period import Period
from service.i18n import gettext as _
from service.models import School
from service.reports.coverage.people import coverage_people
from service.reports.definition import Definition, Rhythm
from service.reports.grouping import (
    LINES,
    counts_of,
    line_key,
    role_column,
    schools_in_order,
    total_lines,
    unit_columns,
    unit_lines,
    unit_sums,
)
from service.reports.head_counts import COUNTED, Figures, Level, Question, count_people
from service.reports.question import Asked
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
    Value,
)

VERSION = "coverage-3"
"""Of the method, written into every report."""


def coverage(session: Session, asked: Asked) -> Report:
    """The coverage of the schools in the scope; the number of queries does not depend on theirs.

    A school without a load has one row, with absent figures. Without a period the columns about
    it are left out.
    """
    level, period = Level(asked.by), asked.period
    question = Question(
        scope=asked.scope, level=level, bounds=asked.bounds(), now=asked.now, shown=asked.shown
    )
    schools = schools_in_order(session, asked.scope)
    units, total = count_people(session, question)

    def cells_of(roles: Mapping[str, Counter[str]], role: str, known: bool) -> Row:
        return _figures(roles, role, period, known=known)

    lines = list(unit_lines(level, asked.with_rows(schools), units, cells_of))
    left = unit_columns(level)
    loads = Freshness.of([school.last_applied_at for school in schools])
    return Report(
        name="coverage",
        title=_title(),
        definition=_definition(),
        version=VERSION,
        **asked.facts(),
        freshness=loads,
        columns=(*left, *_figure_columns(period)),
        rows=tuple(row for _key, row in lines),
        keys=tuple(key for key, _row in lines),
        totals=tuple(total_lines(level, schools, total, cells_of)),
        total_keys=tuple(line_key((), role) for role in LINES),
        merged=len(left),
        sources=(
            Source(name=_("Rolls of the schools"), as_of=loads.newest),
            Source(name=_("Sign-ins through our page"), as_of=asked.now),
            Source(name=_("Own passwords and links to ЕСИА"), as_of=asked.now),
        ),
        chart=_chart(schools, units, period) if level is Level.DISTRICT else None,
        sums=unit_sums([key for key, _row in lines]),
    )


def _figure_columns(period: Period | None) -> list[Column]:
    columns = [
        role_column(),
        _people("roll", _("In the roll")),
        _people("account", _("Account created")),
        _share("account", _("Account created, % of the roll")),
        _people("ever", _("Signed in ever")),
        _share("ever", _("Signed in ever, % of the roll")),
        _people("own_password", _("Own password set")),
        _share("own_password", _("Own password set, % of the roll")),
        _people("linked", _("ЕСИА linked")),
        _share("linked", _("ЕСИА linked, % of the roll")),
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
        "own_password": _(
            "Of the people in the roll, those whose own password counts now; after a reset it "
            "does not. Passwords that Moodle keeps are not seen."
        ),
        "linked": _(
            "Of the people in the roll, those whose account is linked to an ЕСИА identity."
        ),
        "in_period": _("Of the people in the roll, those let in at least once in the period."),
        "left": _("Had signed in and are now suspended or on no roll; outside all shares."),
    }
    column = _column(key, title, Kind.INTEGER)
    return replace(column, people=True, definition=definitions[key])


def _share(of: str, title: str) -> Column:
    return replace(_column(f"{of}_share", title, Kind.SHARE), of=(of, "roll"))


def _column(key: str, title: str, kind: Kind, *, absent: str = "") -> Column:
    return Column(key=key, title=title, kind=kind, absent=absent or _("no data"))


def _figures(
    roles: Mapping[str, Counter[str]], role: str, period: Period | None, *, known: bool
) -> Row:
    """The cells right of the role. Absent when no load was ever applied: that is not zero."""
    counts = counts_of(roles, role)
    cells: list[Value] = [counts["roll"]]
    for name in COUNTED if period else COUNTED[:-1]:
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
    purpose=lambda: _("Who is on the roll, has an account, has signed in, is linked to ЕСИА."),
    build=coverage,
    levels={
        Level.CITY: lambda: _("in all"),
        Level.DISTRICT: lambda: _("by district"),
        Level.SCHOOL: lambda: _("by school"),
        Level.CLASS: lambda: _("by class"),
    },
    default_level=Level.SCHOOL,
    people=coverage_people,
    rhythms=frozenset({Rhythm.WEEK, Rhythm.MONTH, Rhythm.QUARTER}),
)
