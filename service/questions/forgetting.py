"""What questions say of people is kept for a while after they were settled, then ids and answers.

An answer goes on to count. It cannot be taken back any more: what it changed is not known.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from service.loads.asking import child_of
from service.models import (
    AccountState,
    ForeignAccount,
    QuestionState,
    StoredDecision,
    StoredQuestion,
)


def forget_old(session: Session, before: datetime, now: datetime, *, at_most: int) -> int:
    """Clear what questions that were settled before a moment say of people; return how many."""
    old = (
        select(StoredQuestion.id)
        .where(
            StoredQuestion.state != QuestionState.OPEN,
            StoredQuestion.changed_at < before,
            StoredQuestion.cleared_at.is_(None),
        )
        .order_by(StoredQuestion.id)
        .limit(at_most)
        .with_for_update(skip_locked=True)
    )
    ids = session.scalars(old).all()
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
    session.execute(
        update(ForeignAccount)
        .where(ForeignAccount.seen_at < before, ForeignAccount.state != AccountState.ASKED)
        .values(account="{}")
        .execution_options(synchronize_session=False)
    )
    return len(ids)


def _keep_children(session: Session, ids: Collection[int]) -> None:
    """Keep by what the child of a row is known again of whom somebody said who it is not.

    Else the "no" would hold for another child, too, whom the same id names one day.
    """
    decisions = select(StoredDecision).where(StoredDecision.question_id.in_(ids))
    for one in session.scalars(decisions):
        if one.refused and (child := child_of(session, one.evidence)):
            one.effects = one.effects | {"child": child}
    session.flush()
