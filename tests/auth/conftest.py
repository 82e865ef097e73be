"""A running provider on SQLite and on PostgreSQL, a clock that is set by hand, and a browser."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from unittest.mock import Mock

import pytest
import requests
from flask import Flask
from sqlalchemy import create_engine, event, inspect, select
from sqlalchemy.orm import Session, sessionmaker
from werkzeug.serving import make_server

from auth import AuthSettings, init_app
from auth.clients.client import Client, hash_secret
from auth.expiry import forget_expired
from auth.models import LoginEvent
from auth.oidc.keys import SigningKeys, load_keys
from auth.oidc.provider import Provider
from auth.outside import Arrive, Upstream
from auth.signin.passwords import set_first_own_password
from auth.tables import metadata
from tests.auth.people import PUPIL, TEACHER, People, make_account, make_teacher
from tests.relying_party import Browser, Page, RelyingParty
from tests.web import serving

START = datetime(2026, 9, 1, 8, 0, tzinfo=UTC)
FIRST_PASSWORD = "05032014"
"""Of the pupil."""
OWN_PASSWORD = "зимний жираф"

ON_SQLITE = pytest.mark.parametrize("session_factory", ["sqlite"], indirect=True)
"""Where it makes no difference which database it is."""


def make_client(client_id: str, **more: Any) -> Client:
    values = {
        "client_id": client_id,
        "client_secret": f"{client_id}-secret",
        "redirect_uris": (f"https://{client_id}.example/callback",),
    }
    return Client(**values | more)


CLIENTS = (
    make_client(
        "moodle",
        redirect_uris=("https://moodle.example/admin/oauth2callback.php",),
        name="Moodle",
    ),
    make_client(
        "journal",
        redirect_uris=("https://journal.example/callback", "https://journal.example/other"),
        scopes=("openid", "profile"),
        roles=("teacher",),
        require_pkce=True,
    ),
    make_client("phone", client_secret="", redirect_uris=("https://phone.example/back",)),
    make_client(
        "diary",
        client_secret="",
        client_secret_hash=hash_secret("diary-secret"),
        scopes=("openid", "profile", "offline_access"),
        id_token_algorithm="ES256",
        post_logout_redirect_uris=("https://diary.example/bye",),
        backchannel_logout_uri="https://diary.example/signed-out",
    ),
    make_client("canteen", ask_consent=True),
    make_client("classroom", ask_each_time=True, session_seconds=600),
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

    def forward(self, seconds: float = 0, **more: float) -> None:
        """The arguments are those of ``timedelta``."""
        self.now += timedelta(seconds=seconds, **more)


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


Row = TypeVar("Row")


@dataclass(kw_only=True)
class Portal:
    """One provider over real HTTP and what its test may look at or change."""

    issuer: str
    app: Flask
    provider: Provider
    people: People
    clock: Clock
    session_factory: sessionmaker[Session]
    notices: Mock
    """Called when a sign-out said that applications have to be told."""

    def change(self, **changes: Any) -> None:
        """Let the provider go on with something else of its context."""
        self.provider.context = replace(self.provider.context, **changes)

    def moodle(self, **changes: Any) -> RelyingParty:
        return RelyingParty(issuer=self.issuer, **changes)

    def journal(self, **changes: Any) -> RelyingParty:
        """The one for teachers, with all that a client can do."""
        by_rule = {"authenticate_by": "basic", "use_pkce": True, "use_nonce": True}
        return self.client("journal", **{"scope": "openid profile email"} | by_rule | changes)

    def client(self, client_id: str, **changes: Any) -> RelyingParty:
        """Another of ``CLIENTS``, which posts its secret."""
        values = {
            "client_id": client_id,
            "client_secret": f"{client_id}-secret",
            "redirect_uri": f"https://{client_id}.example/callback",
            "scope": "openid profile",
        }
        return RelyingParty(issuer=self.issuer, **values | changes)

    def phone(self, **changes: Any) -> RelyingParty:
        """The one without a secret."""
        back = "https://phone.example/back"
        return self.client("phone", authenticate_by="none", redirect_uri=back, **changes)

    def give_password(self, person_id: str) -> None:
        set_first_own_password(self.session_factory, person_id, OWN_PASSWORD, START)

    def rows(self, table: type[Row]) -> list[Row]:
        """All of a table, in the order of its key."""
        with self.session_factory() as db:
            return list(db.scalars(select(table).order_by(*inspect(table).primary_key)))

    def events(self) -> list[LoginEvent]:
        return self.rows(LoginEvent)

    def clear_away(self) -> None:
        """What the clock says has expired, as is done each day."""
        with self.session_factory.begin() as db:
            forget_expired(db, self.clock(), failure_window=timedelta(days=1))

    def told(self) -> list[tuple[str | None, str, str, str, str]]:
        """What each login event says of the decision."""
        return [(e.person_id, e.client_id, e.method, e.result, e.reason) for e in self.events()]


StartPortal = Callable[..., Portal]
OpenBrowser = Callable[..., Browser]


@pytest.fixture
def start_portal(
    session_factory: sessionmaker[Session], clock: Clock, keys: SigningKeys
) -> Iterator[StartPortal]:
    """Start a provider with changed settings; several may run at once."""
    running = ExitStack()

    def start(
        port: int = 0,
        upstreams: Sequence[Upstream] = (),
        arrive: Arrive | None = None,
        **settings: Any,
    ) -> Portal:
        app = Flask("portal")
        app.secret_key = "a secret of the tests"
        server = make_server("127.0.0.1", port, app, threaded=True)
        people = People.of(make_account(), make_teacher())
        issuer, notices = f"http://127.0.0.1:{server.port}", Mock()
        provider = init_app(
            app,
            AuthSettings(**{"issuer": issuer, "clients": CLIENTS} | settings),
            directory=people,
            session_factory=session_factory,
            clock=clock,
            keys=keys,
            notices_waiting=notices,
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
            notices=notices,
        )
        running.enter_context(serving(server))
        return portal

    with running:
        yield start


def with_settings(**settings: Any) -> pytest.MarkDecorator:
    """Of the portal of one test."""
    return pytest.mark.parametrize("portal", [settings], indirect=True)


@pytest.fixture
def portal(request: pytest.FixtureRequest, start_portal: StartPortal) -> Portal:
    return start_portal(**getattr(request, "param", {}))


@pytest.fixture
def opened() -> Iterator[ExitStack]:
    """What is closed at the end."""
    with ExitStack() as opened:
        yield opened


@pytest.fixture
def open_browser(opened: ExitStack) -> OpenBrowser:
    """Open a browser that stays inside some sites; any number of them."""
    return lambda *sites: opened.enter_context(closing(Browser(*sites)))


@pytest.fixture
def browser(portal: Portal, open_browser: OpenBrowser) -> Browser:
    return open_browser(portal.issuer)


@pytest.fixture
def another_browser(portal: Portal, open_browser: OpenBrowser) -> Browser:
    return open_browser(portal.issuer)


Tokens = dict[str, Any]
"""The answer of the token endpoint."""


class Person(Browser):
    """The browser of somebody with an own password, who types it where it is asked for."""

    def __init__(self, portal: Portal, person_id: str) -> None:
        super().__init__(portal.issuer)
        portal.give_password(person_id)
        self.username = portal.people.accounts[person_id].username

    def __call__(self, url: str) -> Page:
        page = self.open(url)
        if page.asks_who:
            page = self.submit(page, username=self.username, password=OWN_PASSWORD)
        return page

    def code(self, application: RelyingParty, **wishes: str | None) -> str:
        return self(application.start(**wishes).url).code

    def tokens(self, application: RelyingParty, **wishes: str | None) -> Tokens:
        start = application.start(**wishes)
        answer = application.redeem(self(start.url).code, start)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def claims(self, application: RelyingParty, **wishes: str | None) -> dict[str, Any]:
        """Those of the ID token."""
        return application.read_id_token(self.tokens(application, **wishes)["id_token"])[1]


@pytest.fixture
def pupil(portal: Portal, opened: ExitStack) -> Person:
    return opened.enter_context(closing(Person(portal, PUPIL)))


@pytest.fixture
def teacher(portal: Portal, opened: ExitStack) -> Person:
    return opened.enter_context(closing(Person(portal, TEACHER)))


@pytest.fixture
def moodle(portal: Portal) -> RelyingParty:
    return portal.moodle()


@pytest.fixture
def diary(portal: Portal) -> RelyingParty:
    """An application that may refresh."""
    return portal.client("diary", scope="openid profile offline_access")


@pytest.fixture
def code(diary: RelyingParty, pupil: Person) -> str:
    return pupil.code(diary)


@pytest.fixture
def tokens(diary: RelyingParty, code: str) -> Tokens:
    return diary.redeem(code).json()


def at_once(*calls: Callable[[], Any]) -> list[Any]:
    """What they return, called in threads of their own at the same moment."""
    ready = threading.Barrier(len(calls))

    def run(call: Callable[[], Any]) -> Any:
        ready.wait(timeout=60)
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def refusal(answer: requests.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]
