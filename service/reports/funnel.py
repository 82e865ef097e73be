"""Funnel: logins issued and used, from the roll to the linked ЕСИА account
(docs/facts/indicators.md A5)."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from service.activity.bitmaps import PeopleSet
from service.activity.figures import Activity, until
from service.activity.marks import Mark, marked
from service.i18n import gettext as _
from service.models import MadeSlip, School
from service.reports.definition import Cell, Definition, PeriodUse, Rhythm
from service.reports.grouping import (
    LINES,
    counts_of,
    line_key,
    members_of,
    role_column,
    schools_in_order,
    total_lines,
    unit_columns,
    unit_lines,
    unit_sums,
)
from service.reports.head_counts import Figures, Level, Sets, people_of
from service.reports.id_sets import with_ordinals
from service.reports.listing import people_column, rolls_source, share, share_column
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
    show_moment,
)

VERSION = "funnel-2"
"""Of the method, written into every report."""

STEPS = ("account", "slip", "first_login", "own_password", "linked")
"""After the roll, in the order in which people take them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Reached:
    """Who has taken a step, wherever they are."""

    slip: PeopleSet
    first_login: PeopleSet
    own_password: PeopleSet
    linked: PeopleSet


def funnel(session: Session, asked: Asked) -> Report:
    """How far the people on the rolls of the scope have come, at the cut-off."""
    level = Level(asked.by)
    schools = schools_in_order(session, asked.scope)
    reached = _reached(session, asked)
    units, total = people_of(session, asked.scope, level, at=asked.now, shown=asked.shown)
    figures = _count(units, reached)
    lines = list(unit_lines(level, asked.with_rows(schools), figures, _cells))
    left = unit_columns(level)
    loads = Freshness.of([school.last_applied_at for school in schools])
    return Report(
        name="funnel",
        title=_title(),
        definition=_definition(),
        version=VERSION,
        **asked.facts(),
        freshness=loads,
        columns=(*left, *_columns()),
        rows=tuple(row for _key, row in lines),
        keys=tuple(key for key, _row in lines),
        totals=tuple(total_lines(level, schools, _count(total, reached), _cells)),
        total_keys=tuple(line_key((), role) for role in LINES),
        merged=len(left),
        sources=(
            rolls_source(loads),
            _slips_source(session, asked),
            Source(name=_("Sign-ins through our page"), as_of=asked.now),
            Source(name=_("Own passwords and links to ЕСИА"), as_of=asked.now),
        ),
        chart=_chart(schools, figures) if level is Level.DISTRICT else None,
        sums=unit_sums([key for key, _row in lines]),
    )


def _reached(session: Session, asked: Asked) -> _Reached:
    activity = Activity(session)
    return _Reached(
        slip=marked(session, activity, Mark.SLIP, at=asked.now),
        first_login=activity.active(None, until(asked.now)),
        own_password=marked(session, activity, Mark.OWN_PASSWORD, at=asked.now),
        linked=marked(session, activity, Mark.LINKED, at=asked.now),
    )


def _count(units: Sets, reached: _Reached) -> Figures:
    return {
        key: Counter(
            roll=len(members.roll),
            account=len(members.account),
            **{name: members.roll.count_both(getattr(reached, name)) for name in STEPS[1:]},
        )
        for key, members in units.items()
        if members.roll
    }


def funnel_people(session: Session, asked: Asked, cell: Cell) -> Select[str]:
    """The people of one line and step. Raises ``KeyError`` for one that the report lacks."""
    if cell.column not in ("roll", *STEPS):
        raise KeyError(cell.column)
    reached = _reached(session, asked)
    members = members_of(*people_of(session, asked.scope, Level(asked.by), at=asked.now), cell.row)
    if cell.column in ("roll", "account"):
        return with_ordinals(session, getattr(members, cell.column))
    return with_ordinals(session, members.roll & getattr(reached, cell.column))


def _columns() -> list[Column]:
    texts = {
        "account": (
            _("Account created"),
            _("Account created, % of the roll"),
            _("Of the people in the roll, those whose account exists in Moodle."),
        ),
        "slip": (
            _("Slip made"),
            _("Slip made, % of the roll"),
            _("Of the people in the roll, those whose slip with login and first password was "
              "shown for printing at least once."),
        ),
        "first_login": (
            _("First login"),
            _("First login, % of the roll"),
            _("Of the people in the roll, those let in at least once before the cut-off."),
        ),
        "own_password": (
            _("Own password set"),
            _("Own password set, % of the roll"),
            _("Of the people in the roll, those whose own password counts now; after a reset it "
              "does not. Passwords that Moodle keeps are not seen."),
        ),
        "linked": (
            _("ЕСИА linked"),
            _("ЕСИА linked, % of the roll"),
            _("Of the people in the roll, those whose account is linked to an ЕСИА identity."),
        ),
    }  # fmt: skip
    definition = _("People on the roll of the school by its last applied load, not suspended.")
    columns = [
        role_column(),
        people_column("roll", _("In the roll"), definition, absent=_("no data")),
    ]
    for name, (title, of_roll, counted) in texts.items():
        columns += [
            people_column(name, title, counted, absent=_("no data")),
            share_column(f"{name}_share", of_roll, (name, "roll")),
        ]
    return columns


def _cells(roles: Mapping[str, Counter[str]], role: str, known: bool) -> Row:
    counts = counts_of(roles, role)
    cells: list[Value] = [counts["roll"]]
    for name in STEPS:
        cells += [counts[name], share(counts[name], counts["roll"])]
    return tuple(cells) if known or roles else (None,) * len(cells)


def _slips_source(session: Session, asked: Asked) -> Source:
    first = session.scalar(select(func.min(MadeSlip.first_at)))
    note = ""
    if first is not None:
        note = _("known person by person from {moment}", moment=show_moment(first, asked.zone))
    return Source(name=_("Slips made"), as_of=asked.now, note=note)


def _chart(schools: Sequence[School], figures: Figures) -> Chart:
    """How much of the roll of each district has come how far; the steps that people watch."""
    sums: dict[str, Counter[str]] = defaultdict(Counter)
    for (unit, _role), counts in figures.items():
        sums[unit[0]].update(counts)
    districts = list(dict.fromkeys(school.district for school in schools))
    names = {
        "account": _("Account created"),
        "first_login": _("First login"),
        "linked": _("ЕСИА linked"),
    }
    return Chart(
        kind=ChartKind.BARS,
        title=_("Share of the roll by district"),
        unit=Kind.SHARE,
        labels=tuple(districts),
        series=tuple(
            Series(
                name=title,
                values=tuple(share(sums[one][name], sums[one]["roll"]) for one in districts),
            )
            for name, title in names.items()
        ),
    )


def _title() -> str:
    return _("Logins issued and used")


def _definition() -> str:
    return _(
        "Different people on the rolls as last loaded, without the suspended ones, and how many of "
        "them had taken each step by the cut-off; each step is counted by itself, whether or not "
        "the ones before it were taken. Each person counts once in every row and once in the "
        "total, as a teacher rather than administrator or pupil, and belongs to the school and "
        "class of today's roll."
    )


FUNNEL = Definition(
    name="funnel",
    title=_title,
    purpose=lambda: _("How many people have their login, have used it and have linked ЕСИА."),
    build=funnel,
    levels={
        Level.DISTRICT: lambda: _("by district"),
        Level.SCHOOL: lambda: _("by school"),
        Level.CLASS: lambda: _("by class"),
    },
    default_level=Level.SCHOOL,
    period=PeriodUse.NONE,
    people=funnel_people,
    rhythms=frozenset({Rhythm.MONTH}),
)
