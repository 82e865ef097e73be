"""A whole installation behind HTTP, at whose own page people of loaded schools sign in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from flask import Flask
from sqlalchemy import select

from auth.clients.client import Client
from auth.models import LoginEvent
from provisioning.passwords import birth_date_password
from service.models import KnownUser
from service.web import create_app
from tests.relying_party import Browser, Page, RelyingParty
from tests.service.command_line import free_port
from tests.service.console_factories import RecordingQueue, signing_key
from tests.service.trial import Trial
from tests.web import running_app

OWN = "зимний жираф"
MOODLE = Client(
    client_id="moodle",
    client_secret="moodle-secret",
    redirect_uris=("https://moodle.example/admin/oauth2callback.php",),
    name="Moodle школ",
    home_url="https://moodle.example/",
)


@dataclass(kw_only=True)
class OwnPage:
    """The provider of a trial, and the people who come to it."""

    trial: Trial
    url: str
    app: Flask

    @property
    def address(self) -> str:
        """As printed on a slip where no application is named."""
        return f"{self.url}/auth/"

    def moodle(self) -> RelyingParty:
        return RelyingParty(issuer=self.url)

    def browser(self) -> Browser:
        return Browser(self.url)

    def person(self, code: str, sourced_id: str) -> KnownUser:
        return self.trial.known(code, sourced_id)

    def come(self, browser: Browser, person: KnownUser, password: str = "") -> Page:
        """Type login and password at our own address; without a password the first one, and
        then choose an own one."""
        assert person.birth_date is not None
        first = birth_date_password(person.birth_date)
        page = browser.sign_in(self.address, person.username, password or first)
        if not password and 'name="repeated"' in page.text:
            page = browser.submit(page, password=OWN, repeated=OWN)
        return page

    def events(self) -> list[tuple[str, str, str]]:
        """Client, method and result of each login event."""
        with self.trial.application.sessions() as session:
            events = session.scalars(select(LoginEvent).order_by(LoginEvent.id))
            return [(one.client_id, one.method, one.result) for one in events]


@contextmanager
def serving(trial: Trial, **auth: Any) -> Iterator[OwnPage]:
    """The web application of the trial, with Moodle as a client."""
    port = free_port()
    trial.configure("server", port=port)
    trial.configure("auth", **{"clients": (MOODLE,)} | auth)
    keys = trial.application.settings.signing_keys
    keys.mkdir(exist_ok=True)
    (keys / "20260101T000000000000Z-RS256-test.pem").write_bytes(signing_key())
    app = create_app(trial.application, queue=RecordingQueue())
    with running_app(app, port=port) as url:
        yield OwnPage(trial=trial, url=url, app=app)
