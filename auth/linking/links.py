"""Links between outside identities and our people: made, ended, and their history."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import ColumnElement, case, delete, exists, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased, sessionmaker

from auth.clients.client import Client
from auth.directory import Account
from auth.linking.models import Evidence, Link, LinkAction, LinkEvent, LinkRequest
from auth.models import Method, SignIn
from auth.outside import OutsideIdentity
from auth.signin.end_sign_ins import end_people


def is_linked(
    person_id: ColumnElement[str] | InstrumentedAttribute[str], at: datetime | None = None
) -> ColumnElement[bool]:
    """Tell whether an outside identity opens the account of this person now, or did so at ``at``.

    The links of now are counted, and what was made and ended since then is taken back.
    """
    if at is None:
        return exists().where(Link.person_id == person_id)
    links = select(func.count()).where(Link.person_id == person_id).scalar_subquery()
    event = aliased(LinkEvent)
    change = func.sum(case((event.action == LinkAction.LINKED, 1), else_=-1))
    later = select(func.coalesce(change, 0)).where(event.person_id == person_id, event.at > at)
    return links > later.scalar_subquery()


def links_of(db: Session, person_id: str) -> list[Link]:
    return list(db.scalars(select(Link).where(Link.person_id == person_id).order_by(Link.id)))


def link_by_evidence(
    session_factory: sessionmaker[Session],
    identity: OutsideIdentity,
    account: Account,
    evidence: Evidence,
    now: datetime,
) -> bool:
    """Link them without anybody of the school; a request that waits is settled by it.

    False when the account is linked to another identity: of two at once one wins. When the same
    identity comes twice at once it is linked once, and both are told True.
    """
    try:
        with session_factory.begin() as db:
            add_link(
                db,
                provider=identity.provider,
                subject=identity.subject,
                person_id=account.person_id,
                school_code=account.school_code,
                evidence=evidence,
                now=now,
            )
    except IntegrityError:
        with session_factory() as db:
            there = db.scalar(
                select(Link.subject).where(
                    Link.provider == identity.provider, Link.person_id == account.person_id
                )
            )
        return there == identity.subject
    return True


def add_link(
    db: Session,
    *,
    provider: str,
    subject: str,
    person_id: str,
    school_code: str,
    evidence: Evidence,
    now: datetime,
    actor: str = "",
    reason: str = "",
) -> None:
    """Make a link with its history, and drop the identity's request to a school.

    Raises ``IntegrityError`` when the person has a link of this provider: end it first.
    """
    link = Link(
        provider=provider,
        subject=subject,
        person_id=person_id,
        linked_at=now,
        evidence=evidence.value,
    )
    db.add(link)
    db.flush()
    by = {"school_code": school_code, "actor": actor, "reason": reason}
    _record(db, LinkAction.LINKED, link, now, **by)
    db.execute(
        delete(LinkRequest).where(LinkRequest.provider == provider, LinkRequest.subject == subject)
    )


def end_link(
    db: Session,
    link: Link,
    *,
    school_code: str,
    actor: str,
    reason: str,
    clients: Mapping[str, Client],
    now: datetime,
) -> None:
    """End the link and the sign-ins from outside, with their codes and tokens; the history says who
    did it and why.

    Applications that hear of sign-outs are told by the next ``backchannel.send_notices``.
    """
    by = {"school_code": school_code, "actor": actor, "reason": reason}
    _record(db, LinkAction.UNLINKED, link, now, **by)
    db.delete(link)
    db.flush()
    # Nobody knows how a sign-in that is over began: what it left ends too, also tokens that are
    # meant to outlive a sign-in, which somebody else may hold.
    kept = db.scalars(
        select(SignIn.sid).where(
            SignIn.person_id == link.person_id, SignIn.method != Method.ESIA.value
        )
    ).all()
    end_people(db, [link.person_id], clients, now, kept_sids=kept)


def _record(db: Session, action: LinkAction, link: Link, now: datetime, **by: str) -> None:
    """Add an event with the school, the operator and the reason."""
    names = ("provider", "subject", "person_id", "evidence")
    copied = {name: getattr(link, name) for name in names}
    db.add(LinkEvent(at=now, action=action.value, **copied, **by))
