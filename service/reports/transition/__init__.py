"""Transition: how far the move from passwords to ЕСИА has come (docs/facts/indicators.md B)."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from sqlalchemy import Select
from sqlalchemy.orm import Session

from auth.models import Method
from auth.signin.phases import Schedule
from service.activity.figures import Activity
from service.calendar.period import Period
from service.calendar.weeks import last_week, week_of, weeks_until
from service.i18n import gettext as _
from service.models import KnownUser
from service.registry.lookup import RegistrySchool, Step, StepState, milestones
from service.reports.definition import LEVELS, Cell, Definition, Level, PeriodUse, Rhythm
from service.reports.listing import (
    TOTAL,
    Schools,
    cells_of_school,
    columns_of_school,
    loads_of,
    rolls_source,
    schools_of,
    sign_ins_source,
    units,
)
from service.reports.question import Flag, Number, Question
from service.reports.report import (
    NO_SUMS,
    Body,
    Chart,
    Column,
    Row,
    Source,
    Target,
    coded,
    number_column,
    people_column,
    share,
    share_column,
    trend,
    yes_or_no,
)
from service.reports.transition.lists import phase_columns, phase_lines, step_columns, step_lines
from service.reports.transition.people import (
    COLUMNS,
    Numbers,
    Switch,
    as_anybody,
    count_by_school,
    people_of,
    schedule_of,
    switch_of,
)
from service.signin.phase_rules import rules as rules_of
from service.words import phases as phase_wording
from service.words.values import a_day

WEEKS = 12
PHASES, STEPS = "phases", "steps"
"""Lists instead of figures."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Standing:
    """Everything the lines of schools and districts are made of."""

    schools: Schools
    people: Mapping[str, Numbers]
    """By school code; a school without open accounts is not among them."""
    sign_ins: Mapping[tuple[str, str], int]
    """School code and method -> sign-ins of the period."""
    schedule: Schedule
    switch: Switch
    below: float
    """Share under which a school is told apart."""
    today: date

    def together(self, schools: Schools) -> Numbers | None:
        """Added up; None when none of them has an open account."""
        known = [self.people[school.code] for school in schools if school.code in self.people]
        return {name: sum(one[name] for one in known) for name in known[0]} if known else None

    def phase_of(self, school: RegistrySchool) -> tuple[str, str]:
        """The phase in force for the school as a whole, and the next one with its day."""
        anybody = as_anybody(school)
        phase = self.schedule.phase(anybody, self.today)
        for day in self.schedule.starts_after(anybody, self.today):
            coming = self.schedule.phase(anybody, day)
            if coming is not phase:
                told = phase_wording.phase(coming)
                return phase_wording.phase(phase), _(
                    "{phase} from {day}", phase=told, day=a_day(day)
                )
        return phase_wording.phase(phase), "—"


def transition(session: Session, question: Question) -> Body:
    """Where the transition stands; sign-ins are those of the period."""
    rules = rules_of(session, question.scope)
    steps = milestones(session, question.today)
    schedule = schedule_of(question, rules)
    switch = switch_of(schedule, question.today)
    activity = Activity(session)
    schools = schools_of(session, question)
    loads = loads_of(schools)
    fields: dict[str, Any] = {
        "freshness": loads,
        "sources": (
            rolls_source(loads),
            sign_ins_source(question.now),
            Source(name=_("Links to ЕСИА and exemptions"), as_of=question.now),
        ),
        "notes": tuple(_notes(schedule, switch, steps, question)),
        "chart": _trend(activity, question),
    }
    if question.by == PHASES:
        lines = dict(phase_lines(session, question, rules))
        return Body(columns=phase_columns(), lines=lines, totals={}, sums=NO_SUMS, **fields)
    if question.by == STEPS:
        lines = dict(step_lines(steps, question.today))
        return Body(columns=step_columns(), lines=lines, totals={}, sums=NO_SUMS, **fields)
    period = _period(question)
    standing = _Standing(
        schools=schools,
        people=count_by_school(session, question, switch),
        sign_ins=activity.sign_ins(
            period.first, period.last, "school_code", "method", schools=question.scope.codes()
        ),
        schedule=schedule,
        switch=switch,
        below=(question.number("below") or 0) / 100,
        today=question.today,
    )
    return _figures(question, standing, fields)


