"""Ending everything that people's sign-ins gave, in every browser and application at once.

Apart from ``backchannel``, which tells applications, so that a process that only ends sign-ins does
not load what signs the notices.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from auth.clients.client import Client
from auth.models import AuthorizationCode, Grant, LogoutNotice, SignIn

GIVEN_UP_AFTER = timedelta(days=1)
"""An application that does not hear of a sign-out for so long is not told any more."""


def end_people(
    db: Session,
    person_ids: Collection[str],
    clients: Mapping[str, Client],
    now: datetime,
    *,
    kept_sids: Collection[str] = (),
) -> int:
    """End every sign-in, code under way and token of these people, for offline access too, and
    note whom to tell; how many notices there are. What has one of ``kept_sids`` stays."""
    ended = db.execute(
        select(Grant.client_id, Grant.person_id, Grant.sid)
        .where(Grant.person_id.in_(person_ids), Grant.sid.not_in(kept_sids))
        .distinct()
    ).all()
    notices = [
        LogoutNotice(
            client_id=client_id,
            person_id=person_id,
            sid=sid,
            next_try_at=now,
            expires_at=now + GIVEN_UP_AFTER,
        )
        for client_id, person_id, sid in ended
        if client_id in clients and clients[client_id].backchannel_logout_uri
    ]
    db.add_all(notices)
    for table in (SignIn, AuthorizationCode, Grant):
        theirs = table.person_id.in_(person_ids)
        db.execute(delete(table).where(theirs, table.sid.not_in(kept_sids)))
    return len(notices)
