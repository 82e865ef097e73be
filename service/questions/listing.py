"""The queue as an operator sees it.

A school sees its own rows. Of a candidate it sees who that is only when it may see that human
anyway; else the candidate is a number and what speaks for it, without what the other record says.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from sqlalchemy import ColumnElement, Select, false, func, select, true
from sqlalchemy.orm import Session

from provisioning.questions import (
    ANSWERS,
    Answer,
    Candidate,
    Evidence,
    Question,
    QuestionKind,
    RowRef,
)
from service.access import Forbidden, Scope, people_inside
from service.db import LARGEST, rows_among
from service.loads.asking import ABOUT_AN_ACCOUNT, as_question
from service.models import (
    Identity,
    QuestionState,
    School,
    StoredDecision,
    StoredQuestion,
)

ABOUT_PEOPLE = (
    frozenset(QuestionKind) - {QuestionKind.SCHOOL, QuestionKind.CLASS} - ABOUT_AN_ACCOUNT
)
"""Kinds whose candidates are humans; of the others they are codes, keys and accounts of Moodle."""


class Shown(StrEnum):
    """Which questions are asked for."""

    OPEN = "open"
    ANSWERED = "answered"
    ALL = "all"


@dataclass(frozen=True, kw_only=True, slots=True)
class SeenCandidate:
    """A candidate as far as the operator may see it."""

    number: int
    """From 1, in the order of the question."""
    key: str = field(repr=False)
    """``Candidate.key``; for the program, not for the operator unless ``is_visible``."""
    is_visible: bool = True
    login: str = ""
    name: str = field(default="", repr=False)
    memberships: tuple[RowRef, ...] = ()
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class SeenQuestion:
    """A question as far as the operator may see it."""

    id: int
    state: QuestionState
    question: Question
    """With candidates and evidence of the record, unfiltered: for what decides, not for a page."""
    candidates: tuple[SeenCandidate, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    alike: int = 1
    """Open questions of the operator's that can be answered together, this one among them."""
    alike_digest: str = ""
    """Names these questions: who answers all of them answers those that were seen."""
    load_id: int | None = None
    version: str = ""
    """Changes when what is asked changes: an answer names the one that was looked at."""

    @property
    def answers(self) -> tuple[Answer, ...]:
        """What may be answered; nothing to a question that is not open."""
        return ANSWERS[self.question.kind] if self.state == QuestionState.OPEN else ()


def visible(scope: Scope) -> ColumnElement[bool]:
    """Return a condition on ``StoredQuestion``: asked of a school inside the scope.

    What concerns a school that we do not know is asked of the city.
    """
    return true() if scope.is_city else StoredQuestion.school_code.in_(scope.codes())


def query(
    scope: Scope,
    *,
    shown: Shown = Shown.OPEN,
    school: str = "",
    kind: str = "",
) -> Select[StoredQuestion]:
    """Return the questions of the scope, those of one school together, oldest first."""
    found = select(StoredQuestion).where(visible(scope))
    if shown is not Shown.ALL:
        found = found.where(StoredQuestion.state == QuestionState(shown.value))
    if school:
        found = found.where(StoredQuestion.school_code == school)
    if kind:
        found = found.where(StoredQuestion.kind == kind)
    return found.order_by(StoredQuestion.school_code, StoredQuestion.id)


def count_open(session: Session, scope: Scope, *, load_id: int | None = None) -> int:
    """Return how many questions of the scope wait for an answer, those of one load or all."""
    waiting = select(func.count()).where(visible(scope), StoredQuestion.state == QuestionState.OPEN)
    if load_id is not None:
        waiting = waiting.where(StoredQuestion.load_id == load_id)
    return session.scalar(waiting) or 0


def find(session: Session, scope: Scope, question_id: int) -> StoredQuestion:
    """Return the question. Raises ``Forbidden`` when it is unknown or outside the scope."""
    known = StoredQuestion.id == question_id if 0 < question_id <= LARGEST else false()
    stored = session.scalar(select(StoredQuestion).where(known, visible(scope)))
    if stored is None:
        raise Forbidden("asked")
    return stored


