"""Notes on drifts that an outcome has repaired them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import or_, update
from sqlalchemy.orm import Session

from provisioning.changes import Action, Kind, Outcome, Result
from provisioning.drift import DriftKind
from service.db import chunks
from service.models import Drift, DriftState

_GONE = (DriftKind.ACCOUNT_DELETED, DriftKind.OBJECT_DELETED)


def note_repairs(
    session: Session, outcomes: Sequence[Outcome], load_id: int, now: datetime
) -> None:
    """Mark the open drifts that were repaired: those that the load was made for, and of any load
    those of accounts and objects that are made anew."""
    done = [one.change for one in outcomes if one.result == Result.DONE]
    for kind in Kind:
        changes = [change for change in done if change.kind is kind]
        made = [change.key for change in changes if change.action is Action.CREATE]
        for some in chunks(change.key for change in changes):
            anew = Drift.kind.in_(_GONE) & Drift.key.in_([key for key in some if key in made])
            session.execute(
                update(Drift)
                .where(
                    Drift.state == DriftState.OPEN,
                    Drift.subject == kind.value,
                    Drift.key.in_(some),
                    or_(Drift.load_id == load_id, anew),
                )
                .values(state=DriftState.REPAIRED, decided_at=now)
            )
