"""Split one human of ours into two, where matching joined two rows and nobody was asked.

The row gets an identity of its own with the next plan, and with it a login; the human keeps the
other rows. It is stored as a question that an operator raised and answered: ``split``,
``different``. So matching never joins the two again, and the answer is taken back like any other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from provisioning.evidence import explain
from provisioning.overlay import part_of
from provisioning.questions import (
    Answer,
    Candidate,
    Evidence,
    Question,
    QuestionKind,
    RowRef,
    is_places_key,
)
from provisioning.roster import Person
from service import audit
from service.access import Forbidden, Scope, people_inside
from service.audit import AuditAction
from service.db import SessionFactory, lock, transaction
from service.loads import rosters
from service.loads.asking import as_json, pattern
from service.loads.identities import LOCK
from service.loads.known_state import places_of
from service.loads.replanning import plan_from_kept_rows
from service.models import (
    Identity,
    KnownObject,
    QuestionState,
    SourceKey,
    StoredDecision,
    StoredQuestion,
)
from service.questions import effects, humans, listing, plans
from service.questions.answering import LONGEST_REASON, POSITIVE, QuestionProblem, is_outranked


@dataclass(frozen=True, kw_only=True, slots=True)
class Separated:
    """What came of a split."""

    question_id: int
    """Of the question that it is stored as: its answer can be taken back."""
    load_id: int | None
    """The load that plans the schools again; None: the next file does."""


def rows_of(session: Session, scope: Scope, person: str) -> tuple[str, list[RowRef]]:
    """Return the person id, and the rows that lead to this human, where there are several.

    ``person``: an id or a login. Raises ``Forbidden`` for somebody who is unknown or outside the
    scope.
    """
    person_id = session.scalar(
        select(Identity.person_id).where(
            (Identity.person_id == person) | (Identity.username == person)
        )
    )
    if person_id is None or not people_inside(session, scope, [person_id]):
        raise Forbidden("person")
    keys = select(SourceKey.school_code, SourceKey.sourced_id).where(
        SourceKey.person_id == person_id
    )
    found = session.execute(keys.distinct().order_by(SourceKey.school_code, SourceKey.sourced_id))
    rows = [RowRef(school_code=school, sourced_id=sourced_id) for school, sourced_id in found]
    return person_id, rows if len(rows) > 1 else []


@dataclass(frozen=True, kw_only=True, slots=True)
class Preview:
    """What a split will do, told before it is made."""

    login: str
    name: str
    row: RowRef
    others: tuple[RowRef, ...]
    """The rows that stay those of the human whom the account is of."""
    evidence: tuple[Evidence, ...]
    """What the row says beside what is known of the human; empty when the row is not kept."""
    row_name: str
    """The name that the new account gets; empty when the row is not kept."""
    ends: tuple[str, ...]
    """Cohorts and courses of the row's school, which the account has now."""
    stays: tuple[str, ...]
    """Cohorts and courses of the operator's other schools."""
    elsewhere: int
    """How many there are of schools that the operator does not have."""


def preview(session: Session, scope: Scope, person: str, row: RowRef) -> Preview:
    """Return what splitting this row off will do. Raises as ``separate``."""
    person_id, rows = rows_of(session, scope, person)
    _check_row(session, scope, row, rows)
    human = session.get_one(Identity, person_id)
    said = _kept_row(session, row)
    places = _places(session, person_id)
    mine = listing.schools_inside(session, scope, {school for school, _name in places})
    other_places = [place for place in places if place[0] != row.school_code]
    return Preview(
        login=human.username,
        name=" ".join(filter(None, (human.family_name, human.given_name, human.middle_name))),
        row=row,
        others=tuple(one for one in rows if one != row),
        evidence=explain(said, human) if said else (),
        row_name=said.full_name if said else "",
        ends=tuple(name for school, name in places if school == row.school_code),
        stays=tuple(name for school, name in other_places if school in mine),
        elsewhere=sum(school not in mine for school, _name in other_places),
    )


def rows_inside(session: Session, scope: Scope, rows: Sequence[RowRef]) -> list[RowRef]:
    """Return those of the rows that the operator may split off."""
    mine = listing.schools_inside(session, scope, {one.school_code for one in rows})
    return [one for one in rows if one.school_code in mine]


def _places(session: Session, person_id: str) -> list[tuple[str, str]]:
    """Return school and name of the cohorts and courses that somebody has."""
    members, enrolments = places_of(session, [person_id])
    keys = {one.cohort for one in members} | {one.course for one in enrolments}
    found = session.execute(
        select(KnownObject.school_code, KnownObject.key, KnownObject.fields).where(
            KnownObject.key.in_(keys)
        )
    )
    return sorted(
        (school, str(told.get("fullname") or told.get("name") or key))
        for school, key, told in found
    )


def _check_row(session: Session, scope: Scope, row: RowRef, rows: Sequence[RowRef]) -> None:
    if not rows:
        raise QuestionProblem("separate.only_row")
    if row not in rows:
        raise QuestionProblem("separate.row")
    if not listing.schools_inside(session, scope, [row.school_code]):
        raise Forbidden("school")


