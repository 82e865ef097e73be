"""Transition: how far the move from passwords to ЕСИА has come (docs/facts/indicators.md B)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from sqlalchemy import Select
from sqlalchemy.orm import Session

from auth.models import Method
from auth.signin.phases import Schedule
from service.activity.figures import Activity
from service.calendar.period import Period
from service.calendar.weeks import last_week, week_of, weeks_until
from service.i18n import gettext as _
from service.models import KnownUser, PhaseRule
from service.registry.lookup import RegistrySchool, Step, StepState, milestones
from service.reports.definition import Cell, Definition, PeriodUse, Rhythm
from service.reports.listing import (
    TOTAL,
    by_district,
    code_column,
    column,
    loaded_column,
    loads_of,
    people_column,
    rolls_source,
    schools_of,
    share,
    share_column,
)
from service.reports.question import Asked, Flag, Number
from service.reports.report import (
    Chart,
    ChartKind,
    Column,
    Kind,
    Report,
    Row,
    Series,
    Source,
    Sum,
    Target,
    Value,
)
from service.reports.transition.lists import phase_columns, phase_lines, step_columns, step_lines
from service.reports.transition.people import (
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

VERSION = "transition-1"
"""Of the method, written into every report."""

WEEKS = 12
_YES, _NO = "yes", "no"


@dataclass(frozen=True, kw_only=True, slots=True)
class _Standing:
    """Everything the lines of schools and districts are made of."""

    schools: Sequence[RegistrySchool]
    people: Mapping[str, Numbers]
    """By school code; a school without open accounts is not among them."""
    sign_ins: Mapping[str, Counter[str]]
    """School code -> sign-ins of the period by method."""
    schedule: Schedule
    switch: Switch
    below: float
    """Share under which a school is told apart."""
    today: date

    def together(self, schools: Sequence[RegistrySchool]) -> Numbers | None:
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


def transition(session: Session, asked: Asked) -> Report:
    """Where the transition stands; sign-ins are those of the period."""
    rules = rules_of(session, asked.scope)
    steps = milestones(session, asked.today)
    schedule = schedule_of(asked, rules)
    switch = switch_of(schedule, asked.today)
    activity = Activity(session)
    schools = schools_of(session, asked)
    loads = loads_of(schools)
    report = Report(
        name="transition",
        title=_title(),
        definition=_definition(),
        version=VERSION,
        **asked.facts(),
        freshness=loads,
        columns=(),
        rows=(),
        totals=(),
        sources=(
            rolls_source(loads),
            Source(name=_("Sign-ins through our page"), as_of=asked.now),
            Source(name=_("Links to ЕСИА and exemptions"), as_of=asked.now),
        ),
        notes=tuple(_notes(schedule, switch, steps, asked)),
        chart=_trend(activity, asked),
    )
    if asked.by == "phases":
        return _list(report, phase_columns(), phase_lines(session, asked, rules))
    if asked.by == "steps":
        return _list(report, step_columns(), step_lines(steps, asked.today))
    period = _period(asked)
    standing = _Standing(
        schools=schools,
        people=count_by_school(session, asked, switch),
        sign_ins=activity.sign_ins_by_school(
            period.first, period.last, schools=asked.scope.codes()
        ),
        schedule=schedule,
        switch=switch,
        below=(asked.number("below") or 0) / 100,
        today=asked.today,
    )
    return _figures(report, asked, standing)


def transition_people(session: Session, asked: Asked, cell: Cell) -> Select[str]:
    """The people of one number. Raises ``KeyError`` for a line or column that counts none."""
    if asked.by not in ("school", "district"):
        raise KeyError(cell.row)
    rules: Sequence[PhaseRule] = rules_of(session, asked.scope)
    switch = switch_of(schedule_of(asked, rules), asked.today)
    people = people_of(asked, switch, cell.column)
    schools = schools_of(session, asked)
    units = {key: members for key, _cells, members in _units(asked.by, schools)}
    members = schools if cell.row == TOTAL else units[cell.row]
    return people.where(KnownUser.school_code.in_([school.code for school in members]))


def _list(report: Report, columns: tuple[Column, ...], lines: Iterator[tuple[str, Row]]) -> Report:
    """The report as a list without figures."""
    keyed = list(lines)
    return replace(
        report,
        columns=columns,
        rows=tuple(row for _key, row in keyed),
        keys=tuple(key for key, _row in keyed),
        sums=(Sum(whole=TOTAL, parts=()),),
    )


def _figures(report: Report, asked: Asked, standing: _Standing) -> Report:
    """The report with its lines of schools or districts."""
    every = [
        (key, (*cells, *_cells(standing, members)), _linked_share(standing, members))
        for key, cells, members in _units(asked.by, standing.schools)
    ]
    low = {key for key, _row, linked in every if linked is not None and linked < standing.below}
    only_below = asked.flag("only_below")
    lines = [(key, row) for key, row, _linked in every if key in low or not only_below]
    left = _unit_columns(asked.by)
    width = len(left)
    note = _(
        "With less than {percent} % of people linked: {n} of {all}.",
        percent=f"{standing.below * 100:g}", n=len(low), all=len(every),
    )  # fmt: skip
    return replace(
        report,
        columns=(*left, *_columns(asked.by, standing.switch)),
        rows=tuple((*row, _YES if key in low else _NO) for key, row in lines),
        keys=tuple(key for key, _row in lines),
        totals=(
            (
                _("Total, distinct persons"), *("",) * (width - 1),
                *_cells(standing, standing.schools), "",
            ),
        ),
        total_keys=(TOTAL,),
        notes=(*report.notes, note),
        target=Target(column="linked_share", value=1.0),
        # Lines that are left out could be computed from the total: it is no sum of the others then.
        sums=() if not only_below else (Sum(whole=TOTAL, parts=()),),
    )  # fmt: skip


def _units(
    by: str, schools: Sequence[RegistrySchool]
) -> Iterator[tuple[str, Row, Sequence[RegistrySchool]]]:
    if by == "district":
        for district, members in by_district(schools).items():
            yield district, (district, len(members)), members
        return
    for school in schools:
        name = school.short_name or school.name
        yield school.code, (school.district, school.code, name, school.last_applied_at), [school]


def _cells(standing: _Standing, schools: Sequence[RegistrySchool]) -> Row:
    """Phase and figures of these schools together."""
    phases = {standing.phase_of(school) for school in schools}
    phase, coming = phases.pop() if len(phases) == 1 else (_("various phases"), "")
    people = standing.together(schools)
    cells: list[Value] = [phase, coming]
    if people is None:
        cells += [None] * 5
    else:
        cells += [
            people["accounts"], people["exempt"], people["linked"],
            _linked_share(standing, schools), people.get("locked_out"),
        ]  # fmt: skip
    methods = sum((standing.sign_ins.get(school.code, Counter()) for school in schools), Counter())
    own = methods[Method.ESIA] + methods[Method.PASSWORD]
    return (*cells, own, methods[Method.ESIA], share(methods[Method.ESIA], own))


def _linked_share(standing: _Standing, schools: Sequence[RegistrySchool]) -> float | None:
    """Of those who are not exempt, so that 100 % can be reached."""
    people = standing.together(schools)
    return share(people["linked"], people["accounts"] - people["exempt"]) if people else None


def _unit_columns(by: str) -> list[Column]:
    district = column("district", _("District"), Kind.TEXT)
    if by == "district":
        return [district, column("schools", _("Schools"), Kind.INTEGER)]
    return [
        district, code_column(), column("school", _("Name of the organisation"), Kind.TEXT),
        loaded_column(),
    ]  # fmt: skip


def _columns(by: str, switch: Switch) -> Iterator[Column]:
    absent = _("no data")
    day = a_day(switch.day)
    yield column("phase", _("Phase in force"), Kind.TEXT)
    yield column("next_phase", _("Next phase"), Kind.TEXT)
    yield people_column(
        "accounts", _("People with an account"),
        _("Accounts that exist and are not suspended, at the main school of each person."),
        absent=absent,
    )  # fmt: skip
    yield people_column(
        "exempt", _("Exempt and not linked"),
        _("Covered by an exemption on the day of the switch; outside the share of the linked, so "
          "that 100 % can be reached."),
        absent=absent,
    )  # fmt: skip
    yield people_column(
        "linked", _("Linked to ЕСИА"), _("At least one ЕСИА identity opens the account."),
        absent=absent,
    )  # fmt: skip
    yield replace(
        share_column("linked_share", _("Linked, % of those not exempt"), ("linked", "accounts")),
        of=("linked", "accounts", "exempt"),
    )
    yield people_column(
        "locked_out",
        _("Could not sign in on {day}", day=day) if switch.day else _("Could not sign in"),
        _("Only ЕСИА would count on the day of the switch, no identity is linked and nothing "
          "exempts the person."),
        absent=_("no switch is planned") if switch.day is None else absent,
    )  # fmt: skip
    yield column(
        "sign_ins", _("Sign-ins of the period"), Kind.INTEGER,
        definition=_("With a password or through ЕСИА. Single sign-on within a session is no "
                     "method of its own and does not count."),
    )  # fmt: skip
    yield column("esia_sign_ins", _("Of these through ЕСИА"), Kind.INTEGER)
    yield share_column(
        "esia_share", _("Through ЕСИА, % of sign-ins"), ("esia_sign_ins", "sign_ins")
    )
    yield Column(
        key="below", title=_("Below the threshold"), kind=Kind.TEXT, absent=absent,
        words={_YES: _("yes"), _NO: _("no")},
    )  # fmt: skip


def _trend(activity: Activity, asked: Asked) -> Chart:
    """The share of sign-ins through ЕСИА by week, until the week of the period's last day."""
    weeks = weeks_until(week_of(_period(asked).last), WEEKS)
    found = activity.sign_ins_by_week(weeks[0].first, weeks[-1].last, schools=asked.scope.codes())
    values = []
    for week in weeks:
        methods = found.get(week.first, Counter())
        values.append(share(methods[Method.ESIA], methods[Method.ESIA] + methods[Method.PASSWORD]))
    return Chart(
        kind=ChartKind.TREND,
        title=_("Sign-ins through ЕСИА by week, % of sign-ins, by the last day of the week"),
        unit=Kind.SHARE,
        labels=tuple(f"{week.last:%d.%m.%y}" for week in weeks),
        series=(Series(name=_("Through ЕСИА, % of sign-ins"), values=tuple(values)),),
        target=1.0,
    )


def _period(asked: Asked) -> Period:
    return asked.period or last_week(asked.today)


def _notes(
    schedule: Schedule, switch: Switch, steps: Sequence[Step], asked: Asked
) -> Iterator[str]:
    city = phase_wording.phase(schedule.city_phase(asked.today))
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


def _title() -> str:
    return _("Transition to sign-in through ЕСИА")


def _definition() -> str:
    return _(
        "Links, exemptions and phases as of the cut-off; sign-ins are those of the period, by the "
        "school of the person as of then. Each person counts at the main school, so the total "
        "counts nobody twice. Steps of the plan are as typed in, not measured. Classes and roles "
        "may have phases of their own: they are in the list of phases."
    )


TRANSITION = Definition(
    name="transition",
    title=_title,
    purpose=lambda: _("How far the move from passwords to ЕСИА has come, and who would be left."),
    build=transition,
    levels={
        "district": lambda: _("by district"),
        "school": lambda: _("by school"),
        "phases": lambda: _("phases in force and to come"),
        "steps": lambda: _("steps of the plan"),
    },
    default_level="school",
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
