"""What looks into Moodle say of people is kept for a while after it was settled."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from service.models import Adoption, AdoptionRun, AdoptionState, Drift, DriftState
from service.portal.adopt_rows import Shown


def clear_drifts(session: Session, before: datetime, now: datetime, *, at_most: int) -> int:
    """Clear what drifts that were settled or repaired before a moment say; return how many."""
    old = (
        select(Drift.id)
        .where(
            Drift.state.in_([DriftState.SETTLED, DriftState.REPAIRED]),
            func.coalesce(Drift.decided_at, Drift.seen_at) < before, Drift.cleared_at.is_(None),
        )
        .order_by(Drift.id)
        .limit(at_most)
    )  # fmt: skip
    ids = session.scalars(old).all()
    session.execute(
        update(Drift)
        .where(Drift.id.in_(ids))
        .values(ours="", theirs="", reason="", cleared_at=now)
        .execution_options(synchronize_session=False)
    )
    return len(ids)


def forget_accounts(session: Session, before: datetime, *, at_most: int) -> int:
    """Forget accounts that were not adopted by a list that was carried out before a moment; return
    how many.

    What somebody answered counts for the next look, so these stay. Their logins are noted as taken.
    """
    over = select(AdoptionRun.id).where(
        AdoptionRun.state == AdoptionState.APPLIED, AdoptionRun.approved_at < before
    )
    old = (
        select(Adoption.moodle_id)
        .where(
            Adoption.run_id.in_(over), Adoption.decided_by == "",
            Adoption.outcome.not_in([Shown.ADOPTED, Shown.AGREED]),
        )
        .order_by(Adoption.moodle_id)
        .limit(at_most)
    )  # fmt: skip
    numbers = session.scalars(old).all()
    session.execute(delete(Adoption).where(Adoption.moodle_id.in_(numbers)))
    return len(numbers)
