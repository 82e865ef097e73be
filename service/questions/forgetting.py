"""What questions say of people is kept for a while after they were settled, then ids and answers.

An answer goes on to count. It cannot be taken back any more: what it changed is not known.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from service.loads.clearing_questions import clear
from service.models import (
    AccountState,
    ForeignAccount,
    QuestionState,
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
    clear(session, ids, now)
    session.execute(
        update(ForeignAccount)
        .where(ForeignAccount.seen_at < before, ForeignAccount.state != AccountState.ASKED)
        .values(account="{}")
        .execution_options(synchronize_session=False)
    )
    return len(ids)
