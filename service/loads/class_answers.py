"""What an answer about a class changes of our records, and the way back.

The planning itself decides by the answer (``Decided``); kept here is what the id named before, so
that taking an answer back restores it, and the class is asked about again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from provisioning.class_identity import class_of_question
from provisioning.questions import QuestionKind
from provisioning.taken_back import Renamed
from service.db import rows_among, upsert
from service.models import ClassKey, KnownObject, SchoolMembership, StoredDecision

_KEPT = ("class_key", "title", "grade", "is_group", "answered", "in_doubt")

ClassFacts = dict[str, Any]
"""Kept with the decision: the class of the question, and what its id named before the answer."""


_NAMES = ("name", "fullname", "shortname")
"""Of cohorts and courses, what follows the title of a class."""


def answer(
    session: Session, school_code: str, question_key: str, objects: Collection[str]
) -> ClassFacts:
    """Note that the question about a class is answered; return what undoing needs.

    ``objects``: cohorts and courses of the pupils, which the next plan may rename.
    """
    school_year, class_id = class_of_question(question_key)
    ids = select(ClassKey.class_id).where(
        ClassKey.school_code == school_code, ClassKey.school_year == school_year
    )
    facts: ClassFacts = {
        "school_code": school_code, "school_year": school_year, "class_id": class_id,
        "known": sorted(session.scalars(ids)), "names": _names(session, objects),
    }  # fmt: skip
    row = session.get(ClassKey, (school_code, school_year, class_id), populate_existing=True)
    if row is None:
        return facts | {"before": None}
    before = {name: getattr(row, name) for name in _KEPT}
    # The new answer counts whatever the people said since the last one.
    row.answered = row.in_doubt = False
    session.flush()
    return facts | {"before": before, "since": row.since.isoformat()}


def undo(session: Session, facts: ClassFacts, people: Collection[str]) -> ClassFacts:
    """Let the id name what it named before; the class waits until somebody answers again.

    So does each class that was new by the answer: one to which it has led some of these people.
    Returns the facts, with the names that cohorts and courses have now.
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
    return facts | {"names_then": _names(session, facts.get("names", {}))}


def _names(session: Session, objects: Iterable[str]) -> dict[str, dict[str, str]]:
    query = select(KnownObject.key, KnownObject.fields)
    return {
        key: {name: fields[name] for name in _NAMES if name in fields}
        for key, fields in rows_among(session, query, KnownObject.key, sorted(objects))
    }


def is_in_doubt(session: Session, facts: ClassFacts) -> bool:
    """Tell whether the class is asked about still."""
    key = facts["school_code"], facts["school_year"], facts["class_id"]
    known = session.get(ClassKey, key, populate_existing=True)
    return known is not None and known.in_doubt


def names_before(session: Session, school_code: str) -> Renamed:
    """Return the names that answers which were taken back have changed, of classes that are asked
    about still: by the id number of the cohort or course, what it was and what it became."""
    undone = select(StoredDecision.effects).where(
        StoredDecision.school_code == school_code,
        StoredDecision.kind == QuestionKind.CLASS,
        StoredDecision.undone_at.is_not(None),
    )
    found: Renamed = {}
    for effects in session.scalars(undone.order_by(StoredDecision.id)):
        facts = effects.get("class", {})
        if not facts.get("names_then") or not is_in_doubt(session, facts):
            continue
        for key, then in facts["names_then"].items():
            if then != facts["names"][key]:
                found[key] = facts["names"][key], then
    return found


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
