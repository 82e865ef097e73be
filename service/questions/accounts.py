"""What an answer about an account of Moodle changes of our records, and the way back.

Moodle itself is changed by the plan that comes after, which somebody approves.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from provisioning.changes import Kind
from provisioning.foreign_accounts import number_of
from service.loads.known_state import places_of
from service.models import (
    AccountState,
    CohortMember,
    ForeignAccount,
    Identity,
    KnownEnrolment,
    KnownObject,
    KnownUser,
    TakenLogin,
)
from service.problems import Problem


class AccountProblem(Problem):
    """The account cannot be taken over, left alone or given back."""


def take_over(session: Session, person_id: str, candidate: str) -> dict[str, Any]:
    """Let the next plan take the account over, with its login.

    Raises ``AccountProblem``: ``asked.has_account``, and ``asked.login_of_another`` when another of
    our people has been promised that login.
    """
    _check_no_account(session, person_id)
    account = session.get_one(
        ForeignAccount, (person_id, number_of(candidate)), populate_existing=True
    )
    identity = session.get_one(Identity, person_id, populate_existing=True)
    username = json.loads(account.account)["username"]
    before = identity.username
    if username and username != before:
        promised = select(Identity.person_id).where(Identity.username == username)
        if session.scalar(promised) is not None:
            raise AccountProblem("asked.login_of_another")
        identity.username = username
    session.execute(delete(TakenLogin).where(TakenLogin.username == username))
    account.state, account.to_let_go = AccountState.SAME, ""
    session.flush()
    return _told(account, before, identity.username)


def leave_alone(session: Session, person_id: str, candidate: str, now: Any) -> dict[str, Any]:
    """Let the person get the next free login, and never ask about this account again."""
    _check_no_account(session, person_id)
    account = session.get_one(
        ForeignAccount, (person_id, number_of(candidate)), populate_existing=True
    )
    account.state = AccountState.DIFFERENT
    username = session.get_one(Identity, person_id, populate_existing=True).username
    if session.get(TakenLogin, username) is None:
        session.add(TakenLogin(username=username, seen_at=now))
    session.flush()
    return _told(account, username, username)


def _told(account: ForeignAccount, before: str, after: str) -> dict[str, Any]:
    return {
        "person_id": account.person_id, "moodle_id": account.moodle_id,
        "username": [before, after],
    }  # fmt: skip


def _check_no_account(session: Session, person_id: str) -> None:
    made = select(KnownUser.moodle_id).where(KnownUser.person_id == person_id)
    if session.scalar(made) is not None:
        raise AccountProblem("asked.has_account")


def undo(session: Session, about: Mapping[str, Any]) -> None:
    """Ask about the account again. One that was taken over is given back by the next plan, without
    the places that it got from us. Raises
    ``AccountProblem("asked.has_account")`` when another one was made since."""
    person_id, number = about["person_id"], about["moodle_id"]
    account = session.get_one(ForeignAccount, (person_id, number), populate_existing=True)
    identity = session.get_one(Identity, person_id, populate_existing=True)
    user = session.get(KnownUser, person_id, populate_existing=True)
    if user is not None and user.moodle_id == number:
        _give_back(session, user, account)
    elif user is not None and user.moodle_id is not None:
        raise AccountProblem("asked.has_account")
    before, _after = about["username"]
    if account.state == AccountState.DIFFERENT:
        session.execute(delete(TakenLogin).where(TakenLogin.username == before))
    account.state = AccountState.ASKED
    promised = select(Identity.person_id).where(
        Identity.username == before, Identity.person_id != person_id
    )
    is_new = identity.username != before
    if is_new and session.scalar(promised) is None:
        identity.username = before
        if user is not None:
            user.username = before
    session.flush()


def _give_back(session: Session, user: KnownUser, account: ForeignAccount) -> None:
    """Forget that the account is ours, and keep what the next plan takes from it."""
    members, enrolments = places_of(session, [user.person_id])
    numbers = {
        (kind, key): number
        for kind, key, number in session.execute(
            select(KnownObject.kind, KnownObject.key, KnownObject.moodle_id).where(
                KnownObject.key.in_(
                    {one.cohort for one in members} | {c.course for c in enrolments}
                )
            )
        )
    }
    account.to_let_go = json.dumps(
        {
            "id": account.moodle_id,
            "fields": json.loads(account.account),
            "cohorts": sorted({numbers[Kind.COHORT, one.cohort] for one in members}),
            "courses": sorted({numbers[Kind.COURSE, one.course] for one in enrolments}),
        },
        ensure_ascii=False,
    )
    for table in (CohortMember, KnownEnrolment):
        session.execute(delete(table).where(table.person_id == user.person_id))
    session.execute(
        update(KnownUser)
        .where(KnownUser.person_id == user.person_id)
        .values(moodle_id=None, problem="account_asked")
        .execution_options(synchronize_session="fetch")
    )
