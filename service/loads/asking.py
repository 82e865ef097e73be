"""Questions that a plan raises: stored with it, and superseded by what comes after."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from functools import cache
from typing import Any

from cattrs import Converter
from cattrs.preconf.json import make_converter
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from provisioning.evidence import given_letters
from provisioning.overlay import part_of
from provisioning.questions import (
    Answer,
    Candidate,
    Decided,
    Decision,
    Evidence,
    Question,
    QuestionKind,
    RowRef,
    is_places_key,
)
from provisioning.roster import Mode, Part, Roster
from service.db import chunks, insert_into
from service.models import QuestionState, StoredDecision, StoredQuestion
from service.sealed import keyed_hash

ABOUT_A_CLASS = frozenset({QuestionKind.CLASS})
ABOUT_AN_ACCOUNT = frozenset({QuestionKind.LOGIN, QuestionKind.ACCOUNT})
"""Raised by Moodle while a plan is applied, and settled by the answer or by the account."""


@cache
def _converter() -> Converter:
    return make_converter()


def as_json(value: Sequence[RowRef] | Sequence[Candidate] | Sequence[Evidence]) -> str:
    """Return parts of a question as they are stored."""
    return json.dumps(_converter().unstructure(value), ensure_ascii=False)


def as_question(stored: StoredQuestion) -> Question:
    """Return the stored question as the core's value."""
    made = _converter()
    return Question(
        kind=QuestionKind(stored.kind),
        school_code=stored.school_code,
        key=stored.key,
        rows=made.structure(json.loads(stored.rows), tuple[RowRef, ...]),
        candidates=made.structure(json.loads(stored.candidates), tuple[Candidate, ...]),
        evidence=made.structure(json.loads(stored.evidence), tuple[Evidence, ...]),
    )


def pattern(question: Question) -> str:
    """Return what is equal for questions that can be answered together.

    The kind, the number of candidates, and what speaks for and against; nothing personal.
    """
    told = [
        sorted(f"{one.code}:{one.speaks}" for one in evidence)
        for evidence in (question.evidence, *(each.evidence for each in question.candidates))
    ]
    plain = json.dumps([question.kind, told], ensure_ascii=True)
    return hashlib.sha256(plain.encode()).hexdigest()


def decided(session: Session, school_code: str) -> Decided:
    """Return what people answered about this school, oldest first, without what was undone.

    Who has left another school is read by ``old_places``: it says nothing about who a row is.
    """
    answers = select(
        StoredDecision.kind,
        StoredDecision.key,
        StoredDecision.answer,
        StoredDecision.candidate,
        StoredDecision.refused,
        StoredDecision.evidence,
        StoredDecision.effects,
    ).where(StoredDecision.school_code == school_code, StoredDecision.undone_at.is_(None))
    found: dict[tuple[QuestionKind, str], list[Decision]] = defaultdict(list)
    for kind, key, answer, candidate, refused, seen, effects in session.execute(
        answers.order_by(StoredDecision.id)
    ):
        if is_places_key(kind, key):
            continue
        one = Decision(
            answer=Answer(answer), candidate=candidate, refused=frozenset(refused),
            evidence=_converter().structure(json.loads(seen), tuple[Evidence, ...]),
            is_child=_tells_child(session, effects.get("child")),
        )  # fmt: skip
        for same in _keys_of(key, candidate):
            found[QuestionKind(kind), same].append(one)
    return Decided(decisions=dict(found))


def child_of(session: Session, evidence: str | Iterable[Evidence]) -> str:
    """Return by what the child of a row is known again when the evidence is too old to be kept;
    empty where it tells no given name and birth date."""
    if isinstance(evidence, str):
        evidence = _converter().structure(json.loads(evidence), tuple[Evidence, ...])
    said = {one.code.partition(".")[0]: one.ours for one in evidence}
    given, born = said.get("given_name"), said.get("birth_date")
    return _child(session, given_letters(given), born) if given and born else ""


def _child(session: Session, given: str, born: str) -> str:
    return keyed_hash(session, "decisions.child", f"{given} {born}")


def _tells_child(session: Session, known: str | None) -> Callable[[str, date], bool] | None:
    if known is None:
        return None
    return lambda given, born: _child(session, given, f"{born:%d.%m.%Y}") == known


def _keys_of(key: str, candidate: str) -> set[str]:
    """Return the keys under which an answer is found.

    A key may name whom a row's id led to. Since the answer the id leads to the candidate.
    """
    row, blank, _person = key.rpartition(" ")
    return {key, f"{row} {candidate}"} if blank and candidate else {key}


def keep_questions(
    session: Session,
    load_id: int,
    questions: Iterable[Question],
    now: datetime,
    *,
    roster: Roster | None = None,
) -> None:
    """Store what is asked now; an open question about the same is updated.

    ``now``: when the planning of the school began.
    ``roster``: the rows that were planned, of the school as we know it; open questions that they
    reach and do not raise any more are superseded. None when a finding stopped the school.
    """
    asked = {(one.school_code, one.kind.value, one.key): one for one in questions}
    if roster is not None:
        _supersede(session, roster, asked.keys(), now)
    answered = _answered(session, asked)
    for about in sorted(asked):
        question = asked[about]
        given = answered.get(about, [])
        if question.is_about_places:
            # Earlier answers were read when it was decided to ask: they do not hold any more.
            given = [one for one in given if one[1].decided_at >= now]
        if _is_answered(session, question, given):
            continue
        _store(session, load_id, question, roster, now)


