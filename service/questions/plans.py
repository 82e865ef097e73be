"""What is planned again once an answer was given or taken back, and which plans no longer hold."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from provisioning.questions import Answer, Question, QuestionKind
from service import audit
from service.access import Scope
from service.loads import failures, school_codes
from service.loads.replanning import plan_from_kept_rows, supersede
from service.models import (
    Load,
    LoadCause,
    OperatorRole,
    PlanStatus,
    SchoolPlan,
    StoredDecision,
    StoredQuestion,
)
from service.questions import effects, listing

WORKER = Scope(actor=audit.WORKER, role=OperatorRole.CITY)
"""Who has schools planned again that the operator may not see."""


def hold_back(
    session: Session, decisions: Iterable[StoredDecision], others: Iterable[str] = ()
) -> None:
    """Let no plan be applied that was made before these answers, of a school that they touch.

    Their rows stay: the schools are planned from them again. A plan that somebody holds just now
    is not waited for; ``replanning.is_awaited`` stops it when it is applied.
    """
    waiting = (
        select(SchoolPlan.id)
        .join(Load)
        .where(
            SchoolPlan.school_code.in_(touched(decisions).union(others)),
            SchoolPlan.status.in_([PlanStatus.PLANNED, PlanStatus.APPROVED]),
            SchoolPlan.started.is_(False),
            # What somebody entered, or time alone changes, was not decided by rows.
            Load.cause.in_([LoadCause.FILE, LoadCause.ROWS]),
            Load.operation.is_(None),
        )
        .order_by(SchoolPlan.id)
        .with_for_update(skip_locked=True, of=SchoolPlan)
    )
    supersede(session, session.scalars(waiting).all())


def touched(decisions: Iterable[StoredDecision]) -> set[str]:
    """Return the schools whose rows these answers concern."""
    schools: set[str] = set()
    for one in decisions:
        schools.add(one.school_code)
        schools |= {key["school_code"] for key in one.effects.get("source_keys", ())}
        schools |= set(one.effects.get("let_go", {}).get("schools", ()))
        if one.kind == QuestionKind.SCHOOL:
            schools |= {one.candidate, one.key} - {""}
    return schools


def of_the_candidate(session: Session, question: Question, candidate: str) -> set[str]:
    """Return the other schools that list the human whom a row was taken for: what a yes has ended
    there, they have again once it is taken back. So has the school whose people were those of a
    new one."""
    if question.kind is QuestionKind.SCHOOL and not candidate:
        is_loaded = school_codes.has_roll(session, question.key)
        return {one.key for one in question.candidates} if is_loaded else set()
    if question.kind not in effects.CHANGES_WHO or not candidate:
        return set()
    return {
        row.school_code
        for one in question.candidates
        if one.key == candidate
        for row in one.memberships
    } - {question.school_code}


def plan_others(
    session: Session, schools: set[str], *, home: Path, scope: Scope, now: datetime
) -> set[str]:
    """Have the schools planned again that the operator may not see; return the rest.

    Nobody waits for that load: a worker finds it.
    """
    mine = schools if scope.is_city else listing.schools_inside(session, scope, schools)
    plan_from_kept_rows(session, home=home, schools=schools - mine, scope=WORKER, now=now)
    return mine


def plan_files_of_school(
    session: Session,
    stored: StoredQuestion,
    given: Answer,
    home: Path,
    scope: Scope,
    now: datetime,
) -> Load | None:
    """Return the load that plans the file under an unknown code, now that its school is known.

    None when the files are not kept any more, or nothing of the kind was asked.
    """
    is_known_now = stored.kind == QuestionKind.SCHOOL and given is Answer.SAME
    if not is_known_now or stored.load_id is None:
        return None
    asked_by = session.get_one(Load, stored.load_id)
    codes = {stored.school_code}
    return failures.plan_again(session, asked_by, codes, home=home, scope=scope, now=now)


def plan_again(
    session: Session,
    decisions: Sequence[StoredDecision],
    asked: Sequence[StoredQuestion],
    home: Path,
    scope: Scope,
    now: datetime,
    others: Collection[str] = (),
) -> Load | None:
    """Return the load that plans again the schools that the decisions touch, and ``others``."""
    loads = {one.load_id for one in asked}
    asked_by = loads.pop() if len(loads) == 1 else None
    schools = touched(decisions).union(others)
    inside = schools if scope.is_city else listing.schools_inside(session, scope, schools)
    load = plan_from_kept_rows(
        session, home=home, schools=inside, scope=scope, now=now, again_of=asked_by
    )
    if load is None and asked_by is not None:
        # A school that was not known has no plan, and so no rows; its files may still be there.
        first = session.get_one(Load, asked_by)
        codes = {one.school_code for one in decisions}
        load = failures.plan_again(session, first, codes, home=home, scope=scope, now=now)
    return load
