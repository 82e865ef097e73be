"""What an administrator does about outside identities: answer requests, end links, see the history.

Everything is inside the operator's ``Scope``; what is outside does not exist (``Forbidden``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import Session

from auth.clients.client import Client
from auth.linking import links, requests
from auth.linking.comparison import Agreement, Comparison, compare, is_another_human, likeness
from auth.linking.links import add_link, end_link, links_of
from auth.linking.models import Evidence, Link, LinkEvent, LinkRequest
from auth.settings import LinkingSettings
from service import audit
from service.access import Forbidden, Scope
from service.audit import AuditAction
from service.models import KnownUser, OperatorRole, SchoolMembership
from service.people.passwords import find_person

NEAR_ENOUGH = 0.6
"""Likeness of full names from which somebody is worth a look (``comparison.likeness``)."""
SHOWN_CANDIDATES = 8
MAX_TEXT = 500


class LinkProblem(Exception):
    """The request or link cannot be dealt with so; ``code`` says why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """Somebody of the school who may have sent a request."""

    person: KnownUser
    class_title: str
    """At the school that was asked."""
    compared: Comparison
    likeness: float
    another_human: bool
    """Never to be linked to it."""
    linked: bool
    """The person is linked to another outside identity already."""


def waiting(scope: Scope, now: datetime) -> Select[LinkRequest]:
    """The open requests to schools of the scope, the oldest first."""
    return select(LinkRequest).where(_open_in(scope, now)).order_by(LinkRequest.id)


def waiting_count(session: Session, scope: Scope, now: datetime) -> int:
    return session.scalars(
        select(func.count()).select_from(LinkRequest).where(_open_in(scope, now))
    ).one()


def find_request(session: Session, scope: Scope, number: int, now: datetime) -> LinkRequest:
    """An open request. Raises ``Forbidden``, also for one that was answered meanwhile."""
    request = session.scalar(
        select(LinkRequest).where(LinkRequest.id == number, _open_in(scope, now))
    )
    if request is None:
        raise Forbidden("request")
    return request


def candidates(session: Session, request: LinkRequest) -> list[Candidate]:
    """People of the school that was asked with the same СНИЛС or a name alike, the likeliest
    first."""
    place = SchoolMembership
    asked = Scope(actor="", role=OperatorRole.SCHOOL, items=frozenset({request.school_code}))
    here = (place.person_id == KnownUser.person_id) & (place.school_code == request.school_code)
    people = session.execute(
        select(KnownUser, place.class_title)
        .outerjoin(place, here)
        .where(
            KnownUser.moodle_id.is_not(None),
            asked.people(),
        )
    ).all()
    titles = {person.person_id: title or "" for person, title in people}
    near = []
    for person, _title in people:
        compared = compare(request, person)
        alike = likeness(request, person)
        if compared.snils == Agreement.SAME or alike >= NEAR_ENOUGH:
            near.append((person, compared, alike))
    near.sort(key=lambda one: (one[1].snils != Agreement.SAME, -one[2], one[0].username))
    near = near[:SHOWN_CANDIDATES]
    linked = set(
        session.scalars(
            select(Link.person_id).where(
                Link.provider == request.provider,
                Link.person_id.in_([person.person_id for person, _, _ in near]),
            )
        )
    )
    return [
        Candidate(
            person=person,
            class_title=titles[person.person_id],
            compared=compared,
            likeness=alike,
            another_human=is_another_human(request, person),
            linked=person.person_id in linked,
        )
        for person, compared, alike in near
    ]


