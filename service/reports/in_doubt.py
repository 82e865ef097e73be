"""People in doubt: rows of exports that lead to nobody yet, because a question about them waits.

They are in the school's file and in no roll, so they stand beside the figures and outside all
shares (docs/coverage.md).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from sqlalchemy import select, tuple_
from sqlalchemy.orm import Session

from provisioning.questions import QuestionKind
from service.access import Scope
from service.db import rows_among
from service.i18n import gettext as _
from service.models import QuestionState, School, SourceKey, StoredQuestion
from service.reports.definition import Level
from service.reports.grouping import ALL_ROLES, WHOLE
from service.reports.question import Question
from service.reports.report import Body, Column, Row, people_column

IN_DOUBT = "in_doubt"
_ASKED = (QuestionKind.MATCH, QuestionKind.MOVE, QuestionKind.RENUMBERED)
"""Kinds of questions for whose answer rows wait."""


def rows_in_doubt(session: Session, scope: Scope) -> Counter[str]:
    """Return by school code how many rows named in open questions lead to nobody we know.

    A row whose id we know is not among them: its human keeps place and account while it waits.
    """
    waiting = (
        select(StoredQuestion.school_code, StoredQuestion.rows)
        .join(School, School.code == StoredQuestion.school_code)
        .where(
            scope.schools(),
            StoredQuestion.state == QuestionState.OPEN,
            StoredQuestion.kind.in_(_ASKED),
        )
    )
    rows = {
        (school, row["sourced_id"])
        for school, told in session.execute(waiting)
        for row in json.loads(told)
        if row["school_code"] == school
    }
    columns = SourceKey.school_code, SourceKey.sourced_id
    known = rows_among(session, select(*columns), tuple_(*columns), sorted(rows))
    return Counter(school for school, _row in rows - {(school, row) for school, row in known})


def with_people_in_doubt(session: Session, question: Question, body: Body) -> Body:
    """Return the body of ``body_by_role`` with their number right of the roll.

    It stands in the lines of all roles: what a row in doubt is at the school nobody has accepted.
    Not by class, for the same reason.
    """
    if question.by == Level.CLASS:
        return body
    counts = _by_unit(session, question)
    at = 1 + next(i for i, column in enumerate(body.columns) if column.key == "roll")

    def widened(lines: Mapping[str, Row], *, whole: int | None = None) -> dict[str, Row]:
        found = {}
        for key, row in lines.items():
            unit, _bar, role = key.rpartition("|")
            count = counts[unit] if whole is None else whole
            # Of a school that was never loaded nothing is known, unless its first file asks.
            told = role == ALL_ROLES and (row[at - 1] is not None or count)
            found[key] = (*row[:at], count if told else None, *row[at:])
        return found

    return replace(
        body,
        columns=(*body.columns[:at], _column(), *body.columns[at:]),
        lines=widened(body.lines),
        totals=widened(body.totals, whole=counts.total()),
    )


def _by_unit(session: Session, question: Question) -> Counter[str]:
    counts = rows_in_doubt(session, question.scope)
    if question.by == Level.SCHOOL:
        return counts
    schools = select(School.code, School.district).where(question.scope.schools())
    together: Counter[str] = Counter()
    for code, district in session.execute(schools):
        together[WHOLE if question.by == Level.CITY else district] += counts[code]
    return together


def _column() -> Column:
    column = people_column(
        IN_DOUBT,
        _("Waiting for an answer"),
        _("Rows of the newest files that lead to no account yet, because an open question asks "
          "who they are; not in the roll and outside all shares. Told for all roles together."),
    )  # fmt: skip
    return replace(column, absent="—", nameless=True)
