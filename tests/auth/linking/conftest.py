"""A provider to which outside identities arrive, as from the callback of an outside provider."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask import request
from sqlalchemy import select
from werkzeug.wrappers import Response

from auth.linking.links import add_link
from auth.linking.models import Evidence, Link, LinkEvent
from auth.outside import OutsideIdentity
from auth.settings import LinkingSettings
from tests.auth.conftest import Portal
from tests.relying_party import Browser, Page

SNILS = "11223344595"
"""Of the pupil, with a right check number."""
OTHER_SNILS = "08765430300"


def make_identity(**changes: Any) -> OutsideIdentity:
    """The pupil of ``make_account`` as ЕСИА knows them."""
    values: dict[str, Any] = {
        "provider": "esia",
        "subject": "1000299353",
        "family_name": "Проверочный",
        "given_name": "Ученик",
        "middle_name": "Образцович",
        "birth_date": date(2014, 3, 5),
        "snils": SNILS,
        "confirmed": True,
    }
    return OutsideIdentity(**values | changes)


@dataclass(kw_only=True)
class Door:
    """Where identities come in, and what came of it."""

    portal: Portal
    identities: list[OutsideIdentity] = field(default_factory=list)

    def address(self, identity: OutsideIdentity, authorize: str = "") -> str:
        """Opening it is the callback of an outside sign-in as ``identity``; ``authorize`` is the
        authorization request that began it."""
        self.identities.append(identity)
        number = len(self.identities) - 1
        return f"{self.portal.issuer}/outside/{number}?{urlsplit(authorize).query}"

    def callback(self, number: int) -> Response:
        arrive = self.portal.provider.context.arrive
        return arrive(self.identities[number], query=request.query_string.decode())

    def configure(self, **changes: Any) -> None:
        self.portal.change(linking=LinkingSettings(**changes))

    def pupil(self, person_id: str, **changes: Any) -> None:
        """Change what the school's record says of somebody."""
        people = self.portal.people
        people.add(replace(people.accounts[person_id], **changes))

    def link(self, person_id: str, identity: OutsideIdentity) -> None:
        """A link that an administrator made earlier."""
        with self.portal.session_factory.begin() as db:
            add_link(
                db,
                provider=identity.provider,
                subject=identity.subject,
                person_id=person_id,
                school_code="1001",
                evidence=Evidence.SCHOOL,
                now=self.portal.clock(),
            )

    def links(self) -> dict[str, str]:
        """Person -> subject."""
        with self.portal.session_factory() as db:
            return {link.person_id: link.subject for link in db.scalars(select(Link))}

    def history(self) -> list[tuple[str, str, str]]:
        """Action, evidence and actor of each event."""
        with self.portal.session_factory() as db:
            events = db.scalars(select(LinkEvent).order_by(LinkEvent.id))
            return [(one.action, one.evidence, one.actor) for one in events]

    def refusals(self) -> list[tuple[str | None, str, str]]:
        return [(e.person_id, e.method, e.reason) for e in self.portal.events() if e.reason]


@pytest.fixture
def portal(start_portal: Callable[..., Portal]) -> Portal:
    """In the phase that lets people in both ways."""
    return start_portal(phase="both")


@pytest.fixture
def door(portal: Portal) -> Door:
    door = Door(portal=portal)
    portal.app.add_url_rule("/outside/<int:number>", view_func=door.callback)
    return door


@pytest.fixture
def another_browser(portal: Portal) -> Iterator[Browser]:
    browser = Browser(portal.issuer)
    yield browser
    browser.close()


def heading(page: Page) -> str:
    return page.text.partition("<h1>")[2].partition("</h1>")[0]
