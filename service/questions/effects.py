"""What each answer changes of our records, and the way back: kind × answer × effect.

Most answers change nothing here: they are remembered, and the next plan decides by them. What an
answer does change is written down with it, row by row, so that undoing it restores the rows.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, exists, select, update
from sqlalchemy.orm import Session

from provisioning.questions import Answer, Question, QuestionKind, RowRef
from service.db import upsert
from service.loads import class_answers, school_codes, taken_back
from service.models import (
    Identity,
    KnownUser,
    SchoolMembership,
    SourceKey,
    StoredDecision,
)
from service.questions import accounts, humans

CHANGES_WHO = frozenset({QuestionKind.MATCH, QuestionKind.SPLIT, QuestionKind.MOVE})
"""Kinds of which a yes lets a row be the candidate."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Taken:
    """An answer that is being taken."""

    session: Session
    question: Question
    source: str
    """The source system of the rows."""
    candidate: str
    refused: frozenset[str]
    decision_id: int
    now: datetime


Effects = dict[str, Any]
Effect = Callable[[Taken], Effects]


def _nothing(_taken: Taken) -> Effects:
    return {}


def _keys_to_candidate(taken: Taken) -> Effects:
    """The rows are the candidate from here on: their keys lead to that human."""
    return _point_keys(taken, dict.fromkeys(_own_rows(taken.question), taken.candidate))


def _keys_of_no_candidate(taken: Taken) -> Effects:
    """A key that leads to somebody whom the row is not leads nowhere: the next plan makes it anew.

    The human keeps account and identity; only this row speaks for somebody else now. Had the same
    been answered before and taken back, the row is again whom it was made then.
    """
    made = _made_before(taken)
    changed = []
    for row, before in _keys(taken, _own_rows(taken.question)).items():
        if before is not None and before not in taken.refused:
            continue
        after = made.get((row.school_code, row.sourced_id))
        after = after if after not in taken.refused else None
        _set_key(taken.session, taken.source, row.school_code, row.sourced_id, after)
        changed.append(_changed(taken, row, before, after))
    return {"source_keys": changed} if changed else {}


def _made_before(taken: Taken) -> dict[tuple[str, str], str]:
    """Return whom the rows became after the same answer, which was taken back since."""
    asked = taken.question
    undone = select(StoredDecision.effects).where(
        StoredDecision.school_code == asked.school_code,
        StoredDecision.kind == asked.kind,
        StoredDecision.key == asked.key,
        StoredDecision.undone_at.is_not(None),
    )
    return {
        (one["school_code"], one["sourced_id"]): one["made"]
        for effects in taken.session.scalars(undone.order_by(StoredDecision.id))
        for one in effects.get("source_keys", ())
        if one.get("made")
    }


def _changed(taken: Taken, row: RowRef, before: str | None, after: str | None) -> dict[str, Any]:
    return {
        "source": taken.source, "school_code": row.school_code, "sourced_id": row.sourced_id,
        "before": before, "after": after,
    }  # fmt: skip


def _keys_of_all(taken: Taken) -> Effects:
    """Each row, in order, is the candidate at its place: a whole export has new ids."""
    rows, people = taken.question.rows, taken.question.candidates
    if len(rows) != len(people):
        return {}  # one decision that the planning itself carries out, row by row
    return _point_keys(taken, {row: one.key for row, one in zip(rows, people, strict=True)})


def _code_of_school(taken: Taken) -> Effects:
    """Exports under this code are those of the school that we know."""
    changed = school_codes.answer_same(
        taken.session, code=taken.question.key, school_code=taken.candidate, now=taken.now,
        decision_id=taken.decision_id,
    )  # fmt: skip
    return {"school": changed}


def _what_the_id_named(taken: Taken) -> Effects:
    """The planning decides by the answer; what the id of the class named before is kept."""
    asked = taken.question
    told = json.loads(taken.session.get_one(StoredDecision, taken.decision_id).before)
    objects = {
        one
        for each in told.values()
        for one in (*each["had"]["cohorts"], *(course for course, _role in each["had"]["courses"]))
    }
    facts = class_answers.answer(taken.session, asked.school_code, asked.key, objects)
    return {"class": facts}


def _account_is_theirs(taken: Taken) -> Effects:
    """The next plan takes over the account of Moodle that is named with the answer."""
    return {"account": accounts.take_over(taken.session, _who(taken), taken.candidate)}


def _account_is_anothers(taken: Taken) -> Effects:
    """The person gets the next free login with the next plan."""
    candidate = taken.question.candidates[0].key
    return {"account": accounts.leave_alone(taken.session, _who(taken), candidate, taken.now)}


def _who(taken: Taken) -> str:
    """Return the human whom the row leads to. Raises ``AccountProblem`` where there is none now."""
    (person_id,) = _keys(taken, taken.question.rows).values()
    if person_id is None:
        raise accounts.AccountProblem("asked.not_open")
    return person_id


