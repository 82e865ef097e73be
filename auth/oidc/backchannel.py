"""OpenID Connect Back-Channel Logout: telling applications that somebody signed out here."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from joserfc import jwt
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session, sessionmaker

from auth.clients.client import Client
from auth.clients.registered import read_clients
from auth.models import LogoutNotice
from auth.oidc.keys import SigningKeys
from auth.settings import AuthSettings

EVENT = "http://schemas.openid.net/event/backchannel-logout"
TOKEN_SECONDS = 120
RETRY_AFTER = timedelta(minutes=5)

Post = Callable[[str, Mapping[str, str]], bool]
"""Posts a form to an address without following redirects; tells if it was taken (200 or 204)."""


def send_notices(
    session_factory: sessionmaker[Session],
    settings: AuthSettings,
    keys: SigningKeys,
    now: datetime,
    post: Post,
) -> int:
    """Try every notice that is due, and return how many were taken; several workers may do so.

    A notice that was not taken is tried again after ``RETRY_AFTER``, until it expires.
    """
    taken = 0
    with session_factory() as db:
        clients = read_clients(db, settings.clients, now).clients
        due = db.scalars(select(LogoutNotice.id).where(LogoutNotice.next_try_at <= now)).all()
    for number in due:
        notice = _claim(session_factory, number, now)
        client = clients.get(notice.client_id) if notice else None
        if notice is None or client is None or not client.backchannel_logout_uri:
            continue
        token = make_logout_token(notice, client, settings.issuer, keys, now)
        if post(client.backchannel_logout_uri, {"logout_token": token}):
            with session_factory.begin() as db:
                db.execute(delete(LogoutNotice).where(LogoutNotice.id == number))
            taken += 1
    return taken


def _claim(
    session_factory: sessionmaker[Session], number: int, now: datetime
) -> LogoutNotice | None:
    """Return the notice unless another worker is at it, and put its next try off."""
    claim = (
        update(LogoutNotice)
        .where(LogoutNotice.id == number, LogoutNotice.next_try_at <= now)
        .values(next_try_at=now + RETRY_AFTER)
        .returning(LogoutNotice)
    )
    with session_factory.begin() as db:
        notice = db.scalars(claim).one_or_none()
        db.expunge_all()
    return notice


def make_logout_token(
    notice: LogoutNotice, client: Client, issuer: str, keys: SigningKeys, now: datetime
) -> str:
    """Sign the message of Back-Channel Logout 1.0 section 2.4, anew for each try."""
    key = keys.signing(client.id_token_algorithm, now)
    issued = int(now.timestamp())
    claims: dict[str, Any] = {
        "iss": issuer,
        "aud": client.client_id,
        "iat": issued,
        "exp": issued + TOKEN_SECONDS,
        "jti": secrets.token_urlsafe(16),
        "sub": notice.person_id,
        "sid": notice.sid,
        "events": {EVENT: {}},
    }
    header = {"alg": key.algorithm, "kid": key.kid, "typ": "logout+jwt"}
    return jwt.encode(header, claims, key.key, [key.algorithm])
