"""Coverage: who is in the roll, has an account, has signed in (docs/coverage.md)."""

from __future__ import annotations

from sqlalchemy import Select
from sqlalchemy.orm import Session

from service.activity.figures import Activity
from service.i18n import gettext as _
from service.reports.definition import LEVELS, Cell, Definition, Level, Rhythm
from service.reports.grouping import (
    Step,
    account_step,
    body_by_role,
    let_in_step,
    own_steps,
    people_behind_line,
)
from service.reports.in_doubt import with_people_in_doubt
from service.reports.question import Question
from service.reports.report import Body


def coverage(session: Session, question: Question) -> Body:
    """The coverage of the schools in the scope; the number of queries does not depend on theirs.

    Without a period the columns about it are left out.
    """
    activity = Activity(session)
    drawn = ("account", "in_period" if question.period else "ever")
    steps = _steps(activity, question)
    body = body_by_role(activity, question, steps, drawn=drawn, left="ever")
    return with_people_in_doubt(session, question, body)


def _steps(activity: Activity, question: Question) -> list[Step]:
    ever = _("Signed in ever"), _("Signed in ever, % of the roll")
    steps = [
        account_step(),
        let_in_step(activity, question.now, "ever", *ever),
        *own_steps(activity, question.now),
    ]
    if question.period:
        steps.append(
            Step(
                "in_period",
                _("Signed in {period}", period=question.period),
                _("Signed in {period}, % of the roll", period=question.period),
                _("Of the people in the roll, those let in at least once in the period."),
                activity.active(*question.bounds()),
            )
        )
    return steps


def coverage_people(session: Session, question: Question, cell: Cell) -> Select[str]:
    """The people of one line and column. Raises ``KeyError`` for one that the report lacks."""
    activity = Activity(session)
    return people_behind_line(activity, question, cell, _steps(activity, question), left="ever")


COVERAGE = Definition(
    name="coverage",
    title=lambda: _("Coverage of schools by accounts and sign-ins"),
    purpose=lambda: _("Who is on the roll, has an account, has signed in, is linked to ЕСИА."),
    version="coverage-4",
    counted=lambda _question: _(
        "People on the rolls as last loaded, without the suspended ones; each person counts once "
        "in every row and once in the total, as a teacher rather than administrator or pupil. "
        "Account created: Moodle has the account. Signed in: our sign-in page let the person in "
        "at least once; refused attempts do not count. A person belongs to the school and role of "
        "today's roll, wherever they were when they signed in. Left: suspended or on no roll now, "
        "had signed in; outside all shares."
    ),
    build=coverage,
    levels=LEVELS,
    default_level=Level.SCHOOL,
    people=coverage_people,
    rhythms=frozenset({Rhythm.WEEK, Rhythm.MONTH, Rhythm.QUARTER}),
)
