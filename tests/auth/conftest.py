"""A running provider on SQLite and on PostgreSQL, a clock that is set by hand, and a browser."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from flask import Flask
from sqlalchemy import create_engine, event, select
from sqlalchemy.orm import Session, sessionmaker
from werkzeug.serving import make_server

from auth import AuthSettings, init_app
from auth.clients.client import Client, hash_secret
from auth.models import Credential, LoginEvent
from auth.oidc.keys import SigningKeys, load_keys
from auth.oidc.provider import Provider
from auth.outside import Arrive, Upstream
from auth.signin.passwords import hash_password
from auth.tables import metadata
from tests.auth.people import PUPIL, People, make_account, make_teacher
from tests.relying_party import Browser, Page, RelyingParty

START = datetime(2026, 9, 1, 8, 0, tzinfo=UTC)

CLIENTS = (
    Client(
        client_id="moodle",
        client_secret="moodle-secret",
        redirect_uris=("https://moodle.example/admin/oauth2callback.php",),
        name="Moodle",
    ),
    Client(
        client_id="journal",
        client_secret="journal-secret",
        redirect_uris=("https://journal.example/callback", "https://journal.example/other"),
        scopes=("openid", "profile"),
        roles=("teacher",),
        require_pkce=True,
    ),
    Client(client_id="phone", redirect_uris=("https://phone.example/back",)),
    Client(
        client_id="diary",
        client_secret_hash=hash_secret("diary-secret"),
        redirect_uris=("https://diary.example/callback",),
        scopes=("openid", "profile", "offline_access"),
        id_token_algorithm="ES256",
        post_logout_redirect_uris=("https://diary.example/bye",),
        backchannel_logout_uri="https://diary.example/signed-out",
    ),
    Client(
        client_id="canteen",
        client_secret="canteen-secret",
        redirect_uris=("https://canteen.example/callback",),
        ask_consent=True,
    ),
    Client(
        client_id="classroom",
        client_secret="classroom-secret",
        redirect_uris=("https://classroom.example/callback",),
        ask_each_time=True,
        session_seconds=600,
    ),
)


class Clock:
    """Stands still until moved, or until told to go as clocks do."""

    def __init__(self) -> None:
        self.now = START
        self.is_live = False

    def __call__(self) -> datetime:
        return datetime.now(UTC) if self.is_live else self.now

    def live(self) -> None:
        """Show the real time, for programs that have no other clock."""
        self.is_live = True

    def forward(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="session")
def postgresql_url(new_postgres_database: Callable[[], str]) -> str:
    """One database for all tests of the provider: each makes and drops its tables."""
    return new_postgres_database()


@pytest.fixture(params=["sqlite", "postgresql"])
def session_factory(
    request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[sessionmaker[Session]]:
    """An empty database with the provider's tables."""
    if request.param == "sqlite":
        engine = create_engine(f"sqlite:///{tmp_path / 'auth.sqlite'}")
        event.listen(engine, "connect", _use_wal)
    else:
        engine = create_engine(request.getfixturevalue("postgresql_url"))
    metadata.create_all(engine)
    yield sessionmaker(engine)
    metadata.drop_all(engine)
    engine.dispose()


def _use_wal(connection: Any, _record: Any) -> None:
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> SigningKeys:
    return load_keys(tmp_path_factory.mktemp("keys"), START)


@dataclass(kw_only=True)
class Portal:
    """One provider over real HTTP and what its test may look at or change."""

    issuer: str
    app: Flask
    provider: Provider
    people: People
    clock: Clock
    session_factory: sessionmaker[Session]
    notices_waited: int = 0
    """How often a sign-out said that applications have to be told."""

    def notices_waiting(self) -> None:
        self.notices_waited += 1

    def change(self, **changes: Any) -> None:
        """Let the provider go on with something else of its context."""
        self.provider.context = replace(self.provider.context, **changes)

    def moodle(self, **changes: Any) -> RelyingParty:
        return RelyingParty(issuer=self.issuer, **changes)

    def journal(self, **changes: Any) -> RelyingParty:
        values = {
            "client_id": "journal",
            "client_secret": "journal-secret",
            "redirect_uri": "https://journal.example/callback",
            "authenticate_by": "basic",
            "use_pkce": True,
            "use_nonce": True,
        }
        return RelyingParty(issuer=self.issuer, **values | changes)

    def client(self, client_id: str, **changes: Any) -> RelyingParty:
        """Another of ``CLIENTS``, which posts its secret."""
        values = {
            "client_id": client_id,
            "client_secret": f"{client_id}-secret",
            "redirect_uri": f"https://{client_id}.example/callback",
            "scope": "openid profile",
        }
        return RelyingParty(issuer=self.issuer, **values | changes)

    def events(self) -> list[LoginEvent]:
        with self.session_factory() as db:
            return list(db.scalars(select(LoginEvent).order_by(LoginEvent.id)))


@pytest.fixture
def start_portal(
    session_factory: sessionmaker[Session], clock: Clock, keys: SigningKeys
) -> Iterator[Callable[..., Portal]]:
    """Start a provider with changed settings; several may run at once."""
    servers = []

    def start(
        port: int = 0,
        upstreams: Sequence[Upstream] = (),
        arrive: Arrive | None = None,
        **settings: Any,
    ) -> Portal:
        app = Flask("portal")
        app.secret_key = "a secret of the tests"
        server = make_server("127.0.0.1", port, app, threaded=True)
        people = People()
        people.add(make_account())
        people.add(make_teacher())
        issuer = f"http://127.0.0.1:{server.port}"
        provider = init_app(
            app,
            AuthSettings(**{"issuer": issuer, "clients": CLIENTS} | settings),
            directory=people,
            session_factory=session_factory,
            clock=clock,
            keys=keys,
            notices_waiting=lambda: portal.notices_waiting(),
            upstreams=upstreams,
            arrive=arrive,
        )
        portal = Portal(
            issuer=issuer,
            app=app,
            provider=provider,
            people=people,
            clock=clock,
            session_factory=session_factory,
        )
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        servers.append((server, thread))
        return portal

    yield start
    for server, thread in servers:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def portal(start_portal: Callable[..., Portal]) -> Portal:
    return start_portal()


OWN_PASSWORD = "зимний жираф"


Visit = Callable[[str], Page]


@pytest.fixture
def pupil(portal: Portal, browser: Browser) -> Visit:
    """Open an address as the pupil, who has an own password and types it when asked."""
    with portal.session_factory.begin() as db:
        hashed = hash_password(OWN_PASSWORD)
        db.add(Credential(person_id=PUPIL, password_hash=hashed, changed_at=START))

    def visit(url: str) -> Page:
        page = browser.open(url)
        if page.asks_who:
            page = browser.submit(page, username="1234p5678", password=OWN_PASSWORD)
        return page

    return visit


@pytest.fixture
def diary(portal: Portal) -> RelyingParty:
    """An application that may refresh."""
    return portal.client("diary", scope="openid profile offline_access")


@pytest.fixture
def code(diary: RelyingParty, pupil: Visit) -> str:
    return pupil(diary.start().url).parameters["code"]


@pytest.fixture
def tokens(diary: RelyingParty, code: str) -> dict[str, Any]:
    answer: dict[str, Any] = diary.redeem(code).json()
    return answer


def refusal(answer: requests.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]


@pytest.fixture
def browser(portal: Portal) -> Iterator[Browser]:
    browser = Browser(portal.issuer)
    yield browser
    browser.close()
