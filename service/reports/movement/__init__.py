"""Movement: who came to schools, who went, whose account was suspended or revived."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from sqlalchemy import Select
from sqlalchemy.orm import Session

from provisioning.roster import Role
from service.activity.figures import Activity, until
from service.calendar.weeks import last_month
from service.i18n import gettext as _
from service.registry.lookup import RegistrySchool
from service.reports.activity import sums, total_groups
from service.reports.definition import Cell, Definition, PeriodUse, Rhythm
from service.reports.head_counts import ALL_ROLES
from service.reports.id_sets import with_ordinals
from service.reports.listing import (
    LEFT,
    TOTAL,
    code_column,
    column,
    listed,
    loads_of,
    people_column,
    rolls_source,
    school_columns,
    schools_of,
)
from service.reports.movement.roll_movement import KINDS, Movement, movement_between
from service.reports.question import Asked, Choice
from service.reports.report import Column, Kind, Report, Source, Value, show_moment

VERSION = "movement-1"
"""Of the method, written into every report."""

ROLE = Choice(
    name="role",
    label=lambda: _("Role"),
    choices={
        ALL_ROLES: lambda: _("all roles"),
        Role.STUDENT: lambda: _("pupils"),
        Role.TEACHER: lambda: _("teachers"),
        Role.ADMINISTRATOR: lambda: _("administrators"),
    },
    default=ALL_ROLES,
)


def movement(session: Session, asked: Asked) -> Report:
    """The movement at the schools of the scope in the period."""
    schools = schools_of(session, asked)
    found = _found(session, asked)
    groups = total_groups(schools)
    freshness = loads_of(schools)
    first = min(found.begun.values(), default=None)
    return Report(
        name="movement",
        title=_title(),
        definition=_definition(),
        version=VERSION,
        **asked.facts(),
        freshness=freshness,
        columns=_columns(asked),
        rows=tuple(
            (*line.cells(), line.key, *_figures(asked, found, [line.school]))
            for line in listed(schools)
        ),
        keys=tuple(school.code for school in schools),
        totals=tuple(
            (
                None,
                _("Total") if key == TOTAL else some[0].district,
                _("organisations: {n}", n=len(some)),
                "",
                *_figures(asked, found, some),
            )
            for key, some in groups.items()
        ),
        total_keys=tuple(groups),
        merged=LEFT,
        sources=(
            rolls_source(freshness),
            Source(
                name=_("Applied loads"),
                as_of=asked.now,
                note=_("kept from {moment}", moment=show_moment(first, asked.zone))
                if first
                else "",
            ),
        ),
        notes=_notes(asked, schools, found),
        sums=sums(groups),
    )


def _found(session: Session, asked: Asked) -> Movement:
    bounds = asked.bounds()
    if bounds is None:
        raise ValueError("movement needs a period")
    role = asked.choice(ROLE.name)
    Activity(session)
    end = max(bounds[0], min(bounds[1], until(asked.now)))
    return movement_between(session, asked, bounds[0], end, None if role == ALL_ROLES else role)


def _columns(asked: Asked) -> tuple[Column, ...]:
    texts = {
        "at_begin": (
            _("On the roll at the beginning"),
            _("On the first moment of the period, or when the comparison began."),
        ),
        "arrived": (
            _("Arrived"),
            _("On the roll at the end, on no roll of ours at the beginning."),
        ),
        "came_over": (
            _("Came from another school"),
            _("On the roll at the end; at the beginning on that of another school, not on this."),
        ),
        "left": (
            _("Left"),
            _("On the roll at the beginning, on no roll of ours at the end."),
        ),
        "went_over": (
            _("Went to another school"),
            _("On the roll at the beginning; at the end on that of another school, not on this."),
        ),
        "at_end": (
            _("On the roll at the end"),
            _("On the last moment of the period, or at the cut-off when that comes before."),
        ),
        "suspended": (
            _("Suspended"),
            _("Accounts in use at the beginning and suspended at the end."),
        ),
        "revived": (
            _("Revived"),
            _("Accounts suspended at the beginning and in use at the end."),
        ),
    }
    figures = (people_column(key, *text) for key, text in texts.items())
    return (
        *school_columns(),
        code_column(),
        # Nobody wants to see all names of a roll from here.
        *(
            each if each.key in KINDS else replace(each, people=False)
            for each in figures
            if _shown(asked, each.key)
        ),
        column("begun", _("Compared from"), Kind.MOMENT, absent=_("not loaded")),
    )


def _shown(asked: Asked, key: str) -> bool:
    """For readers outside without both ends: hidden numbers could be computed from them."""
    return key in KINDS or not asked.publish


def _figures(asked: Asked, found: Movement, schools: Sequence[RegistrySchool]) -> tuple[Value, ...]:
    codes = [school.code for school in schools if school.code in found.begun]
    moved = {kind: len(found.people(codes, kind)) for kind in KINDS}
    figures: dict[str, Value] = {
        "at_begin": sum(found.at_begin[code] for code in codes),
        "arrived": moved["arrived"],
        "came_over": moved["came_over"],
        "left": moved["left"],
        "went_over": moved["went_over"],
        "at_end": sum(found.at_end[code] for code in codes),
        "suspended": moved["suspended"],
        "revived": moved["revived"],
    }
    shown = [value if codes else None for key, value in figures.items() if _shown(asked, key)]
    return (*shown, min((found.begun[code] for code in codes), default=None))


def movement_people(session: Session, asked: Asked, cell: Cell) -> Select[str]:
    """The people behind a number. Raises ``KeyError`` for one that the report lacks."""
    schools = schools_of(session, asked)
    groups: Mapping[str, Sequence[RegistrySchool]] = {
        **{school.code: [school] for school in schools},
        **total_groups(schools),
    }
    codes = [school.code for school in groups[cell.row]]
    return with_ordinals(session, _found(session, asked).people(codes, cell.column))


def _notes(asked: Asked, schools: Sequence[RegistrySchool], found: Movement) -> tuple[str, ...]:
    bounds = asked.bounds()
    late = [
        school
        for school in schools
        if bounds and school.code in found.begun and found.begun[school.code] > bounds[0]
    ]
    if not late:
        return ()
    return (
        _(
            "Of {n} schools the rolls are compared only from a day inside or after the period: "
            "whoever was on the roll then counts as there before.",
            n=len(late),
        ),
    )


def _title() -> str:
    return _("Movement of people")


def _definition() -> str:
    return _(
        "The rolls of schools at the beginning and at the end of the period are compared, as loads "
        "were applied; what was undone in between is no movement. A load counts on the day it was "
        "applied, which may be later than the day of the order in the school. At each school, the "
        "people at the beginning, plus those who arrived or came, less those who left or went, "
        "are the people at the end; suspended people are among them while the school lists them. "
        "In a total whoever moved counts once in each column, and the people at the beginning and "
        "the end are the sum of the rolls."
    )


MOVEMENT = Definition(
    name="movement",
    title=_title,
    purpose=lambda: _("Who arrived, left, changed schools or was suspended between two dates."),
    build=movement,
    options=(ROLE,),
    period=PeriodUse.REQUIRED,
    default_period=last_month,
    people=movement_people,
    rhythms=frozenset({Rhythm.MONTH, Rhythm.QUARTER}),
)
