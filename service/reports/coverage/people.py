"""Who is behind a number of the coverage report: the same sets that are counted."""

from __future__ import annotations

from sqlalchemy import Select
from sqlalchemy.orm import Session

from service.reports.definition import Cell
from service.reports.grouping import members_of
from service.reports.head_counts import Level, Question, people_of, who_has_done
from service.reports.id_sets import with_ordinals
from service.reports.question import Asked


def coverage_people(session: Session, asked: Asked, cell: Cell) -> Select[str]:
    """The people of one line and column. Raises ``KeyError`` for one that the report lacks."""
    level = Level(asked.by)
    question = Question(scope=asked.scope, level=level, bounds=asked.bounds(), now=asked.now)
    done = who_has_done(session, question)
    members = members_of(*people_of(session, asked.scope, level, at=asked.now), cell.row)
    if cell.column in ("roll", "account"):
        return with_ordinals(session, getattr(members, cell.column))
    if cell.column == "left":
        return with_ordinals(session, members.left & done["ever"])
    return with_ordinals(session, members.roll & done[cell.column])
