"""Accounts of Moodle that may be a person's: asked about when one stands in the way, and what the
next plan does by the answer.

The question is raised by Moodle while a plan is applied. The person waits for the answer, for some
days; then, and where the names deny it, they get an account with the next free login.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from provisioning.changes import LOGIN_TAKEN, Action, Change, Kind, Outcome, Result
from provisioning.foreign_accounts import (
    ACCOUNT_ASKED,
    ADOPTS,
    LETS_GO,
    fields_of,
    question_about,
)
from provisioning.questions import Question
from service.db import chunks, rows_among, upsert
from service.loads import asking
from service.models import (
    AccountState,
    ForeignAccount,
    KnownUser,
    QuestionState,
    SourceKey,
    StoredQuestion,
)

_OPEN = StoredQuestion.kind.in_(asking.ABOUT_AN_ACCOUNT) & (
    StoredQuestion.state == QuestionState.OPEN
)


def ask(
    session: Session, outcomes: Sequence[Outcome], *, load_id: int, days: int, now: datetime
) -> Sequence[Outcome]:
    """Store what is to be asked about accounts that stand in the way, and close what is settled.

    ``days``: so long a person waits. Returns the outcomes in their order; of those who wait the
    code says so.
    """
    creations = [
        one
        for one in outcomes
        if one.change.kind == Kind.USER and one.change.action == Action.CREATE
    ]
    if not creations:
        return outcomes
    _forget_given_back(session, creations)
    _close(session, [one.change.key for one in creations if one.result == Result.DONE], now)
    questions: dict[str, Question] = {}
    for one in creations:
        if days and one.code in LOGIN_TAKEN and one.account is not None:
            asked = _asked(session, one.change, one.account, now)
            if asked and _may_wait(session, asked, now, timedelta(days=days)):
                questions[one.change.key] = asked
    if not questions:
        return outcomes
    asking.keep_questions(session, load_id, questions.values(), now)
    return [
        replace(one, code=ACCOUNT_ASKED)
        if one.change.key in questions and one.change.kind == Kind.USER
        else one
        for one in outcomes
    ]


def _asked(
    session: Session, change: Change, account: Mapping[str, Any], now: datetime
) -> Question | None:
    """Return the question about the account, if there is one to ask; keep how it was found."""
    number, person_id = int(account["id"]), change.key
    ours = select(KnownUser.person_id).where(KnownUser.moodle_id == number)
    question = question_about(change.after, account)
    if question is None or session.scalar(ours) is not None:
        return None
    known = session.get(ForeignAccount, (person_id, number), populate_existing=True)
    if known is not None and known.state == AccountState.DIFFERENT:
        return None
    told = json.dumps(fields_of(account), ensure_ascii=False)
    row = {
        "person_id": person_id, "moodle_id": number, "state": AccountState.ASKED, "account": told,
        "to_let_go": "", "seen_at": now,
    }  # fmt: skip
    upsert(session, ForeignAccount, [row])
    return question


def _may_wait(session: Session, question: Question, now: datetime, longest: timedelta) -> bool:
    """Tell whether the person waits on; a question that waited for too long is closed.

    So is one of the other kind: the account has another name by now.
    """
    waiting = session.scalars(
        select(StoredQuestion)
        .where(
            _OPEN,
            StoredQuestion.school_code == question.school_code,
            StoredQuestion.key == question.key,
        )
        .with_for_update()
    ).all()
    is_over = any(one.asked_at < now - longest for one in waiting)
    for one in waiting:
        if is_over or one.kind != question.kind:
            one.state, one.changed_at = QuestionState.SUPERSEDED, now
    session.flush()
    return not is_over


def _close(session: Session, people: Sequence[str], now: datetime) -> None:
    """Close what waits about people who have an account now."""
    if not people or session.scalar(select(StoredQuestion.id).where(_OPEN).limit(1)) is None:
        return
    keys = select(SourceKey.school_code, SourceKey.sourced_id)
    rows = {(school, key) for school, key in rows_among(session, keys, SourceKey.person_id, people)}
    for some in chunks(sorted(rows)):
        settled = select(StoredQuestion).where(
            _OPEN,
            StoredQuestion.school_code.in_({school for school, _ in some}),
            StoredQuestion.key.in_({key for _, key in some}),
        )
        for one in session.scalars(settled.order_by(StoredQuestion.id).with_for_update()):
            if (one.school_code, one.key) in rows:
                one.state, one.changed_at = QuestionState.SUPERSEDED, now
    session.flush()


def _forget_given_back(session: Session, creations: Iterable[Outcome]) -> None:
    """Note that Moodle has got back what was to be let go.

    That comes before it is looked whether the login is free; whatever else became of the creation,
    it is tried again, which is harmless.
    """
    given_back = [
        one.change.key
        for one in creations
        if one.change.after.get(LETS_GO) and (one.result == Result.DONE or one.code in LOGIN_TAKEN)
    ]
    for people in chunks(given_back):
        session.execute(
            update(ForeignAccount).where(ForeignAccount.person_id.in_(people)).values(to_let_go="")
        )


def for_plan(session: Session, people: Iterable[str]) -> Mapping[str, Mapping[str, Any]]:
    """Return what the new accounts of these people take over, or give back, by person id."""
    return dict(_for_plan(session, set(people)))


def _for_plan(session: Session, people: set[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    found: dict[str, dict[str, Any]] = {}
    # Few in a whole city: whoever has an account by now is left out.
    waiting = (
        select(ForeignAccount)
        .outerjoin(
            KnownUser,
            (KnownUser.person_id == ForeignAccount.person_id) & KnownUser.moodle_id.is_not(None),
        )
        .where(
            KnownUser.person_id.is_(None),
            (ForeignAccount.state == AccountState.SAME) | (ForeignAccount.to_let_go != ""),
        )
        .order_by(ForeignAccount.person_id, ForeignAccount.moodle_id)
    )
    for one in session.scalars(waiting):
        told = found.setdefault(one.person_id, {})
        if one.state == AccountState.SAME:
            idnumber = json.loads(one.account).get("idnumber", "")
            told[ADOPTS] = {"id": one.moodle_id, "idnumber": idnumber}
        elif one.to_let_go:
            told[LETS_GO] = json.loads(one.to_let_go)
    yield from ((key, told) for key, told in found.items() if key in people)
