"""Answer a question, or all like it, or take an answer back; then plan the schools again.

One transaction each. They come one after the other, as they change who a row is: the lock is that
of giving identities, and it is taken first, so that no two of them wait for each other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from provisioning.questions import ANSWERS, Answer, Question, QuestionKind, RowRef
from provisioning.roster import Person
from service import audit
from service.access import Scope, people_inside, staff_of_their_own_school
from service.audit import AuditAction
from service.db import SessionFactory, lock, transaction
from service.loads import rosters, taken_back
from service.loads.asking import ABOUT_AN_ACCOUNT, as_json, as_question, looked_at
from service.loads.identities import LOCK
from service.models import (
    KnownUser,
    OperatorRole,
    PlannedRoster,
    QuestionState,
    SchoolPlan,
    StoredDecision,
    StoredQuestion,
)
from service.problems import Problem
from service.questions import effects, humans, listing, plans

MOST_ALIKE = 1000
"""So many questions are answered at once at most."""
LONGEST_REASON = 500

POSITIVE = frozenset({Answer.SAME, Answer.CONFIRM})
"""Answers that say yes to a candidate."""
_RANKS = (OperatorRole.SCHOOL, OperatorRole.DISTRICT, OperatorRole.CITY)


class QuestionProblem(Problem):
    """The question cannot be answered so."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Answered:
    """What came of an answer."""

    questions: int
    """How many questions it answered, or opened again."""
    load_id: int | None
    """The load that plans the schools again; None when there is nothing to plan from: then the
    next file of the school is planned by the answer."""


def answer(
    sessions: SessionFactory,
    question_id: int,
    given: Answer,
    *,
    home: Path,
    scope: Scope,
    now: datetime,
    candidate: str = "",
    all_like_this: bool = False,
    alike: str = "",
    version: str = "",
    reason: str = "",
) -> Answered:
    """Take an answer. ``candidate`` is the number or the key of the one that is meant.

    ``alike`` names the questions that the operator saw and ``all_like_this`` answers
    (``SeenQuestion.alike_digest``); when there are others by now, nothing is answered.

    ``version`` is what the operator looked at (``SeenQuestion.version``): a question that has
    changed since is not answered. Raises ``Forbidden``, and ``QuestionProblem``:
    ``asked.not_open``, ``asked.answer``, ``asked.candidate``, ``asked.not_yours``,
    ``asked.differs``, ``asked.reason``.
    """
    if len(reason) > LONGEST_REASON:
        raise QuestionProblem("asked.reason", n=LONGEST_REASON)
    with transaction(sessions) as session:
        lock(session, LOCK)
        first = listing.find(session, scope, question_id)
        ids = [first.id, *(_alike(session, scope, first) if all_like_this else ())]
        first, *others = _held(session, scope, first.id, ids)
        (seen,) = listing.seen(session, scope, [first])
        if first.state != QuestionState.OPEN:
            raise QuestionProblem("asked.not_open")
        if version and version != seen.version:
            raise QuestionProblem("asked.differs")
        if all_like_this and alike and alike != seen.alike_digest:
            raise QuestionProblem("asked.differs")
        if given not in ANSWERS[seen.question.kind]:
            known = ", ".join(ANSWERS[seen.question.kind])
            raise QuestionProblem("asked.answer", known=known)
        meant = _meant(seen, given, candidate)
        asked = [(first, meant)]
        if all_like_this:
            asked += _meant_of(others, first, given)
        kept = _KeptRows(session)
        decisions = [
            _decide(session, scope, one, given, key, now, reason, kept) for one, key in asked
        ]
        audit.record(
            session, AuditAction.QUESTION_ANSWER, at=now, actor=scope.actor,
            load_id=first.load_id, school_code=first.school_code, question=first.id,
            kind=first.kind, answer=given, questions=len(asked),
        )  # fmt: skip
        plans.hold_back(session, decisions)
        load = plans.plan_files_of_school(
            session, first, given, home, scope, now
        ) or plans.plan_again(session, decisions, [one for one, _ in asked], home, scope, now)
        return Answered(questions=len(asked), load_id=load.id if load else None)