EFFECTS: Mapping[tuple[QuestionKind, Answer], Effect] = {
    (QuestionKind.MATCH, Answer.SAME): _keys_to_candidate,
    (QuestionKind.MATCH, Answer.DIFFERENT): _keys_of_no_candidate,
    (QuestionKind.SPLIT, Answer.SAME): _keys_to_candidate,
    (QuestionKind.SPLIT, Answer.DIFFERENT): _keys_of_no_candidate,
    (QuestionKind.MOVE, Answer.CONFIRM): _keys_to_candidate,
    (QuestionKind.MOVE, Answer.REFUSE): _keys_of_no_candidate,
    (QuestionKind.SCHOOL, Answer.SAME): _code_of_school,
    (QuestionKind.SCHOOL, Answer.DIFFERENT): _nothing,
    (QuestionKind.RENUMBERED, Answer.CONFIRM): _keys_of_all,
    (QuestionKind.RENUMBERED, Answer.REFUSE): _nothing,
    (QuestionKind.CLASS, Answer.SAME): _what_the_id_named,
    (QuestionKind.CLASS, Answer.DIFFERENT): _what_the_id_named,
    (QuestionKind.LOGIN, Answer.SAME): _account_is_theirs,
    (QuestionKind.LOGIN, Answer.DIFFERENT): _account_is_anothers,
    (QuestionKind.ACCOUNT, Answer.SAME): _account_is_theirs,
    (QuestionKind.ACCOUNT, Answer.DIFFERENT): _account_is_anothers,
}
"""Every answer of ``ANSWERS`` is here; docs/questions.md has the same table in words."""


def effect_of(question: Question, given: Answer) -> Effect:
    """Return what an answer changes. Whom a row is has been proven where places are asked about."""
    return _nothing if question.is_about_places else EFFECTS[question.kind, given]


def rows_of(question: Question, candidate: str) -> dict[str, RowRef | None]:
    """Return the humans whom a yes lets rows be, each with a row that it is from here on."""
    if question.kind is QuestionKind.RENUMBERED and len(question.rows) == len(question.candidates):
        pairs = zip(question.rows, question.candidates, strict=True)
        return {one.key: row for row, one in pairs}
    if question.kind not in CHANGES_WHO or question.is_about_places or not candidate:
        return {}
    return {candidate: next(iter(_own_rows(question)), None)}


def people_of(question: Question) -> set[str]:
    """Return the humans whom an answer lets rows be, or not be."""
    about_rows = question.kind in CHANGES_WHO or question.kind is QuestionKind.RENUMBERED
    if not about_rows or question.is_about_places:
        return set()
    return {one.key for one in question.candidates}


def _own_rows(question: Question) -> tuple[RowRef, ...]:
    """Return the rows that the question is about: named by its key, else all of its school."""
    own = [one for one in question.rows if one.school_code == question.school_code]
    named = [one for one in own if one.sourced_id == question.key]
    return tuple(named or own)


def _keys(taken: Taken, rows: Iterable[RowRef]) -> dict[RowRef, str | None]:
    """Return whom each row's key leads to now."""
    found: dict[RowRef, str | None] = {}
    for row in rows:
        key = (taken.source, row.school_code, row.sourced_id)
        known = taken.session.get(SourceKey, key, populate_existing=True)
        found[row] = known.person_id if known else None
    return found


def _point_keys(taken: Taken, targets: Mapping[RowRef, str | None]) -> Effects:
    changed = []
    for row, before in _keys(taken, targets).items():
        after = targets[row]
        if before != after:
            _set_key(taken.session, taken.source, row.school_code, row.sourced_id, after)
            changed.append(_changed(taken, row, before, after))
    return {"source_keys": changed} if changed else {}


def _set_key(
    session: Session, source: str, school_code: str, sourced_id: str, person_id: str | None
) -> None:
    key = {"source": source, "school_code": school_code, "sourced_id": sourced_id}
    if person_id is None:
        session.execute(delete(SourceKey).filter_by(**key))
    else:
        upsert(session, SourceKey, [key | {"person_id": person_id}])


