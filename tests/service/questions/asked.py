"""Questions made by hand, and answers to them, for tests of the queue."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from provisioning.questions import (
    Answer,
    Candidate,
    Evidence,
    Question,
    QuestionKind,
    RowRef,
    Speaks,
)
from service.access import Scope
from service.db import transaction
from service.loads import asking
from service.models import OperatorRole, StoredQuestion
from service.questions import answering, listing
from service.questions.answering import Answered
from service.questions.listing import SeenQuestion, Shown
from tests.service.installation import SCOPE
from tests.service.trial import A, B, Trial

NAMES_DIFFER = (
    Evidence(code="middle_name.equal", speaks=Speaks.FOR, ours="Ивановна", theirs="Ивановна"),
    Evidence(code="sex.other", speaks=Speaks.AGAINST, ours="F", theirs="M"),
)


def school_scope(*codes: str) -> Scope:
    return Scope(actor="school", role=OperatorRole.SCHOOL, items=frozenset(codes))


def make_question(key: str, *candidates: str, code: str = B, **overrides: Any) -> Question:
    """A question whether the row is one of these people of school A."""
    values: dict[str, Any] = {
        "kind": QuestionKind.MATCH, "school_code": code, "key": key,
        "rows": (RowRef(school_code=code, sourced_id=key),),
        "candidates": tuple(
            Candidate(
                key=one, memberships=(RowRef(school_code=A, sourced_id=f"a-{one}"),),
                evidence=NAMES_DIFFER,
            )
            for one in candidates
        ),
    }  # fmt: skip
    return Question(**values | overrides)


def ask_by_hand(trial: Trial, load_id: int, *questions: Question, **options: Any) -> list[int]:
    """As a plan that raised these questions; the numbers of all that are open then."""
    with transaction(trial.application.sessions) as session:
        now = trial.application.clock()
        asking.keep_questions(session, load_id, questions, now, **options)
    return [one.id for one in open_questions(trial)]


def open_questions(
    trial: Trial, scope: Scope = SCOPE, shown: Shown = Shown.OPEN
) -> list[SeenQuestion]:
    with trial.application.sessions() as session:
        found = session.scalars(listing.query(scope, shown=shown)).all()
        return listing.seen(session, scope, found)


def answer(
    trial: Trial, question_id: int, given: str, scope: Scope = SCOPE, **options: Any
) -> Answered:
    application = trial.application
    return answering.answer(
        application.sessions, question_id, Answer(given), home=application.settings.home,
        scope=scope, now=application.clock(), **options,
    )  # fmt: skip


def undo(trial: Trial, question_id: int, scope: Scope = SCOPE) -> Answered:
    application = trial.application
    return answering.undo(
        application.sessions, question_id, home=application.settings.home, scope=scope,
        now=application.clock(),
    )  # fmt: skip


def states(trial: Trial) -> dict[str, str]:
    """Key of each question -> its state."""
    return dict(trial.stored(select(StoredQuestion.key, StoredQuestion.state)))