def undo(
    sessions: SessionFactory, question_id: int, *, home: Path, scope: Scope, now: datetime
) -> Answered:
    """Take back the last answer to a question: what it changed is restored, and it may be asked
    again.

    It needs the rights of whoever gave the answer. Raises ``Forbidden``, and ``QuestionProblem``:
    ``asked.not_answered`` when no answer stands, ``asked.cleared`` when it is too old,
    ``asked.not_yours``.
    """
    with transaction(sessions) as session:
        lock(session, LOCK)
        (stored,) = _held(session, scope, listing.find(session, scope, question_id).id)
        decision = session.scalar(
            select(StoredDecision)
            .where(StoredDecision.question_id == stored.id, StoredDecision.undone_at.is_(None))
            .order_by(StoredDecision.id.desc())
            .limit(1)
        )
        if decision is None:
            raise QuestionProblem("asked.not_answered")
        if stored.cleared_at is not None:
            raise QuestionProblem("asked.cleared")
        question = as_question(stored)
        if is_outranked(scope, decision):
            raise QuestionProblem("asked.not_yours")
        if decision.answer in POSITIVE:
            _check_rights(session, scope, question, decision.answer, decision.candidate)
        elif _is_by_operator(decision) and decision.decided_by != scope.actor:
            # What comes back is a yes: one human, whom the school of the row sees again.
            for person_id in decision.refused:
                _check_rights(session, scope, question, Answer.SAME, person_id)
        effects.restore(session, decision, now)
        decision.undone_by, decision.undone_at = scope.actor, now
        if _is_by_operator(decision):
            # No file asked, so nothing waits.
            stored.state, stored.changed_at = QuestionState.SUPERSEDED, now
        else:
            _open_again(session, stored, now)
        audit.record(
            session, AuditAction.QUESTION_UNDO, at=now, actor=scope.actor,
            school_code=stored.school_code, question=stored.id, kind=stored.kind,
            answer=decision.answer,
        )  # fmt: skip
        others = plans.of_the_candidate(session, question, decision.candidate)
        plans.hold_back(session, [decision], others)
        mine = plans.plan_others(session, others, home=home, scope=scope, now=now)
        load = plans.plan_again(session, [decision], [stored], home, scope, now, mine)
        return Answered(questions=1, load_id=load.id if load else None)


