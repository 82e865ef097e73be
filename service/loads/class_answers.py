"""What an answer about a class changes of our records, and the way back.

The planning itself decides by the answer (``Decided``); kept here is what the id named before, so
that taking an answer back restores it, and the class is asked about again.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import delete
from sqlalchemy.orm import Session

from provisioning.class_identity import class_of_question
from service.db import upsert
from service.models import ClassKey

_KEPT = ("class_key", "title", "grade", "is_group", "answered", "in_doubt")

ClassFacts = dict[str, Any]
"""Kept with the decision: the class of the question, and what its id named before the answer."""


def answer(session: Session, school_code: str, question_key: str) -> ClassFacts:
    """Note that the question about a class is answered; return what undoing needs."""
    school_year, class_id = class_of_question(question_key)
    facts: ClassFacts = {
        "school_code": school_code, "school_year": school_year, "class_id": class_id,
    }  # fmt: skip
    row = session.get(ClassKey, (school_code, school_year, class_id), populate_existing=True)
    if row is None:
        return facts | {"before": None}
    before = {name: getattr(row, name) for name in _KEPT}
    # The new answer counts whatever the people said since the last one.
    row.answered = row.in_doubt = False
    session.flush()
    return facts | {"before": before, "since": row.since.isoformat()}


def undo(session: Session, facts: ClassFacts) -> None:
    """Let the id name what it named before; the class waits until somebody answers again."""
    key = {name: facts[name] for name in ("school_code", "school_year", "class_id")}
    row = session.get(ClassKey, tuple(key.values()), populate_existing=True)
    if facts["before"] is not None and row is not None:
        for name, value in facts["before"].items():
            setattr(row, name, value)
        row.answered, row.in_doubt = False, True
    elif row is not None:
        since = row.since
        session.execute(delete(ClassKey).filter_by(**key))
        session.expunge(row)
        nothing = {"class_key": "", "title": "", "grade": None, "is_group": False}
        marks = {"answered": False, "in_doubt": True, "since": since}
        upsert(session, ClassKey, [key | nothing | marks])
    session.flush()
