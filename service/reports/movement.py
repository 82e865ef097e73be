"""Movement: who came to schools, who went, whose account was suspended or revived.

What counts is the difference between two moments: whoever was taken off by mistake and put back has
not moved.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from provisioning.roster import Role
from service.access import Scope
from service.activity.bitmaps import PeopleSet
from service.activity.figures import MOMENT, Activity
from service.calendar.weeks import last_month
from service.i18n import gettext as _
from service.models import OperatorRole, RollAct, RollEvent
from service.reports.activity import of_loaded
from service.reports.definition import Cell, Definition, PeriodUse, Rhythm
from service.reports.grouping import ALL_ROLES
from service.reports.listing import (
    Schools,
    code_column,
    list_body,
    loads_of,
    rolls_source,
    schools_behind,
    schools_of,
)
from service.reports.question import Choice, Question
from service.reports.report import Body, Column, Kind, Row, Source, Value, show_moment
from service.reports.roll_at import rolls_at

KINDS = ("arrived", "came_over", "left", "went_over", "suspended", "revived")


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


@dataclass(frozen=True, kw_only=True, slots=True)
class Movement:
    """Between the two moments."""

    begun: Mapping[str, datetime]
    """School code -> from when on its rolls are compared."""
    at_begin: Mapping[str, int]
    """School code -> people on its roll at the beginning, or when the comparison began."""
    at_end: Mapping[str, int]
    """The same at the end."""
    moved: Mapping[tuple[str, str], PeopleSet] = field(repr=False)
    """School code and one of ``KINDS`` -> who."""

    def people(self, codes: Iterable[str], kind: str) -> PeopleSet:
        """Each once, however many of the schools they moved at. ``KeyError`` for no kind."""
        if kind not in KINDS:
            raise KeyError(kind)
        return PeopleSet.joined(self.moved.get((code, kind), PeopleSet()) for code in codes)


def _movement(activity: Activity, question: Question) -> Movement:
    """In the period at the schools of the scope, of people in the role asked for or in any;
    suspended ones are on a roll. The number of queries does not depend on the number of schools.
    """
    scope, role = question.scope, question.choice(ROLE.name)
    begin, end = question.bounds()
    # Whoever comes to a school of the scope may come from any other.
    city = replace(scope, role=OperatorRole.CITY, items=frozenset())
    before = _listed(activity, city, begin - MOMENT, role)
    after = _listed(activity, city, end - MOMENT, role)
    anywhere_before = PeopleSet.joined(before.values())
    anywhere_after = PeopleSet.joined(after.values())
    codes = set(activity.session.scalars(scope.codes()))
    moved = _accounts(activity, scope, begin, end, role)
    for code in codes:
        was, stays = before.get(code, PeopleSet()), after.get(code, PeopleSet())
        came, went = stays - was, was - stays
        moved[code, "arrived"] = came - anywhere_before
        moved[code, "came_over"] = came & anywhere_before
        moved[code, "left"] = went - anywhere_after
        moved[code, "went_over"] = went & anywhere_after
    begun = activity.session.execute(
        select(RollEvent.school_code, func.min(RollEvent.at))
        .where(RollEvent.act == RollAct.BEGUN, RollEvent.school_code.in_(scope.codes()))
        .group_by(RollEvent.school_code)
    )
    return Movement(
        begun={row[0]: row[1] for row in begun},
        at_begin={code: len(before.get(code, ())) for code in codes},
        at_end={code: len(after.get(code, ())) for code in codes},
        moved=moved,
    )


def _listed(activity: Activity, scope: Scope, at: datetime, role: str) -> dict[str, PeopleSet]:
    """School code -> whom it lists. Whoever was on the first roll was there before."""
    return {
        code: PeopleSet.joined(
            members.listed for one, members in roles.items() if role in (ALL_ROLES, one)
        )
        for code, roles in rolls_at(activity, scope, at, before_first_loads=True).items()
    }


def _accounts(
    activity: Activity, scope: Scope, begin: datetime, end: datetime, role: str
) -> dict[tuple[str, str], PeopleSet]:
    """Suspended and revived: the first and the last act of somebody, where both are the same."""
    conditions = [] if role == ALL_ROLES else [RollEvent.role == role]
    person = activity.numbered.c
    events = activity.session.execute(
        select(person.ordinal, RollEvent.act, RollEvent.school_code)
        .join(activity.numbered, person.person_id == RollEvent.person_id)
        .where(
            RollEvent.at >= begin,
            RollEvent.at < end,
            RollEvent.act.in_((RollAct.SUSPENDED, RollAct.RESTORED)),
            RollEvent.school_code.in_(scope.codes()),
            person.main.is_(None),
            *conditions,
        )
        .order_by(RollEvent.at, RollEvent.id)
    )
    acts: dict[int, list[tuple[str, str]]] = defaultdict(list)
    for ordinal, act, code in events:
        acts[ordinal].append((code, act))
    found: dict[tuple[str, str], list[int]] = defaultdict(list)
    for ordinal, several in acts.items():
        if several[0][1] == several[-1][1]:
            found[several[-1]].append(ordinal)
    return {place: PeopleSet(people) for place, people in found.items()}


def movement(session: Session, question: Question) -> Body:
    """The movement at the schools of the scope in the period."""
    schools = schools_of(session, question)
    found = _movement(Activity(session), question)
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
    return activity.ids(_movement(activity, question).people(codes, cell.column))


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