def let_go(session: Session, person_id: str, row: RowRef) -> Effects:
    """Let nothing of the human hang on a row that is somebody else's now.

    Another of the human's rows speaks for them, and the place at the row's school gives no rights
    and proves nothing until the next roll ends it.
    """
    others = (
        select(SourceKey)
        .outerjoin(
            SchoolMembership,
            (SchoolMembership.school_code == SourceKey.school_code)
            & (SchoolMembership.person_id == SourceKey.person_id),
        )
        .where(SourceKey.person_id == person_id)
        # First one by which a school lists the human now.
        .order_by(
            SchoolMembership.school_code.is_(None), SourceKey.school_code, SourceKey.sourced_id
        )
    )
    keys = session.scalars(others).all()
    user = session.get(KnownUser, person_id, populate_existing=True)
    is_speaker = user is not None and (user.school_code, user.sourced_id) == (
        row.school_code, row.sourced_id,
    )  # fmt: skip
    if user is not None and is_speaker and keys:
        user.school_code, user.source = keys[0].school_code, keys[0].source
        user.sourced_id = keys[0].sourced_id
        session.get_one(Identity, person_id).school_code = keys[0].school_code
    place = session.get(SchoolMembership, (row.school_code, person_id), populate_existing=True)
    was_confirmed = place is not None and place.confirmed
    session.flush()
    _doubt_place(session, row.school_code, person_id)
    return {
        "let_go": {
            "person_id": person_id, "school_code": row.school_code, "was_confirmed": was_confirmed,
            "schools": sorted({row.school_code, *(one.school_code for one in keys)}),
        }
    }  # fmt: skip


def _take_back(session: Session, about: Mapping[str, Any]) -> None:
    """Let the place that ``let_go`` took count again, if no roll has ended it yet."""
    place = session.get(
        SchoolMembership, (about["school_code"], about["person_id"]), populate_existing=True
    )
    if place is not None and about["was_confirmed"]:
        place.confirmed = True


def restore(session: Session, decision: StoredDecision, now: datetime) -> None:
    """Put back what the answer changed, where nothing later has changed it again."""
    keys, restored = [], 0
    for one in decision.effects.get("source_keys", ()):
        key = (one["source"], one["school_code"], one["sourced_id"])
        known = session.get(SourceKey, key, populate_existing=True)
        is_now = known.person_id if known else None
        # What a "different" has freed, the next plan has given to a new human.
        is_new_human = one["after"] is None and is_now is not None
        if is_now == one["after"] or is_new_human:
            _set_key(session, *key, one["before"])
            restored += 1
            if is_now is not None:
                _doubt_place(session, one["school_code"], is_now)
        is_made = is_new_human and is_now != one["before"]
        keys.append(one | ({"made": is_now} if is_made else {}))
    if keys:
        decision.effects = decision.effects | {"source_keys": keys}
    if (school := decision.effects.get("school")) is not None:
        school_codes.undo_same(session, school)
    if (about := decision.effects.get("class")) is not None:
        about = class_answers.undo(session, about, json.loads(decision.before).keys())
        decision.effects = decision.effects | {"class": about}
    if (about := decision.effects.get("account")) is not None:
        accounts.undo(session, about)
    if (about := decision.effects.get("let_go")) is not None:
        _take_back(session, about)
    told = json.loads(decision.before)
    for person_id, tables in told.items():
        humans.restore(session, person_id, tables)
    # Of all whom the rows may be: who was not meant may have left the roll since.
    back = {person_id: tables["had"] for person_id, tables in told.items() if "had" in tables}
    taken_back.look_behind(session, decision, back)
    if keys and restored:
        for person_id in _keys_as_before(session, decision, back):
            _doubt_place(session, decision.school_code, person_id)
    if restored or not keys:
        for person_id, had in back.items():
            taken_back.restore(session, had, person_id, decision.school_code, now)
        taken_back.look_ahead(session, decision, back)
        decision.before = json.dumps(told, ensure_ascii=False)
        decision.effects = decision.effects | {"back": sorted(back)}
    session.flush()


def _keys_as_before(
    session: Session, decision: StoredDecision, back: Mapping[str, Any]
) -> list[str]:
    """Let the other keys of those whom the rows may be lead to them again; return who loses one.

    The planning has given them to somebody by the answer. What another answer has said stays.
    """
    stands = select(StoredDecision.effects).where(
        StoredDecision.school_code == decision.school_code,
        StoredDecision.undone_at.is_(None),
        StoredDecision.id != decision.id,
    )
    said = {
        (one["source"], one["sourced_id"])
        for effects in session.scalars(stands)
        for one in effects.get("source_keys", ())
    }
    lost = []
    for person_id, had in back.items():
        for source, sourced_id in had.get("keys", ()):
            key = (source, decision.school_code, sourced_id)
            known = session.get(SourceKey, key, populate_existing=True)
            if (source, sourced_id) in said or known is None or known.person_id == person_id:
                continue
            lost.append(known.person_id)
            _set_key(session, *key, person_id)
    return lost


def _doubt_place(session: Session, school_code: str, person_id: str) -> None:
    """Let the place of a human whom no row of the school names any more prove nothing, and give no
    rights, until the next roll ends it."""
    has_key = exists().where(SourceKey.school_code == school_code, SourceKey.person_id == person_id)
    session.execute(
        update(SchoolMembership)
        .where(
            SchoolMembership.school_code == school_code,
            SchoolMembership.person_id == person_id,
            ~has_key,
        )
        .values(confirmed=False)
        .execution_options(synchronize_session=False)
    )
