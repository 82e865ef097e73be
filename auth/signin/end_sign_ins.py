"""Ending what sign-ins gave: in one browser, or in every browser and application at once.

Apart from ``backchannel``, which tells applications, so that a process that only ends sign-ins does
not load the code that signs the notices.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, insert, select
from sqlalchemy.orm import Session

from auth.clients.client import Client
from auth.models import AuthorizationCode, Grant, LogoutNotice, SignIn, table_of

GIVEN_UP_AFTER = timedelta(days=1)
"""An application that does not hear of a sign-out for so long is not told any more."""


def end_grants(
    db: Session | Connection, sign_in: SignIn, clients: Mapping[str, Client], now: datetime
) -> int:
    """Revoke what clients got in this sign-in, and note whom to tell; return how many.

    What was given for offline access stays: it is meant to outlive the sign-in.
    """
    given = select(Grant.grant_id, Grant.client_id, Grant.scope).where(Grant.sid == sign_in.sid)
    ended = db.execute(given).all()
    over = [grant.grant_id for grant in ended if "offline_access" not in grant.scope.split()]
    db.execute(delete(Grant).where(Grant.grant_id.in_(over)))
    told = sorted({grant.client_id for grant in ended})
    signed_in = [(client_id, sign_in.person_id, sign_in.sid) for client_id in told]
    return _note_whom_to_tell(db, signed_in, clients, now)


def end_people(
    db: Session,
    person_ids: Collection[str],
    clients: Mapping[str, Client],
    now: datetime,
    *,
    kept_sids: Collection[str] = (),
) -> int:
    """End every sign-in, code under way and token of these people, for offline access too, and
    note whom to tell; return how many. What has one of ``kept_sids`` stays."""
    given = db.execute(
        select(Grant.client_id, Grant.person_id, Grant.sid)
        .where(Grant.person_id.in_(person_ids), Grant.sid.not_in(kept_sids))
        .distinct()
    )
    waiting = _note_whom_to_tell(db, ((row[0], row[1], row[2]) for row in given), clients, now)
    for table in (SignIn, AuthorizationCode, Grant):
        theirs = table.person_id.in_(person_ids)
        db.execute(delete(table).where(theirs, table.sid.not_in(kept_sids)))
    return waiting


def _note_whom_to_tell(
    db: Session | Connection,
    given: Iterable[tuple[str, str, str]],
    clients: Mapping[str, Client],
    now: datetime,
) -> int:
    """Add a notice for each client, person and sign-in; return how many."""
    notices = [
        {
            "client_id": client_id,
            "person_id": person_id,
            "sid": sid,
            "next_try_at": now,
            "expires_at": now + GIVEN_UP_AFTER,
        }
        for client_id, person_id, sid in given
        if client_id in clients and clients[client_id].backchannel_logout_uri
    ]
    if notices:
        db.execute(insert(table_of(LogoutNotice)), notices)
    return len(notices)