def seen(session: Session, scope: Scope, stored: Sequence[StoredQuestion]) -> list[SeenQuestion]:
    """Return the questions as the operator may see them."""
    asked = [(one, as_question(one)) for one in stored]
    people = {each.key for _, one in asked if one.kind in ABOUT_PEOPLE for each in one.candidates}
    mine = people_inside(session, scope, people)
    logins = _logins(session, mine)
    alike = _alike(session, scope, {one.pattern for one in stored})
    return [
        SeenQuestion(
            id=one.id,
            state=QuestionState(one.state),
            question=question,
            candidates=tuple(
                _seen_candidate(number, each, question, mine, logins, scope)
                for number, each in enumerate(question.candidates, 1)
            ),
            evidence=question.evidence if scope.is_city else _ours(question.evidence),
            alike=len(alike[one.pattern]) or 1,
            alike_digest=_digest(alike[one.pattern]),
            load_id=one.load_id,
            version=f"{one.pattern[:16]}-{one.changed_at:%Y%m%d%H%M%S%f}",
        )
        for one, question in asked
    ]


def schools_inside(session: Session, scope: Scope, codes: Iterable[str]) -> set[str]:
    """Return those of the schools that are inside the scope."""
    found = select(School.code).where(scope.schools())
    return {one for (one,) in rows_among(session, found, School.code, set(codes))}


def _seen_candidate(
    number: int,
    candidate: Candidate,
    question: Question,
    mine: Collection[str],
    logins: Mapping[str, tuple[str, str]],
    scope: Scope,
) -> SeenCandidate:
    if question.kind in ABOUT_AN_ACCOUNT:
        return _seen_account(number, candidate, scope)
    if question.kind not in ABOUT_PEOPLE:
        return SeenCandidate(
            number=number, key=candidate.key, login="", name=candidate.key,
            memberships=candidate.memberships, evidence=candidate.evidence,
        )  # fmt: skip
    if candidate.key not in mine:
        return SeenCandidate(
            number=number, key=candidate.key, is_visible=False, evidence=_ours(candidate.evidence)
        )
    login, name = logins.get(candidate.key, ("", ""))
    return SeenCandidate(
        number=number, key=candidate.key, login=login, name=name,
        memberships=candidate.memberships, evidence=candidate.evidence,
    )  # fmt: skip


def _seen_account(number: int, candidate: Candidate, scope: Scope) -> SeenCandidate:
    """Return an account of Moodle: nobody knows whose school it is, so it is the city's to see."""
    if not scope.is_city:
        return SeenCandidate(
            number=number, key=candidate.key, is_visible=False, evidence=_ours(candidate.evidence)
        )
    said = {one.code.partition(".")[0]: one.theirs for one in candidate.evidence}
    names = said.get("names") or f"{said.get('family_name', '')} {said.get('given_name', '')}"
    return SeenCandidate(
        number=number, key=candidate.key, login=said.get("login", ""), name=names.strip(),
        evidence=candidate.evidence,
    )  # fmt: skip


def _ours(evidence: Iterable[Evidence]) -> tuple[Evidence, ...]:
    """Return the evidence without what the other record says."""
    return tuple(replace(one, theirs="") for one in evidence)


def _logins(session: Session, people: Collection[str]) -> dict[str, tuple[str, str]]:
    """Return login and name of each person."""
    columns = select(
        Identity.person_id, Identity.username, Identity.family_name, Identity.given_name,
        Identity.middle_name,
    )  # fmt: skip
    return {
        person_id: (username, " ".join(filter(None, names)))
        for person_id, username, *names in rows_among(session, columns, Identity.person_id, people)
    }


def _alike(session: Session, scope: Scope, patterns: Collection[str]) -> dict[str, list[int]]:
    """Return the open questions of the scope by pattern."""
    alike = select(StoredQuestion.pattern, StoredQuestion.id).where(
        visible(scope), StoredQuestion.state == QuestionState.OPEN
    )
    found: dict[str, list[int]] = defaultdict(list)
    for pattern, question_id in rows_among(session, alike, StoredQuestion.pattern, patterns):
        found[pattern].append(question_id)
    return found


def _digest(ids: Iterable[int]) -> str:
    return hashlib.sha256(",".join(map(str, sorted(ids))).encode()).hexdigest()[:16]


def decisions(session: Session, question_id: int) -> Sequence[StoredDecision]:
    """Return what was answered to the question, newest first, with what was undone."""
    found = select(StoredDecision).where(StoredDecision.question_id == question_id)
    return session.scalars(found.order_by(StoredDecision.id.desc())).all()
