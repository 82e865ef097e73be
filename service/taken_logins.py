"""Logins that Moodle holds for somebody else: remembered, and replaced by the next free one.

An account that only has our login is a stranger's and is left alone. The person whom it kept from
having an account is planned again under another login: in a new plan, which somebody approves.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from provisioning.apply import LOGIN_TAKEN
from provisioning.changes import Outcome
from provisioning.roster import Person
from provisioning.settings import LoginSettings
from service.db import chunks, upsert
from service.known_state import free_usernames
from service.models import Identity, TakenLogin


def remember(session: Session, creations: Sequence[Outcome], now: datetime) -> None:
    """Note the logins that kept these accounts from being made."""
    taken = {one.change.after["username"] for one in creations if one.code in LOGIN_TAKEN}
    upsert(session, TakenLogin, [{"username": name, "seen_at": now} for name in sorted(taken)])


def replace_taken(
    session: Session, without_account: Iterable[tuple[str, Person]], logins: LoginSettings
) -> None:
    """Reserve the next free login for everybody whose own one is taken in Moodle.

    ``without_account``: person id and row of those who have no account, which would keep its login.
    """
    for some in chunks(without_account):
        people: Mapping[str, Person] = dict(some)
        clashing = session.scalars(
            select(Identity.person_id)
            .join(TakenLogin, TakenLogin.username == Identity.username)
            .where(Identity.person_id.in_(people))
            .order_by(Identity.person_id)
        ).all()
        given = free_usernames(session, {one: people[one] for one in clashing}, logins)
        for person_id, username in given.items():
            session.execute(
                update(Identity).where(Identity.person_id == person_id).values(username=username)
            )
