"""Arrivals: an identity between its outside sign-in and the answer whose account it is.

They live here and not in the address or the browser, which get a random key that only the browser
it was made for may use. What somebody chose before is remembered here too.
"""

from __future__ import annotations

import secrets
from datetime import date, datetime, timedelta
from typing import Any, cast

from sqlalchemy import CursorResult, delete
from sqlalchemy.orm import Session, sessionmaker

from auth.linking.models import Arrival, LinkChoice
from auth.models import digest
from auth.outside import OutsideChild, OutsideIdentity

ARRIVAL_AGE = timedelta(minutes=30)
"""Time to find the slip with the school login, or to choose a school."""
CHOICE_AGE = timedelta(days=30)
"""A browser that stays open for longer is asked again."""


def keep(
    session_factory: sessionmaker[Session],
    identity: OutsideIdentity,
    *,
    query: str,
    browser: str,
    now: datetime,
) -> str:
    """Store an arrival; its key. ``browser`` is the cookie that it is bound to."""
    key = secrets.token_urlsafe(24)
    with session_factory.begin() as db:
        db.add(
            Arrival(
                arrival_hash=digest(key),
                browser_hash=digest(browser),
                identity=_written(identity),
                query=query,
                expires_at=now + ARRIVAL_AGE,
            )
        )
    return key


def find(
    session_factory: sessionmaker[Session], key: str, *, browser: str, now: datetime
) -> Arrival | None:
    """The arrival, when it counts and this very browser brought it."""
    with session_factory() as db:
        arrival = db.get(Arrival, digest(key))
        db.expunge_all()
    if arrival is None or arrival.expires_at <= now:
        return None
    return arrival if arrival.browser_hash == digest(browser) else None


def use_up(session_factory: sessionmaker[Session], arrival: Arrival) -> bool:
    """Delete it, as it lets somebody in now; False when another request has done so."""
    this = delete(Arrival).where(Arrival.arrival_hash == arrival.arrival_hash)
    with session_factory.begin() as db:
        return cast("CursorResult[Any]", db.execute(this)).rowcount == 1


def identity_of(arrival: Arrival) -> OutsideIdentity:
    values = dict(arrival.identity)
    if values["birth_date"]:
        values["birth_date"] = date.fromisoformat(values["birth_date"])
    values["children"] = tuple(OutsideChild(**child) for child in values["children"])
    return OutsideIdentity(**values)


def _written(identity: OutsideIdentity) -> dict[str, Any]:
    return {
        "provider": identity.provider,
        "subject": identity.subject,
        "family_name": identity.family_name,
        "given_name": identity.given_name,
        "middle_name": identity.middle_name,
        "birth_date": identity.birth_date.isoformat() if identity.birth_date else None,
        "snils": identity.snils,
        "confirmed": identity.confirmed,
        "child": identity.child,
        "children": [
            {"snils": child.snils, "given_name": child.given_name} for child in identity.children
        ],
    }


def remember_choice(
    session_factory: sessionmaker[Session],
    identity: OutsideIdentity,
    person_id: str,
    *,
    browser: str,
    now: datetime,
) -> None:
    """Next time this identity enters in this browser as the same person without being asked.

    ``browser`` is a cookie of its own: that of the sign-in changes with each one.
    """
    with session_factory.begin() as db:
        db.merge(
            LinkChoice(
                choice_hash=_choice_hash(identity, browser),
                person_id=person_id,
                expires_at=now + CHOICE_AGE,
            )
        )


def remembered_choice(
    session_factory: sessionmaker[Session],
    identity: OutsideIdentity,
    *,
    browser: str,
    now: datetime,
) -> str:
    """The person id, or empty."""
    with session_factory() as db:
        choice = db.get(LinkChoice, _choice_hash(identity, browser))
        return choice.person_id if choice and choice.expires_at > now else ""


def _choice_hash(identity: OutsideIdentity, browser: str) -> str:
    return digest(f"{browser} {identity.provider} {identity.subject}")
