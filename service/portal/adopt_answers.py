"""Answers to the questions whose an account is. Nothing is written to Moodle by them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from provisioning.questions import Answer
from service import audit
from service.access import Scope
from service.audit import AuditAction
from service.models import Adoption, KnownUser
from service.portal.adopt_listing import find
from service.portal.adopt_people import AdoptionError
from service.portal.adopt_rows import Shown, candidates_of, refused_of, with_candidates

_ANSWERABLE = (Shown.QUESTION, Shown.CERTAIN, Shown.NOBODY)


def answer(
    session: Session, number: int, given: Answer, *, candidate: str, scope: Scope, now: datetime
) -> Adoption:
    """Say whose the account with this number of Moodle is, or that it is none of the candidates'.

    ``candidate``: a person id, or the place of a candidate from 1; needed where there are several.
    A certain one may be contradicted. Raises ``AdoptionError``.
    """
    row = find(session, scope, number)
    if row.outcome not in _ANSWERABLE:
        raise AdoptionError("adoption.settled", number=number)
    people = [row.person_id] if row.person_id else candidates_of(row)
    refused = refused_of(row)
    if given is Answer.SAME:
        person_id = _chosen(people, candidate)
        _check_free(session, row, person_id)
        row.outcome, row.person_id = Shown.CERTAIN, person_id
        row.candidates = with_candidates((), refused)
    else:
        row.outcome, row.person_id = Shown.NOBODY, ""
        row.candidates = with_candidates((), sorted({*refused, *people}))
    row.decided_by, row.decided_at = scope.actor, now
    audit.record(
        session, AuditAction.ADOPTION_ANSWER, at=now, actor=scope.actor, account=number,
        answer=given.value, person_id=row.person_id,
    )  # fmt: skip
    return row


def _chosen(people: list[str], candidate: str) -> str:
    if candidate in people:
        return candidate
    if not candidate and len(people) == 1:
        return people[0]
    if candidate.isdecimal() and 0 < int(candidate) <= len(people):
        return people[int(candidate) - 1]
    raise AdoptionError("adoption.candidate")


def _check_free(session: Session, row: Adoption, person_id: str) -> None:
    """Raise ``AdoptionError`` for somebody who has an account, or is taken for another one's."""
    has_one = select(KnownUser.person_id).where(
        KnownUser.person_id == person_id, KnownUser.moodle_id.is_not(None)
    )
    other = select(Adoption.moodle_id).where(
        Adoption.person_id == person_id, Adoption.moodle_id != row.moodle_id
    )
    if session.scalar(has_one) or session.scalar(other) is not None:
        raise AdoptionError("adoption.has_one")
