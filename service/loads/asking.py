"""Questions that a plan raises: stored with it, and superseded by what comes after."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy.orm import Session

from provisioning.questions import Decided, Question


def decided(session: Session, school_code: str) -> Decided:
    """Return what people answered about this school, without what was undone."""
    return Decided()


def keep_questions(
    session: Session, load_id: int, school_code: str, questions: Iterable[Question], now: datetime
) -> None:
    """Store what is asked about the school now; what is not asked any more is superseded."""
