"""Head counts by city, district, school or class and by role, with a line for all roles: how many
people of the roll have taken which steps."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from provisioning.roster import Role
from service.access import Scope
from service.activity.bitmaps import PeopleSet
from service.activity.figures import Activity, until
from service.activity.marks import Mark, marked
from service.activity.rolls import Members
from service.i18n import gettext as _
from service.models import School
from service.ordering import natural
from service.registry.lookup import in_order
from service.reports.definition import Cell, Level
from service.reports.listing import (
    accounts_source,
    code_column,
    loaded_column,
    rolls_source,
    sign_ins_source,
)
from service.reports.question import Question
from service.reports.report import (
    Body,
    Chart,
    Column,
    Freshness,
    Row,
    Source,
    Sum,
    Value,
    bars,
    number_column,
    people_column,
    share,
    share_column,
)
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


@dataclass(frozen=True, slots=True)
class Step:
    """One step of people, with the texts of its two columns."""

    name: str
    title: str
    share_title: str
    definition: str
    people: PeopleSet | None
    """Who has taken it, wherever they are; None of the account, which the rolls tell."""


def account_step() -> Step:
    return Step(
        "account",
        _("Account created"),
        _("Account created, % of the roll"),
        _("Of the people in the roll, those whose account exists in Moodle."),
        None,
    )


def let_in_step(activity: Activity, at: datetime, name: str, title: str, share_title: str) -> Step:
    definition = _("Of the people in the roll, those let in at least once before the cut-off.")
    return Step(name, title, share_title, definition, activity.active(None, until(at)))


def own_steps(activity: Activity, at: datetime) -> tuple[Step, Step]:
    """An own password, and a link to ЕСИА."""
    return (
        Step(
            "own_password",
            _("Own password set"),
            _("Own password set, % of the roll"),
            _("Of the people in the roll, those whose own password counts now; after a reset it "
              "does not. Passwords that Moodle keeps are not seen."),
            marked(activity, Mark.OWN_PASSWORD, at=at),
        ),
        Step(
            "linked",
            _("ЕСИА linked"),
            _("ЕСИА linked, % of the roll"),
            _("Of the people in the roll, those whose account is linked to an ЕСИА identity."),
            marked(activity, Mark.LINKED, at=at),
        ),
    )  # fmt: skip


def body_by_role(
    activity: Activity,
    question: Question,
    steps: Sequence[Step],
    *,
    drawn: Sequence[str],
    left: str = "",
    sources: Sequence[Source] = (),
) -> Body:
    """The people of the roll and how many of them have taken each step, line by line.

    A school without a load has one row, with absent figures: that is not zero. ``drawn``: names of
    the steps in the chart. ``left``: with a column of who left after this step. ``sources``:
    further ones.
    """
    by, now = question.by, question.now
    schools = schools_in_order(activity.session, question.scope)
    units, total = _people_of(activity, question, shown=question.shown)
    figures = _count(units, steps, left)

    def cells(roles: Mapping[str, Counter[str]], role: str, loaded: bool) -> Row:
        """Right of the role; all roles together are their sum, as nobody is in two of them."""
        counts = sum(roles.values(), Counter()) if role == ALL_ROLES else roles.get(role, Counter())
        found: list[Value] = [counts["roll"]]
        for step in steps:
            found += [counts[step.name], share(counts[step.name], counts["roll"])]
        if left:
            found.append(counts[LEFT])
        return tuple(found) if loaded or roles else (None,) * len(found)

    lines: dict[str, Row] = {}
    for unit, leading, loaded in _units(by, question.with_rows(schools), figures):
        roles = _roles_of(figures, unit)
        # A class is pupils: lines for roles it never has would double the table.
        all_lines = by != Level.CLASS and (loaded or roles)
        shown: Iterable[str] = LINES if all_lines else roles or (ALL_ROLES,)
        for role in sorted(shown, key=LINES.index):
            lines[line_key(unit, role)] = (*leading, role, *cells(roles, role, loaded))
    whole = _roles_of(_count(total, steps, left), ())
    loads = Freshness.of([school.last_applied_at for school in schools])
    columns = _unit_columns(by)
    of_whole: Row = (_("Total"), "", "", "")
    if by in (Level.CITY, Level.DISTRICT):
        of_whole = (_("Total"), loads.schools, loads.loaded, loads.oldest)
    if by == Level.CLASS:
        of_whole += ("",)
    return Body(
        freshness=loads,
        columns=(*columns, *_columns(steps, with_left=bool(left))),
        lines=lines,
        totals={role: (*of_whole, role, *cells(whole, role, loads.loaded > 0)) for role in LINES},
        merged=len(columns),
        sources=(
            rolls_source(loads),
            accounts_source(activity.session, question, loads),
            *sources,
            sign_ins_source(now),
            Source(name=_("Own passwords and links to ЕСИА"), as_of=now),
        ),
        chart=_chart(schools, figures, [each for each in steps if each.name in drawn])
        if by == Level.DISTRICT
        else None,
        sums=_sums(lines),
    )


def _roles_of(figures: Figures, unit: Unit) -> dict[str, Counter[str]]:
    return {role: figures[unit, role] for role in LINES if (unit, role) in figures}


def _columns(steps: Sequence[Step], *, with_left: bool) -> Iterator[Column]:
    words = {
        ALL_ROLES: _("All roles"),
        Role.STUDENT: _("Pupils"),
        Role.TEACHER: _("Teachers"),
        Role.ADMINISTRATOR: _("Administrators"),
    }
    yield Column("role", _("Role"), words=words)
    yield people_column(
        "roll",
        _("In the roll"),
        _("People on the roll of the school by its last applied load, not suspended."),
    )
    for step in steps:
        yield people_column(step.name, step.title, step.definition)
        yield share_column(f"{step.name}_share", step.share_title, step.name, "roll")
    if with_left:
        yield people_column(
            LEFT,
            _("Left, had signed in"),
            _("Had signed in and are now suspended or on no roll; outside all shares."),
        )


def _unit_columns(by: str) -> list[Column]:
    """What stands left of the role: written once for the lines of a unit."""
    district = Column("district", _("District"))
    if by in (Level.CITY, Level.DISTRICT):
        return [
            district,
            number_column("schools", _("Schools")),
            number_column("schools_loaded", _("Schools loaded")),
            replace(loaded_column(), title=_("Oldest load")),
        ]
    columns = [district, code_column(), Column("school", _("School")), loaded_column()]
    if by == Level.CLASS:
        columns.append(Column("class", _("Class"), words={"": "—"}))
    return columns


def _units(
    by: str, schools: Sequence[School], figures: Figures
) -> Iterator[tuple[Unit, Row, bool]]:
    """Key, leading cells, and whether there was any load, in the order of the table."""
    if by in (Level.CITY, Level.DISTRICT):
        districts = groupby(schools, key=lambda school: school.district)
        whole = [(WHOLE, _("All districts"), iter(schools))]
        rows = whole if by == Level.CITY else ((name, name, some) for name, some in districts)
        for key, title, some in rows:
            fresh = Freshness.of([school.last_applied_at for school in some])
            yield (key,), (title, fresh.schools, fresh.loaded, fresh.oldest), fresh.loaded > 0
        return
    classes: dict[str, set[Unit]] = defaultdict(set)
    for unit, _role in figures:
        classes[unit[0]].add(unit)
    for school in schools:
        name = school.short_name or school.name
        cells: Row = (school.district, school.code, name, school.last_applied_at)
        loaded = school.last_applied_at is not None
        if by == Level.SCHOOL:
            yield (school.code,), cells, loaded
            continue
        own = classes[school.code] or {(school.code, "", "")}
        for unit in sorted(own, key=lambda unit: (natural(unit[2]), unit[1])):
            yield unit, (*cells, unit[2]), loaded


def _sums(keys: Iterable[str]) -> tuple[Sum, ...]:
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


def _chart(schools: Sequence[School], figures: Figures, steps: Sequence[Step]) -> Chart:
    """How much of the roll of each district has taken the steps that people watch."""
    sums: dict[str, Counter[str]] = defaultdict(Counter)
    for (unit, _role), counts in figures.items():
        sums[unit[0]].update(counts)
    districts = list(dict.fromkeys(school.district for school in schools))
    shares = {
        step.title: [share(sums[one][step.name], sums[one]["roll"]) for one in districts]
        for step in steps
    }
    return bars(_("Share of the roll by district"), districts, shares)


def schools_in_order(session: Session, scope: Scope) -> list[School]:
    """The schools of the scope in the order of the table."""
    return sorted(session.scalars(select(School).where(scope.schools())), key=in_order)


def _people_of(
    activity: Activity, question: Question, *, shown: Scope | None = None
) -> tuple[Sets, Sets]:
    """The people of each unit and role at the cut-off, and of the whole scope under the empty unit.

    Of classes, only those of the schools in ``shown``, when it is given.
    """
    scope, level, at = question.scope, question.by, question.now
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


def _count(units: Sets, steps: Sequence[Step], left: str) -> Figures:
    """The people on the roll, with an account and with each of the steps; where ``left`` names a
    step, also those who left after it."""
    figures: Figures = {}
    for key, members in units.items():
        counts = Counter(roll=len(members.roll), account=len(members.account))
        for step in steps:
            if step.people is not None:
                counts[step.name] = members.roll.intersection_cardinality(step.people)
                if step.name == left:
                    counts[LEFT] = members.left.intersection_cardinality(step.people)
        if counts["roll"] or counts[LEFT]:
            figures[key] = counts
    return figures


def people_behind_line(
    activity: Activity, question: Question, cell: Cell, steps: Sequence[Step], left: str = ""
) -> Select[str]:
    """The people of a number of ``body_by_role``. Raises ``KeyError`` for one that is not there."""
    unit, _bar, role = cell.row.rpartition("|")
    if role not in LINES:
        raise KeyError(cell.row)
    roles = ROLES if role == ALL_ROLES else (role,)
    keys = {line_key((unit,) if unit else (), one) for one in roles}
    units, total = _people_of(activity, question)
    members = Members.together(
        some
        for (one, its_role), some in (*units.items(), *total.items())
        if line_key(one, its_role) in keys
    )
    done = {step.name: step.people for step in steps if step.people is not None}
    if cell.column in ("roll", "account"):
        return activity.ids(getattr(members, cell.column))
    if cell.column == LEFT:
        return activity.ids(members.left & done[left])
    return activity.ids(members.roll & done[cell.column])


def line_key(unit: Unit, role: str) -> str:
    """Of one line: the unit's code or codes, then the role. The totals have no unit."""
    return "|".join((*unit[:2], role))
