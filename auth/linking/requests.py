"""Requests of people whom we could not find: sent to a school, answered once, then forgotten."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, sessionmaker

from auth.linking.comparison import valid_snils
from auth.linking.models import LinkRequest
from auth.outside import OutsideIdentity

SEEN_AGE = timedelta(days=1)
"""The time for which an answer that was read stays, for a second look."""

_COPIED = (
    "provider", "subject", "family_name", "given_name", "middle_name", "birth_date", "child"
)  # fmt: skip


def request_of(db: Session, identity: OutsideIdentity, now: datetime) -> LinkRequest | None:
    """Return the identity's request, open or answered, if it has not expired."""
    request = db.scalar(select(LinkRequest).where(*_theirs(identity)))
    return request if request and request.expires_at > now else None


def send(
    session_factory: sessionmaker[Session],
    identity: OutsideIdentity,
    school_code: str,
    *,
    age: timedelta,
    now: datetime,
) -> None:
    """Open a request, in place of one that was answered. One that is open stays as it is: there is
    one for each identity, however often and wherever the form is sent."""
    try:
        with session_factory.begin() as db:
            old = db.scalar(select(LinkRequest).where(*_theirs(identity)))
            if old and old.answered_at is None and old.expires_at > now:
                return
            if old:
                db.delete(old)
                db.flush()
            copied = {name: getattr(identity, name) for name in _COPIED}
            db.add(
                LinkRequest(
                    **copied,
                    snils=valid_snils(identity.snils),
                    school_code=school_code,
                    asked_at=now,
                    expires_at=now + age,
                )
            )
    except IntegrityError:
        # Sent twice at once: the other one is there.
        return


def withdraw(session_factory: sessionmaker[Session], identity: OutsideIdentity) -> None:
    """Forget the identity's request."""
    with session_factory.begin() as db:
        db.execute(delete(LinkRequest).where(*_theirs(identity)))


def refuse(request: LinkRequest, answer: str, *, age: timedelta, now: datetime) -> None:
    """Keep the school's answer for the person to read, and nothing about the person."""
    request.answered_at, request.answer, request.expires_at = now, answer, now + age
    request.family_name = request.given_name = request.middle_name = request.snils = ""
    request.birth_date = None


def mark_seen(request: LinkRequest, now: datetime) -> None:
    """Note that the person has read the answer, which expires soon."""
    if not request.seen:
        request.seen, request.expires_at = True, min(request.expires_at, now + SEEN_AGE)


def _theirs(identity: OutsideIdentity) -> tuple[ColumnElement[bool], ...]:
    return LinkRequest.provider == identity.provider, LinkRequest.subject == identity.subject