def separate(
    sessions: SessionFactory,
    person: str,
    row: RowRef,
    *,
    home: Path,
    scope: Scope,
    now: datetime,
    reason: str = "",
) -> Separated:
    """Say that this row is another human than the one it was taken for, and plan again.

    Raises ``Forbidden``, and ``QuestionProblem``: ``separate.row``, ``separate.only_row``,
    ``separate.answered``, ``asked.reason``.
    """
    if len(reason) > LONGEST_REASON:
        raise QuestionProblem("asked.reason", n=LONGEST_REASON)
    with transaction(sessions) as session:
        lock(session, LOCK)
        person_id, rows = rows_of(session, scope, person)
        _check_row(session, scope, row, rows)
        _check_nobody_said_so(session, scope, person_id, row, now)
        source = session.scalars(
            select(SourceKey.source)
            .where(
                SourceKey.person_id == person_id,
                SourceKey.school_code == row.school_code,
                SourceKey.sourced_id == row.sourced_id,
            )
            .order_by(SourceKey.source)
        ).first()
        said = _kept_row(session, row)
        question = _question(session, person_id, row, rows, said)
        stored = _store(session, question, part_of(said.role) if said else "", now)
        before = humans.known(session, [person_id])
        decision = StoredDecision(
            question_id=stored.id, school_code=stored.school_code, kind=stored.kind,
            key=stored.key, answer=Answer.DIFFERENT, candidate="", refused=[person_id],
            evidence=as_json(question.candidates[0].evidence), reason=reason.strip(), effects={},
            decided_by=scope.actor, decided_role=scope.role, decided_at=now,
        )  # fmt: skip
        session.add(decision)
        session.flush()
        taken = effects.Taken(
            session=session, question=question, source=source or "", candidate="",
            refused=frozenset([person_id]), decision_id=decision.id, now=now,
        )  # fmt: skip
        changed = effects.EFFECTS[question.kind, Answer.DIFFERENT](taken)
        decision.effects = changed | effects.let_go(session, person_id, row)
        session.flush()
        decision.before = humans.changed(session, before)
        audit.record(
            session, AuditAction.QUESTION_ANSWER, at=now, actor=scope.actor,
            school_code=row.school_code, question=stored.id, kind=stored.kind,
            answer=Answer.DIFFERENT, questions=1,
        )  # fmt: skip
        schools = {one.school_code for one in rows}
        plans.hold_back(session, [decision])
        load = plan_from_kept_rows(
            session, home=home, scope=scope, now=now,
            schools=schools if scope.is_city else listing.schools_inside(session, scope, schools),
        )  # fmt: skip
        return Separated(question_id=stored.id, load_id=load.id if load else None)


def _check_nobody_said_so(
    session: Session, scope: Scope, person_id: str, row: RowRef, now: datetime
) -> None:
    """Check that no answer joined the two: that one is taken back instead.

    One that is too old to be taken back ends with the split, as the split says the opposite. Of a
    whole export it holds for the other rows.
    """
    stands = select(StoredDecision).where(
        StoredDecision.school_code == row.school_code,
        StoredDecision.kind.in_(listing.ABOUT_PEOPLE),
        StoredDecision.answer.in_(POSITIVE),
        StoredDecision.undone_at.is_(None),
    )
    for one in session.scalars(stands.order_by(StoredDecision.id.desc())):
        if is_places_key(one.kind, one.key):
            continue
        told = {
            (key["school_code"], key["sourced_id"], key["after"])
            for key in one.effects.get("source_keys", ())
        }
        about_row = row.sourced_id in (one.key, one.key.rpartition(" ")[0])
        if (row.school_code, row.sourced_id, person_id) in told or (
            about_row and one.candidate == person_id
        ):
            if session.get_one(StoredQuestion, one.question_id).cleared_at is None:
                raise QuestionProblem("separate.answered", id=one.question_id)
            if is_outranked(scope, one):
                raise QuestionProblem("asked.not_yours")
            if one.kind != QuestionKind.RENUMBERED:
                one.undone_by, one.undone_at = scope.actor, now


def _kept_row(session: Session, row: RowRef) -> Person | None:
    """Return what the row said last, as far as it is kept."""
    kept = rosters.newest_rows(session, row.school_code)
    return kept.roster.persons.get(row.sourced_id) if kept else None


def _question(
    session: Session, person_id: str, row: RowRef, rows: Sequence[RowRef], said: Person | None
) -> Question:
    human = session.get_one(Identity, person_id, populate_existing=True)
    candidate = Candidate(
        key=person_id,
        memberships=tuple(one for one in rows if one != row),
        evidence=explain(said, human) if said else (),
    )
    return Question(
        kind=QuestionKind.SPLIT, school_code=row.school_code, key=row.sourced_id, rows=(row,),
        candidates=(candidate,),
    )  # fmt: skip


def _store(session: Session, question: Question, part: str, now: datetime) -> StoredQuestion:
    stored = StoredQuestion(
        kind=question.kind, state=QuestionState.ANSWERED, school_code=question.school_code,
        key=question.key, rows=as_json(question.rows), candidates=as_json(question.candidates),
        evidence=as_json(question.evidence), pattern=pattern(question), part=part,
        load_id=None, asked_at=now, changed_at=now,
    )  # fmt: skip
    session.add(stored)
    session.flush()
    return stored