def transition_people(session: Session, question: Question, cell: Cell) -> Select[str]:
    """The people of one number. Raises ``KeyError`` for a line or column that counts none."""
    if question.by in (PHASES, STEPS):
        raise KeyError(cell.row)
    rules = rules_of(session, question.scope)
    switch = switch_of(schedule_of(question, rules), question.today)
    people = people_of(question, switch, cell.column)
    schools = schools_of(session, question)
    members = {**units(question.by, schools), TOTAL: schools}[cell.row]
    return people.where(KnownUser.school_code.in_([school.code for school in members]))


def _figures(question: Question, standing: _Standing, fields: dict[str, Any]) -> Body:
    """The report with its lines of schools or districts."""
    left = _unit_columns(question.by)
    every = units(question.by, standing.schools)
    shares = {key: _linked_share(standing.together(members)) for key, members in every.items()}
    low = {key for key, linked in shares.items() if linked is not None and linked < standing.below}
    only_below = question.flag("only_below")
    note = _(
        "With less than {percent} % of people linked: {n} of {all}.",
        percent=f"{standing.below * 100:g}", n=len(low), all=len(every),
    )  # fmt: skip
    fields["notes"] += (note,)
    whole = (_("Total, distinct persons"), *("",) * (len(left) - 1))
    return Body(
        columns=(*left, *_columns(standing.switch)),
        lines={
            key: (*_leading(question.by, key, some), *_cells(standing, some), coded(key in low))
            for key, some in every.items()
            if key in low or not only_below
        },
        totals={TOTAL: (*whole, *_cells(standing, standing.schools), "")},
        target=Target(column="linked_share", value=1.0),
        # Lines that are left out could be computed from the total: it is no sum of the others then.
        sums=NO_SUMS if only_below else (),
        **fields,
    )


def _leading(by: str, key: str, schools: Schools) -> Row:
    """The cells of ``_unit_columns``."""
    if by == Level.DISTRICT:
        return key, len(schools)
    return cells_of_school(schools[0], schools[0].last_applied_at)


def _cells(standing: _Standing, schools: Schools) -> Row:
    """Phase and figures of these schools together."""
    phases = {standing.phase_of(school) for school in schools}
    phase, coming = phases.pop() if len(phases) == 1 else (_("various phases"), "")
    people = standing.together(schools) or {}
    accounts, linked, exempt, locked_out = (people.get(name) for name in COLUMNS)
    esia, password = (
        sum(standing.sign_ins.get((school.code, method), 0) for school in schools)
        for method in (Method.ESIA, Method.PASSWORD)
    )
    return (
        phase, coming, accounts, exempt, linked, _linked_share(people), locked_out,
        esia + password, esia, share(esia, esia + password),
    )  # fmt: skip


def _linked_share(people: Numbers | None) -> float | None:
    """Of those who are not exempt, so that 100 % can be reached."""
    return share(people["linked"], people["accounts"] - people["exempt"]) if people else None


def _unit_columns(by: str) -> list[Column]:
    if by == Level.DISTRICT:
        return [Column("district", _("District")), number_column("schools", _("Schools"))]
    return columns_of_school()


