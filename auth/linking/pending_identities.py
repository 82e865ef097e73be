"""Pending identities: kept between the outside sign-in and the answer whose account it is.

They stand neither in the address nor in the browser, which get a random key that no other browser
may use. The choices that people made before are remembered here too.
"""

from __future__ import annotations

import secrets
from dataclasses import asdict
from datetime import date, timedelta
from typing import Any, cast

from sqlalchemy import CursorResult, delete

from auth.linking.models import LinkChoice, PendingIdentity
from auth.models import digest
from auth.oidc.context import Context
from auth.outside import OutsideChild, OutsideIdentity

PENDING_AGE = timedelta(minutes=30)
"""Time to find the slip with the school login, or to choose a school."""
CHOICE_AGE = timedelta(days=30)
"""A browser that stays open for longer is asked again."""


def keep(context: Context, identity: OutsideIdentity, *, query: str, browser: str) -> str:
    """Store an identity and return its key. ``browser`` is the cookie that it is bound to."""
    key = secrets.token_urlsafe(24)
    born = identity.birth_date.isoformat() if identity.birth_date else None
    with context.session_factory.begin() as db:
        db.add(
            PendingIdentity(
                arrival_hash=digest(key),
                browser_hash=digest(browser),
                identity=asdict(identity) | {"birth_date": born},
                query=query,
                expires_at=context.clock() + PENDING_AGE,
            )
        )
    return key


def find(context: Context, key: str, *, browser: str) -> PendingIdentity | None:
    """Return the identity with this key, if it has not expired and this browser brought it."""
    with context.session_factory() as db:
        kept = db.get(PendingIdentity, digest(key))
        db.expunge_all()
    if kept is None or kept.expires_at <= context.clock():
        return None
    return kept if kept.browser_hash == digest(browser) else None


def use_up(context: Context, kept: PendingIdentity) -> bool:
    """Delete it, as it lets somebody in now; False when another request has done so."""
    this = delete(PendingIdentity).where(PendingIdentity.arrival_hash == kept.arrival_hash)
    with context.session_factory.begin() as db:
        return cast("CursorResult[Any]", db.execute(this)).rowcount == 1


def identity_of(kept: PendingIdentity) -> OutsideIdentity:
    values = dict(kept.identity)
    if values["birth_date"]:
        values["birth_date"] = date.fromisoformat(values["birth_date"])
    values["children"] = tuple(OutsideChild(**child) for child in values["children"])
    return OutsideIdentity(**values)


def remember_choice(
    context: Context, identity: OutsideIdentity, person_id: str, *, browser: str
) -> None:
    """Let this identity enter as the same person next time, without being asked.

    ``browser`` is a cookie of its own: that of the sign-in changes with each one.
    """
    with context.session_factory.begin() as db:
        db.merge(
            LinkChoice(
                choice_hash=_choice_hash(identity, browser),
                person_id=person_id,
                expires_at=context.clock() + CHOICE_AGE,
            )
        )


def remembered_choice(context: Context, identity: OutsideIdentity, *, browser: str) -> str:
    """Return the id of the person chosen, or an empty text."""
    with context.session_factory() as db:
        choice = db.get(LinkChoice, _choice_hash(identity, browser))
        return choice.person_id if choice and choice.expires_at > context.clock() else ""


def _choice_hash(identity: OutsideIdentity, browser: str) -> str:
    return digest(f"{browser} {identity.provider} {identity.subject}")