def grant(
    session: Session,
    scope: Scope,
    number: int,
    login: str,
    *,
    reason: str,
    relink: bool,
    clients: Mapping[str, Client],
    now: datetime,
) -> KnownUser:
    """Link the identity of a request to the person with this login; at the next sign-in they get
    straight in.

    ``relink``: end the link that the person has to another identity, which needs a reason. Raises
    ``Forbidden`` for a request or a person outside the scope, and ``LinkProblem``.
    """
    request = find_request(session, scope, number, now)
    person = find_person(session, scope, login)
    if is_another_human(request, person):
        raise LinkProblem("link.another_human")
    earlier = next(
        (link for link in links_of(session, person.person_id) if link.provider == request.provider),
        None,
    )
    if earlier and not relink:
        raise LinkProblem("link.taken")
    if earlier:
        reason = _said(reason)
        end_link(
            session,
            earlier,
            school_code=person.school_code,
            actor=scope.actor,
            reason=reason,
            clients=clients,
            now=now,
        )
    add_link(
        session,
        provider=request.provider,
        subject=request.subject,
        person_id=person.person_id,
        school_code=person.school_code,
        evidence=Evidence.SCHOOL,
        actor=scope.actor,
        reason=_words(reason),
        now=now,
    )
    audit.record(
        session, AuditAction.LINK_REPLACE if earlier else AuditAction.LINK_GRANT, at=now,
        actor=scope.actor, school_code=person.school_code, person_id=person.person_id,
    )  # fmt: skip
    return person


def refuse(
    session: Session,
    scope: Scope,
    number: int,
    answer: str,
    *,
    settings: LinkingSettings,
    now: datetime,
) -> None:
    """Answer a request with the reason, which the person reads at the next try.

    Raises ``Forbidden``, and ``LinkProblem`` without a reason.
    """
    request = find_request(session, scope, number, now)
    age = timedelta(days=settings.request_days)
    requests.refuse(request, _said(answer), age=age, now=now)
    audit.record(
        session, AuditAction.LINK_REFUSE, at=now, actor=scope.actor,
        school_code=request.school_code, request=request.id,
    )  # fmt: skip


def unlink(
    session: Session,
    scope: Scope,
    login: str,
    link_id: int,
    *,
    reason: str,
    clients: Mapping[str, Client],
    now: datetime,
) -> KnownUser:
    """End a link of a person, and every sign-in and token that may have begun with it.

    Raises ``Forbidden`` for a person outside the scope or without this link, and ``LinkProblem``
    without a reason.
    """
    person = find_person(session, scope, login)
    link = next((link for link in links_of(session, person.person_id) if link.id == link_id), None)
    if link is None:
        raise Forbidden("link")
    end_link(
        session,
        link,
        school_code=person.school_code,
        actor=scope.actor,
        reason=_said(reason),
        clients=clients,
        now=now,
    )
    audit.record(
        session, AuditAction.LINK_END, at=now, actor=scope.actor,
        school_code=person.school_code, person_id=person.person_id,
    )  # fmt: skip
    return person


def history(scope: Scope) -> Select[LinkEvent]:
    """Every link made and ended at schools of the scope, the newest first.

    A school sees what happened while the person was its own.
    """
    return (
        select(LinkEvent)
        .where(LinkEvent.school_code.in_(scope.codes()))
        .order_by(LinkEvent.id.desc())
    )


def history_of(session: Session, scope: Scope, person: KnownUser) -> list[LinkEvent]:
    """That part of the ``history`` which is about one person."""
    inside = set(session.scalars(scope.codes()))
    events = links.history_of(session, person.person_id)
    return [event for event in events if event.school_code in inside]


def _open_in(scope: Scope, now: datetime) -> ColumnElement[bool]:
    return (
        LinkRequest.answered_at.is_(None)
        & (LinkRequest.expires_at > now)
        & LinkRequest.school_code.in_(scope.codes())
    )


def _said(text: str) -> str:
    """The operator's words; ``LinkProblem`` when there are none."""
    if not (said := _words(text)):
        raise LinkProblem("link.no_reason")
    return said


def _words(text: str) -> str:
    """What was typed, without what cannot be shown or stored."""
    shown = (sign for sign in text.replace("\r", "") if sign.isprintable() or sign == "\n")
    return "".join(shown).strip()[:MAX_TEXT]