def _columns(switch: Switch) -> Iterator[Column]:
    day = a_day(switch.day)
    yield Column("phase", _("Phase in force"))
    yield Column("next_phase", _("Next phase"))
    yield people_column(
        "accounts", _("People with an account"),
        _("Accounts that exist and are not suspended, of people on a roll, at the main school of "
          "each person."),
    )  # fmt: skip
    yield people_column(
        "exempt", _("Exempt and not linked"),
        _("Covered by an exemption on the day of the switch; outside the share of the linked, so "
          "that 100 % can be reached."),
    )  # fmt: skip
    yield people_column(
        "linked", _("Linked to ЕСИА"), _("At least one ЕСИА identity opens the account.")
    )
    yield share_column(
        "linked_share", _("Linked, % of those not exempt"), "linked", "accounts", "exempt"
    )
    locked_out = people_column(
        "locked_out",
        _("Could not sign in on {day}", day=day) if switch.day else _("Could not sign in"),
        _("Only ЕСИА would count on the day of the switch, no identity is linked and nothing "
          "exempts the person."),
    )  # fmt: skip
    yield locked_out if switch.day else replace(locked_out, absent=_("no switch is planned"))
    yield number_column(
        "sign_ins", _("Sign-ins of the period"),
        _("With a password or through ЕСИА. Single sign-on within a session is no method of its "
          "own and does not count."),
    )  # fmt: skip
    yield number_column("esia_sign_ins", _("Of these through ЕСИА"))
    yield share_column("esia_share", _("Through ЕСИА, % of sign-ins"), "esia_sign_ins", "sign_ins")
    yield Column("below", _("Below the threshold"), words=yes_or_no())


def _trend(activity: Activity, question: Question) -> Chart:
    """The share of sign-ins through ЕСИА by week, until the week of the period's last day."""
    weeks = weeks_until(week_of(_period(question).last), WEEKS)
    days = activity.sign_ins(
        weeks[0].first, weeks[-1].last, "day", "method", schools=question.scope.codes()
    )
    found: dict[date, Counter[str]] = defaultdict(Counter)
    for (day, method), number in days.items():
        found[week_of(day).first][method] += number
    values = [
        share(methods[Method.ESIA], methods[Method.ESIA] + methods[Method.PASSWORD])
        for methods in (found[week.first] for week in weeks)
    ]
    title = _("Sign-ins through ЕСИА by week, % of sign-ins, by the last day of the week")
    ends = [f"{week.last:%d.%m.%y}" for week in weeks]
    return trend(title, ends, {_("Through ЕСИА, % of sign-ins"): values})


def _period(question: Question) -> Period:
    return question.period or last_week(question.today)


def _notes(
    schedule: Schedule, switch: Switch, steps: Sequence[Step], question: Question
) -> Iterator[str]:
    city = phase_wording.phase(schedule.city_phase(question.today))
    yield _("Phase of the whole city: {phase}.", phase=city)
    if switch.day is None:
        yield _("It is not ruled when passwords end.")
    elif switch.planned:
        yield _("Passwords end on {day}.", day=a_day(switch.day))
    else:
        yield _("Passwords have ended already, for all or for some.")
    overdue = [step for step in steps if step.state is StepState.OVERDUE]
    if overdue:
        told = "; ".join(
            f"{step.number} ({', '.join(step.responsible) or '—'})" for step in overdue
        )
        yield _("Overdue steps of the plan and who is responsible: {steps}.", steps=told)


TRANSITION = Definition(
    name="transition",
    title=lambda: _("Transition to sign-in through ЕСИА"),
    purpose=lambda: _("How far the move from passwords to ЕСИА has come, and who would be left."),
    version="transition-1",
    counted=lambda _question: _(
        "Links, exemptions and phases as of the cut-off; sign-ins are those of the period, by the "
        "school of the person as of then. Each person counts at the main school, so the total "
        "counts nobody twice. Steps of the plan are as typed in, not measured. Classes and roles "
        "may have phases of their own: they are in the list of phases."
    ),
    build=transition,
    levels={
        **{each: LEVELS[each] for each in (Level.DISTRICT, Level.SCHOOL)},
        PHASES: lambda: _("phases in force and to come"),
        STEPS: lambda: _("steps of the plan"),
    },
    default_level=Level.SCHOOL,
    options=(
        Number(
            name="below",
            label=lambda: _("Threshold, % linked"),
            default=lambda settings: settings.linked_below_percent,
            maximum=100,
            whole=False,
        ),
        Flag(name="only_below", label=lambda: _("Only those below the threshold")),
    ),
    period=PeriodUse.REQUIRED,
    default_period=last_week,
    people=transition_people,
    rhythms=frozenset({Rhythm.WEEK}),
)
