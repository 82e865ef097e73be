"""Use cases about outside identities: answer requests, end links, see the history.

Everything is inside the operator's ``Scope``; what is outside does not exist (``Forbidden``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Select, exists, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from auth.clients.client import Client
from auth.linking import requests
from auth.linking.comparison import Agreement, Comparison, compare, is_another_human, likeness
from auth.linking.links import add_link, end_link, links_of
from auth.linking.models import Evidence, Link, LinkEvent, LinkRequest
from auth.settings import LinkingSettings
from service import audit
from service.access import Forbidden, Scope
from service.audit import AuditAction
from service.models import KnownUser, OperatorRole, SchoolMembership
from service.people.passwords import find_person
from service.problems import Problem

NEAR_ENOUGH = 0.6
"""Likeness of full names from which somebody is worth a look (``comparison.likeness``)."""
SHOWN_CANDIDATES = 8
MAX_TEXT = 500


class LinkProblem(Problem):
    """A request or link cannot be changed as asked."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """A person of the school who may have sent a request."""

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
    """Select the open requests to schools of the scope, the oldest first."""
    return (
        select(LinkRequest)
        .where(
            LinkRequest.answered_at.is_(None),
            LinkRequest.expires_at > now,
            LinkRequest.school_code.in_(scope.codes()),
        )
        .order_by(LinkRequest.id)
    )


def waiting_count(session: Session, scope: Scope, now: datetime) -> int:
    return session.scalar(select(func.count()).select_from(waiting(scope, now).subquery())) or 0


def find_request(session: Session, scope: Scope, number: int, now: datetime) -> LinkRequest:
    """Return an open request. Raises ``Forbidden``, also for one that was answered meanwhile."""
    request = session.scalar(waiting(scope, now).where(LinkRequest.id == number))
    if request is None:
        raise Forbidden("request")
    return request


def candidates(session: Session, request: LinkRequest) -> list[Candidate]:
    """Return people of the school that was asked with the same СНИЛС or a name alike, the likeliest
    first."""
    place = SchoolMembership
    asked = Scope(actor="", role=OperatorRole.SCHOOL, items=frozenset({request.school_code}))
    here = (place.person_id == KnownUser.person_id) & (place.school_code == request.school_code)
    linked = exists().where(
        Link.person_id == KnownUser.person_id, Link.provider == request.provider
    )
    people = session.execute(
        select(KnownUser, place.class_title, linked)
        .outerjoin(place, here)
        .where(KnownUser.moodle_id.is_not(None), asked.people())
    )
    found = [
        Candidate(
            person=person,
            class_title=class_title or "",
            compared=compare(request, person),
            likeness=likeness(request, person),
            another_human=is_another_human(request, person),
            linked=is_linked,
        )
        for person, class_title, is_linked in people
    ]
    near = [one for one in found if _same_snils(one) or one.likeness >= NEAR_ENOUGH]
    near.sort(key=lambda one: (not _same_snils(one), -one.likeness, one.person.username))
    return near[:SHOWN_CANDIDATES]


def _same_snils(candidate: Candidate) -> bool:
    return candidate.compared.snils == Agreement.SAME


@dataclass(frozen=True, kw_only=True)
class Linking:
    """The changes that an operator makes, with what all of them need.

    Each method raises ``Forbidden`` for a request or a person outside the scope, and
    ``LinkProblem``, also where a reason is missing.
    """

    session: Session
    scope: Scope
    clients: Mapping[str, Client]
    """The applications that have to hear when a sign-in ends."""
    now: datetime

    def grant(self, number: int, login: str, *, reason: str, relink: bool) -> None:
        """Link the identity of a request to the person with this login; at the next sign-in they
        get straight in.

        ``relink``: end the link that the person has to another identity, which needs a reason.
        """
        request = find_request(self.session, self.scope, number, self.now)
        person = find_person(self.session, self.scope, login)
        if is_another_human(request, person):
            raise LinkProblem("link.another_human")
        links = links_of(self.session, person.person_id)
        earlier = next((link for link in links if link.provider == request.provider), None)
        if earlier:
            if not relink:
                raise LinkProblem("link.taken")
            self._end(earlier, person, reason)
        try:
            add_link(
                self.session,
                provider=request.provider,
                subject=request.subject,
                person_id=person.person_id,
                school_code=person.school_code,
                evidence=Evidence.SCHOOL,
                actor=self.scope.actor,
                reason=_words(reason),
                now=self.now,
            )
            self.session.flush()
        except IntegrityError as error:  # somebody else was faster
            raise LinkProblem("link.taken") from error
        self._record(AuditAction.LINK_REPLACE if earlier else AuditAction.LINK_GRANT, person)

    def refuse(self, number: int, answer: str, *, settings: LinkingSettings) -> None:
        """Answer a request with the reason, which the person reads at the next try."""
        request = find_request(self.session, self.scope, number, self.now)
        age = timedelta(days=settings.request_days)
        requests.refuse(request, _said(answer), age=age, now=self.now)
        audit.record(
            self.session, AuditAction.LINK_REFUSE, at=self.now, actor=self.scope.actor,
            school_code=request.school_code, request=request.id,
        )  # fmt: skip

    def unlink(self, login: str, link_id: int, *, reason: str) -> None:
        """End a link of a person, and every sign-in and token that may have begun with it.

        Raises ``Forbidden`` for a person without this link, too.
        """
        person = find_person(self.session, self.scope, login)
        links = links_of(self.session, person.person_id)
        link = next((link for link in links if link.id == link_id), None)
        if link is None:
            raise Forbidden("link")
        self._end(link, person, reason)
        self._record(AuditAction.LINK_END, person)

    def _end(self, link: Link, person: KnownUser, reason: str) -> None:
        end_link(
            self.session,
            link,
            school_code=person.school_code,
            actor=self.scope.actor,
            reason=_said(reason),
            clients=self.clients,
            now=self.now,
        )

    def _record(self, action: AuditAction, person: KnownUser) -> None:
        audit.record(
            self.session, action, at=self.now, actor=self.scope.actor,
            school_code=person.school_code, person_id=person.person_id,
        )  # fmt: skip


def history(scope: Scope) -> Select[LinkEvent]:
    """Select every link made and ended at schools of the scope, the newest first.

    A school sees what happened while the person was its own.
    """
    return (
        select(LinkEvent)
        .where(LinkEvent.school_code.in_(scope.codes()))
        .order_by(LinkEvent.id.desc())
    )


def _said(text: str) -> str:
    """Return the operator's words. Raises ``LinkProblem`` when there are none."""
    if not (said := _words(text)):
        raise LinkProblem("link.no_reason")
    return said


def _words(text: str) -> str:
    """Return what was typed, without what cannot be shown or stored."""
    shown = (sign for sign in text.replace("\r", "") if sign.isprintable() or sign == "\n")
    return "".join(shown).strip()[:MAX_TEXT]
