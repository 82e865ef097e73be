"""Funnel: logins issued and used, from the roll to the linked ЕСИА account
(docs/facts/indicators.md A5)."""

from __future__ import annotations

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from service.activity.figures import Activity
from service.activity.marks import Mark, marked
from service.i18n import gettext as _
from service.models import MadeSlip
from service.reports.definition import LEVELS, Cell, Definition, Level, PeriodUse, Rhythm
from service.reports.grouping import (
    Step,
    account_step,
    body_by_role,
    let_in_step,
    own_steps,
    people_behind_line,
)
from service.reports.question import Question
from service.reports.report import Body, Source, show_moment


def funnel(session: Session, question: Question) -> Body:
    """How far the people on the rolls of the scope have come, at the cut-off."""
    activity = Activity(session)
    first = session.scalar(select(func.min(MadeSlip.first_at)))
    known = ""
    if first is not None:
        moment = show_moment(first, question.zone)
        known = _("known person by person from {moment}", moment=moment)
    return body_by_role(
        activity,
        question,
        _steps(activity, question),
        drawn=("account", "first_login", "linked"),
        sources=[Source(name=_("Slips made"), as_of=question.now, note=known)],
    )


def _steps(activity: Activity, question: Question) -> list[Step]:
    now = question.now
    slip = Step(
        "slip",
        _("Slip made"),
        _("Slip made, % of the roll"),
        _("Of the people in the roll, those whose slip with login and first password was shown "
          "for printing at least once."),
        marked(activity, Mark.SLIP, at=now),
    )  # fmt: skip
    login = _("First login"), _("First login, % of the roll")
    first_login = let_in_step(activity, now, "first_login", *login)
    return [account_step(), slip, first_login, *own_steps(activity, now)]


def funnel_people(session: Session, question: Question, cell: Cell) -> Select[str]:
    """The people of one line and step. Raises ``KeyError`` for one that the report lacks."""
    activity = Activity(session)
    return people_behind_line(activity, question, cell, _steps(activity, question))


FUNNEL = Definition(
    name="funnel",
    title=lambda: _("Logins issued and used"),
    purpose=lambda: _("How many people have their login, have used it and have linked ЕСИА."),
    version="funnel-2",
    counted=lambda _question: _(
        "Different people on the rolls as last loaded, without the suspended ones, and how many of "
        "them had taken each step by the cut-off; each step is counted by itself, whether or not "
        "the ones before it were taken. Each person counts once in every row and once in the "
        "total, as a teacher rather than administrator or pupil, and belongs to the school and "
        "class of today's roll."
    ),
    build=funnel,
    levels={each: LEVELS[each] for each in (Level.DISTRICT, Level.SCHOOL, Level.CLASS)},
    default_level=Level.SCHOOL,
    period=PeriodUse.NONE,
    people=funnel_people,
    rhythms=frozenset({Rhythm.MONTH}),
)
