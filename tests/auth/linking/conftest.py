"""A provider to which outside identities arrive, as from the callback of an outside provider."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask import request
from werkzeug.wrappers import Response

from auth.linking.links import add_link
from auth.linking.models import Evidence, Link, LinkEvent
from auth.outside import OutsideChild, OutsideIdentity
from auth.settings import LinkingSettings
from tests.auth.conftest import FIRST_PASSWORD, Portal, StartPortal
from tests.auth.people import PUPIL
from tests.relying_party import Browser, Page

SNILS = "11223344595"
"""Of the pupil, with a right check number."""
OTHER_SNILS = "08765430300"
SUBJECT = "1000299353"
"""Of the pupil at ЕСИА."""
NOT_FOUND = "Мы не нашли вашу учётную запись"
IN = "Вы вошли"


PARENT: dict[str, Any] = {
    "subject": "1000000001",
    "given_name": "Родитель",
    "birth_date": date(1985, 7, 1),
    "snils": OTHER_SNILS,
    "children": (OutsideChild(snils=SNILS, given_name="Ученик"),),
}
"""Of the pupil, whose card has the child's own СНИЛС."""


def make_identity(**changes: Any) -> OutsideIdentity:
    """The pupil of ``make_account`` as ЕСИА knows them."""
    values: dict[str, Any] = {
        "provider": "esia",
        "subject": SUBJECT,
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
    """Where identities come in, in this browser, and what came of it."""

    portal: Portal
    browser: Browser
    identities: list[OutsideIdentity] = field(default_factory=list)

    def address(self, identity: OutsideIdentity, authorize: str = "") -> str:
        """Opening it is the callback of an outside sign-in as ``identity``; ``authorize`` is the
        authorization request that began it."""
        self.identities.append(identity)
        number = len(self.identities) - 1
        return f"{self.portal.issuer}/outside/{number}?{urlsplit(authorize).query}"

    def come(self, authorize: str = "", **changes: Any) -> Page:
        """Come back as the pupil, or as somebody with these ``changes``."""
        return self.browser.open(self.address(make_identity(**changes), authorize))

    def submit(self, page: Page, **typed: str) -> Page:
        return self.browser.submit(page, **typed)

    def confirm(self, page: Page, **typed: str) -> Page:
        """Type the pupil's login and first password."""
        return self.submit(page, **{"username": "1234p5678", "password": FIRST_PASSWORD} | typed)

    def see(self, page: Page, name: str) -> Page:
        """Open another of the pages that ask about the same identity."""
        return self.browser.open(re.sub(r"/linking/\w*\?", f"/linking/{name}?", page.url))

    def home(self) -> Page:
        """Our own page, or that of the sign-in for somebody who is not signed in."""
        return self.browser.open(f"{self.portal.issuer}/auth/")

    def callback(self, number: int) -> Response:
        arrive = self.portal.provider.context.arrive
        return arrive(self.identities[number], query=request.query_string.decode())

    def configure(self, **changes: Any) -> None:
        self.portal.change(linking=LinkingSettings(**changes))

    def record(self, person_id: str = PUPIL, **changes: Any) -> None:
        """Change what the school's record says of the pupil, or of somebody else."""
        people = self.portal.people
        people.add(replace(people.accounts[person_id], **changes))

    def link(self, person_id: str = PUPIL, **changes: Any) -> None:
        """A link of the pupil's identity, or one with ``changes``, that an administrator made."""
        identity = make_identity(**changes)
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
        return {link.person_id: link.subject for link in self.portal.rows(Link)}

    def history(self) -> list[tuple[str, str, str]]:
        """Action, evidence and actor of each event."""
        events = self.portal.rows(LinkEvent)
        return [(one.action, one.evidence, one.actor) for one in events]

    def refusals(self) -> list[tuple[str | None, str, str]]:
        return [(e.person_id, e.method, e.reason) for e in self.portal.events() if e.reason]


@pytest.fixture
def portal(request: pytest.FixtureRequest, start_portal: StartPortal) -> Portal:
    """In the phase that lets people in both ways."""
    return start_portal(**{"phase": "both"} | getattr(request, "param", {}))


@pytest.fixture
def door(portal: Portal, browser: Browser) -> Door:
    door = Door(portal=portal, browser=browser)
    portal.app.add_url_rule("/outside/<int:number>", view_func=door.callback)
    return door


@pytest.fixture
def another_door(door: Door, another_browser: Browser) -> Door:
    """The same in another browser."""
    return replace(door, browser=another_browser)
