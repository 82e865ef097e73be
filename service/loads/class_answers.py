"""What an answer about a class changes of our records, and the way back.

The planning itself decides by the answer (``Decided``); kept here is what the id named before, so
that taking an answer back restores it, and the class is asked about again.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from provisioning.class_identity import class_of_question
from service.db import rows_among, upsert
from service.models import ClassKey, SchoolMembership

_KEPT = ("class_key", "title", "grade", "is_group", "answered", "in_doubt")

ClassFacts = dict[str, Any]
"""Kept with the decision: the class of the question, and what its id named before the answer."""


def answer(session: Session, school_code: str, question_key: str) -> ClassFacts:
    """Note that the question about a class is answered; return what undoing needs."""
    school_year, class_id = class_of_question(question_key)
    ids = select(ClassKey.class_id).where(
        ClassKey.school_code == school_code, ClassKey.school_year == school_year
    )
    facts: ClassFacts = {
        "school_code": school_code, "school_year": school_year, "class_id": class_id,
        "known": sorted(session.scalars(ids)),
    }  # fmt: skip
    row = session.get(ClassKey, (school_code, school_year, class_id), populate_existing=True)
    if row is None:
        return facts | {"before": None}
    before = {name: getattr(row, name) for name in _KEPT}
    # The new answer counts whatever the people said since the last one.
    row.answered = row.in_doubt = False
    session.flush()
    return facts | {"before": before, "since": row.since.isoformat()}


def undo(session: Session, facts: ClassFacts, people: Collection[str]) -> None:
    """Let the id name what it named before; the class waits until somebody answers again.

    So does each class that was new by the answer: one to which it has led some of these people.
    """
    _doubt_what_followed(session, facts, people)
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


def _doubt_what_followed(session: Session, facts: ClassFacts, people: Collection[str]) -> None:
    places = rows_among(
        session,
        select(SchoolMembership.class_id).where(
            SchoolMembership.school_code == facts["school_code"]
        ),
        SchoolMembership.person_id,
        people,
    )
    led_to = {class_key for (class_key,) in places}
    of_year = (
        ClassKey.school_code == facts["school_code"], ClassKey.school_year == facts["school_year"],
    )  # fmt: skip
    known = {facts["class_id"], *facts.get("known", ())}
    for row in session.scalars(select(ClassKey).where(*of_year)):
        if "known" in facts and row.class_id not in known and row.class_key in led_to:
            row.in_doubt = True
    session.flush()