def _held(
    session: Session, scope: Scope, first: int, ids: Sequence[int] = ()
) -> list[StoredQuestion]:
    """Return the questions, locked in the order in which planning locks them; ``first`` first."""
    held = session.scalars(
        select(StoredQuestion)
        .where(StoredQuestion.id.in_({first, *ids}), listing.visible(scope))
        .order_by(StoredQuestion.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()
    return sorted(held, key=lambda one: one.id != first)


def _meant(seen: listing.SeenQuestion, given: Answer, candidate: str) -> str:
    """Return the key of the candidate that is meant; empty for an answer that names none."""
    if given not in POSITIVE:
        return ""
    if not seen.candidates and not candidate:
        return ""
    if not candidate and len(seen.candidates) == 1:
        return seen.candidates[0].key
    if not candidate and given is Answer.CONFIRM:
        return ""
    # A key may look like the number of another one.
    for name in ("key", "login", "number"):
        for one in seen.candidates:
            if candidate == str(getattr(one, name)):
                return one.key
    raise QuestionProblem("asked.candidate", n=len(seen.candidates))


def _alike(session: Session, scope: Scope, first: StoredQuestion) -> Sequence[int]:
    """Return the ids of the other open questions of the scope with the same evidence."""
    return session.scalars(
        select(StoredQuestion.id)
        .where(
            listing.visible(scope),
            StoredQuestion.state == QuestionState.OPEN,
            StoredQuestion.kind == first.kind,
            StoredQuestion.pattern == first.pattern,
            StoredQuestion.id != first.id,
        )
        .order_by(StoredQuestion.id)
        .limit(MOST_ALIKE - 1)
    ).all()


def _meant_of(
    others: Sequence[StoredQuestion], first: StoredQuestion, given: Answer
) -> list[tuple[StoredQuestion, str]]:
    """Return those that are still open and alike, now that they are locked, and who is meant."""
    found = [
        (one, as_question(one).candidates)
        for one in others
        if one.state == QuestionState.OPEN and one.pattern == first.pattern
    ]
    if given is Answer.SAME:
        # Who is meant is clear only where there is one.
        return [(one, those[0].key) for one, those in found if len(those) == 1]
    if given is Answer.CONFIRM:
        return [(one, those[0].key if len(those) == 1 else "") for one, those in found]
    return [(one, "") for one, _ in found]


def _decide(
    session: Session,
    scope: Scope,
    stored: StoredQuestion,
    given: Answer,
    candidate: str,
    now: datetime,
    reason: str,
    kept: _KeptRows,
) -> StoredDecision:
    question = as_question(stored)
    if given in POSITIVE:
        _check_rights(session, scope, question, given, candidate)
    keys = [one.key for one in question.candidates]
    refused = sorted(set(keys) - ({candidate} if given in POSITIVE else set()))
    source = _source(session, stored)
    rows = effects.rows_of(question, candidate) if given in POSITIVE else {}
    will_be = {
        person_id: kept.person(stored, row) if row else None for person_id, row in rows.items()
    }
    decision = StoredDecision(
        question_id=stored.id, school_code=stored.school_code, kind=stored.kind, key=stored.key,
        answer=given, candidate=candidate,
        refused=refused if given not in POSITIVE or given is Answer.SAME else [],
        evidence=as_json(looked_at(question, candidate)), reason=reason.strip(), effects={},
        before=humans.before(
            session, will_be, _people_of(session, stored, question), stored.school_code, source
        ),
        decided_by=scope.actor, decided_role=scope.role, decided_at=now,
    )  # fmt: skip
    session.add(decision)
    session.flush()
    decision.effects = effects.effect_of(question, given)(
        effects.Taken(
            session=session, question=question, source=source,
            candidate=candidate, refused=frozenset(refused), decision_id=decision.id, now=now,
        )
    )  # fmt: skip
    stored.state, stored.changed_at = QuestionState.ANSWERED, now
    session.flush()
    return decision


def _people_of(session: Session, stored: StoredQuestion, question: Question) -> set[str]:
    """Return the humans who may have other places by the answer."""
    if question.kind is QuestionKind.CLASS:
        return taken_back.pupils_of(session, question, stored.load_id)
    return effects.people_of(question)


class _KeptRows:
    """The rows that are planned from next, read once for each school."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._schools: dict[str, Mapping[str, Person]] = {}

    def person(self, stored: StoredQuestion, row: RowRef) -> Person | None:
        """Return the row, if it is kept."""
        code = stored.school_code
        if code not in self._schools:
            found = rosters.newest_rows(self._session, code, stored.load_id)
            self._schools[code] = found.roster.persons if found else {}
        return self._schools[code].get(row.sourced_id)


def _source(session: Session, stored: StoredQuestion) -> str:
    """Return the source system of the rows that were asked about."""
    newest = (
        select(PlannedRoster.source)
        .where(PlannedRoster.school_code == stored.school_code)
        .order_by(PlannedRoster.plan_id.desc())
        .limit(1)
    )
    of_load = newest.join(SchoolPlan).where(SchoolPlan.load_id == stored.load_id)
    return session.scalar(of_load) or session.scalar(newest) or "paragraf"


def _check_rights(
    session: Session, scope: Scope, question: Question, given: Answer, candidate: str
) -> None:
    """Check that the operator may say yes. Raises ``QuestionProblem("asked.not_yours")``.

    A row is typed by anybody: that it is somebody whom the operator's schools do not have says
    who sees that human too. Only a move is confirmed by the school that takes the human in, and
    not that of somebody whom the own school lists as staff. An account of Moodle is no school's.
    """
    if scope.is_city or not candidate:
        return
    if question.kind in ABOUT_AN_ACCOUNT:
        raise QuestionProblem("asked.not_yours")
    if question.kind in (QuestionKind.SCHOOL, QuestionKind.CLASS):
        if question.kind is QuestionKind.SCHOOL and not listing.schools_inside(
            session, scope, [candidate]
        ):
            raise QuestionProblem("asked.not_yours")
        return
    if people_inside(session, scope, [candidate]):
        return
    staff = select(KnownUser.person_id).where(
        KnownUser.person_id == candidate, staff_of_their_own_school()
    )
    if question.kind is QuestionKind.MOVE and session.scalar(staff) is None:
        return
    raise QuestionProblem("asked.not_yours")


def is_outranked(scope: Scope, decision: StoredDecision) -> bool:
    """Tell whether the answer was given with more rights than the operator has."""
    return _RANKS.index(scope.role) < _RANKS.index(decision.decided_role)


def _is_by_operator(decision: StoredDecision) -> bool:
    """Tell whether an operator split two whom matching had joined (``separating``)."""
    return "let_go" in decision.effects


def _open_again(session: Session, stored: StoredQuestion, now: datetime) -> None:
    """Let the question wait again, unless a newer file asks the same already."""
    same = select(StoredQuestion.id).where(
        StoredQuestion.school_code == stored.school_code,
        StoredQuestion.kind == stored.kind,
        StoredQuestion.key == stored.key,
        StoredQuestion.state == QuestionState.OPEN,
    )
    asked_anew = session.scalar(same) is not None
    stored.state = QuestionState.SUPERSEDED if asked_anew else QuestionState.OPEN
    stored.changed_at = now
    session.flush()
