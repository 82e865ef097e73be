"""Movement: who came to schools, who went, whose account was suspended or revived."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from sqlalchemy import Select
from sqlalchemy.orm import Session

from provisioning.roster import Role
from service.activity.figures import Activity
from service.calendar.weeks import last_month
from service.i18n import gettext as _
from service.reports.activity import of_loaded
from service.reports.definition import Cell, Definition, PeriodUse, Rhythm
from service.reports.head_counts import ALL_ROLES
from service.reports.listing import (
    Schools,
    code_column,
    list_body,
    loads_of,
    rolls_source,
    schools_behind,
    schools_of,
)
from service.reports.movement.roll_movement import KINDS, Movement, movement_between
from service.reports.question import Choice, Question
from service.reports.report import Body, Column, Kind, Row, Source, Value, show_moment

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


def movement(session: Session, question: Question) -> Body:
    """The movement at the schools of the scope in the period."""
    schools = schools_of(session, question)
    found = _found(Activity(session), question)
    begun = found.begun

    def cells(some: Schools, code: str) -> Row:
        codes = [school.code for school in some if school.code in begun]
        figures: dict[str, Value] = {
            "at_begin": sum(found.at_begin[code] for code in codes),
            "at_end": sum(found.at_end[code] for code in codes),
            **{kind: len(found.people(codes, kind)) for kind in KINDS},
        }
        shown = [figures[key] if codes else None for key in _shown(question)]
        return (code, *shown, min((begun[each] for each in codes), default=None))

    first = min(begun.values(), default=None)
    kept = _("kept from {moment}", moment=show_moment(first, question.zone)) if first else ""
    late = sum(
        school.code in begun and begun[school.code] > question.bounds()[0] for school in schools
    )
    note = _(
        "Of {n} schools the rolls are compared only from a day inside or after the period: "
        "whoever was on the roll then counts as there before.",
        n=late,
    )
    return list_body(
        schools, tuple(_columns(question)), cells,
        sources=(
            rolls_source(loads_of(schools)),
            Source(name=_("Applied loads"), as_of=question.now, note=kept),
        ),
        notes=(note,) if late else (),
    )  # fmt: skip


def _found(activity: Activity, question: Question) -> Movement:
    role = question.choice(ROLE.name)
    return movement_between(
        activity, question.scope, *question.bounds(), None if role == ALL_ROLES else role
    )


def _columns(question: Question) -> Iterator[Column]:
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
    yield code_column()
    for key in _shown(question):
        # Nobody wants to see all names of a roll from here.
        yield replace(of_loaded(key, *texts[key]), people=key in KINDS)
    yield Column("begun", _("Compared from"), Kind.MOMENT, absent=_("not loaded"))


def _shown(question: Question) -> tuple[str, ...]:
    """The figures in their order; for readers outside without both ends: hidden numbers could be
    computed from them."""
    if question.publish:
        return KINDS
    return ("at_begin", *KINDS[:4], "at_end", *KINDS[4:])


def movement_people(session: Session, question: Question, cell: Cell) -> Select[str]:
    """The people behind a number. Raises ``KeyError`` for one that the report lacks."""
    codes = schools_behind(schools_of(session, question), cell.row)
    activity = Activity(session)
    return activity.ids(_found(activity, question).people(codes, cell.column))


MOVEMENT = Definition(
    name="movement",
    title=lambda: _("Movement of people"),
    purpose=lambda: _("Who arrived, left, changed schools or was suspended between two dates."),
    version="movement-1",
    counted=lambda _question: _(
        "The rolls of schools at the beginning and at the end of the period are compared, as loads "
        "were applied; what was undone in between is no movement. A load counts on the day it was "
        "applied, which may be later than the day of the order in the school. At each school, the "
        "people at the beginning, plus those who arrived or came, less those who left or went, "
        "are the people at the end; suspended people are among them while the school lists them. "
        "In a total whoever moved counts once in each column, and the people at the beginning and "
        "the end are the sum of the rolls."
    ),
    build=movement,
    options=(ROLE,),
    period=PeriodUse.REQUIRED,
    default_period=last_month,
    people=movement_people,
    rhythms=frozenset({Rhythm.MONTH, Rhythm.QUARTER}),
)
