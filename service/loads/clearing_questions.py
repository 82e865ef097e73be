"""Clears what questions and the answers to them say of people; ids and answers stay."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from service.loads.asking import child_of
from service.models import StoredDecision, StoredQuestion


def clear(session: Session, ids: Collection[int], now: datetime) -> None:
    """Keep of these questions and their answers only ids and what was answered."""
    _keep_children(session, ids)
    session.execute(
        update(StoredDecision)
        .where(StoredDecision.question_id.in_(ids))
        .values(evidence="[]", reason="", before="{}")
        .execution_options(synchronize_session=False)
    )
    session.execute(
        update(StoredQuestion)
        .where(StoredQuestion.id.in_(ids))
        .values(rows="[]", candidates="[]", evidence="[]", cleared_at=now)
        .execution_options(synchronize_session=False)
    )


def _keep_children(session: Session, ids: Collection[int]) -> None:
    """Keep by what the child of a row is known again of whom somebody said who it is not.

    Else the "no" would hold for another child, too, whom the same id names one day.
    """
    decisions = select(StoredDecision).where(StoredDecision.question_id.in_(ids))
    for one in session.scalars(decisions):
        if one.refused and (child := child_of(session, one.evidence)):
            one.effects = one.effects | {"child": child}
    session.flush()