def _supersede(
    session: Session, roster: Roster, asked: Iterable[tuple[str, str, str]], now: datetime
) -> None:
    """Close what the rows settle. The questions are locked in one order, as by who answers."""
    still = set(asked)
    opened = session.scalars(
        select(StoredQuestion)
        .where(
            StoredQuestion.school_code == roster.school.code,
            StoredQuestion.state == QuestionState.OPEN,
        )
        .order_by(StoredQuestion.id)
        .with_for_update()
    ).all()
    for one in opened:
        if (one.school_code, one.kind, one.key) not in still and _reaches(roster, one):
            one.state, one.changed_at = QuestionState.SUPERSEDED, now
    session.flush()


def _reaches(roster: Roster, stored: StoredQuestion) -> bool:
    """Tell whether the rows could have raised this question again.

    A full part speaks for everybody who is not in it. Changes speak for the rows that they name.
    """
    rows = {one.sourced_id for one in as_question(stored).rows}
    if stored.kind in ABOUT_AN_ACCOUNT and rows & (roster.persons.keys() | roster.set_aside):
        return False
    if rows & (roster.persons.keys() | roster.set_aside | roster.classes.keys()):
        return True
    return roster.mode is Mode.FULL and (not stored.part or stored.part in roster.parts)


def _part(question: Question, roster: Roster | None) -> str:
    if question.kind in ABOUT_A_CLASS:
        return Part.CLASSES
    if roster is not None:
        for row in question.rows:
            if row.sourced_id in roster.persons:
                return part_of(roster.persons[row.sourced_id].role)
    return ""


def _answered(
    session: Session, asked: Mapping[tuple[str, str, str], Question]
) -> dict[tuple[str, str, str], list[tuple[str, StoredDecision]]]:
    """Return earlier answers to these questions, each with the pattern of what was answered."""
    found: dict[tuple[str, str, str], list[tuple[str, StoredDecision]]] = defaultdict(list)
    keys: dict[str, list[str]] = defaultdict(list)
    for school, _kind, key in asked:
        keys[school].append(key)
    for school in sorted(keys):
        for some in chunks(sorted(keys[school])):
            rows = session.execute(
                select(StoredQuestion.pattern, StoredDecision)
                .join(StoredDecision, StoredDecision.question_id == StoredQuestion.id)
                .where(
                    StoredDecision.school_code == school,
                    StoredDecision.key.in_(some),
                    StoredDecision.undone_at.is_(None),
                )
                .order_by(StoredDecision.id)
            )
            for shape, one in rows:
                found[one.school_code, one.kind, one.key].append((shape, one))
    return found


def _is_answered(
    session: Session, question: Question, answers: Sequence[tuple[str, StoredDecision]]
) -> bool:
    """Tell whether the very same was answered: a plan may have been on its way meanwhile.

    Other candidates, or other evidence, are another question; so is a row that says something else
    by now, for which matching does not take the answer.
    """
    keys = {one.key for one in question.candidates}
    said = {one.candidate for _shape, one in answers} | {
        key for _shape, one in answers for key in one.refused
    }
    if not answers or not keys <= said or answers[-1][0] != pattern(question):
        return False
    last = answers[-1][1]
    seen = _converter().structure(json.loads(last.evidence), tuple[Evidence, ...])
    now = looked_at(question, last.candidate)
    if not seen and (child := last.effects.get("child")):
        return child_of(session, now) == str(child)
    return not seen or _row_says(seen) == _row_says(now)


def _row_says(evidence: Iterable[Evidence]) -> set[tuple[str, str]]:
    return {(one.code, one.ours) for one in evidence}


def looked_at(question: Question, candidate: str) -> tuple[Evidence, ...]:
    """Return what spoke for and against the candidate that is meant, or the first of them."""
    meant = [one for one in question.candidates if candidate in ("", one.key)]
    return (*question.evidence, *(each for one in meant[:1] for each in one.evidence))


def _store(
    session: Session, load_id: int, question: Question, roster: Roster | None, now: datetime
) -> None:
    values: dict[str, Any] = {
        "rows": as_json(question.rows),
        "candidates": as_json(question.candidates),
        "evidence": as_json(question.evidence),
        "pattern": pattern(question),
        "part": _part(question, roster),
        "load_id": load_id,
        "changed_at": now,
    }
    statement = insert_into(session, StoredQuestion).values(
        kind=question.kind, school_code=question.school_code, key=question.key,
        state=QuestionState.OPEN, asked_at=now, **values,
    )  # fmt: skip
    session.execute(
        statement.on_conflict_do_update(
            index_elements=["school_code", "kind", "key"],
            index_where=text("state = 'open'"),
            set_={name: statement.excluded[name] for name in values},
        )
    )
