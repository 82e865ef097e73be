"""The composition root: one ``Application`` holds what everything else is handed."""

from __future__ import annotations

import hmac
import os
import secrets
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from sqlalchemy import Engine

from provisioning.settings import MoodleSettings
from service import db
from service.config import load_settings
from service.sealed import use_key
from service.settings import Settings

if TYPE_CHECKING:
    from provisioning.moodle import MoodleClient
    from service.moodle_gate import Closed
    from service.operators.sessions import Lifetime

Clock = Callable[[], datetime]


def system_clock() -> datetime:
    return datetime.now(UTC)


def connect_moodle(settings: MoodleSettings) -> MoodleClient:
    # Most commands ask Moodle nothing, and the client takes as long to load as the database.
    from provisioning.moodle import MoodleClient

    return MoodleClient(settings)


@dataclass(kw_only=True)
class Application:
    """Settings, database, clock and neighbours of one installation."""

    settings: Settings
    engine: Engine
    sessions: db.SessionFactory
    clock: Clock = system_clock
    connect_moodle: Callable[[MoodleSettings], MoodleClient] = connect_moodle

    def __post_init__(self) -> None:
        use_key(self.engine, lambda: self.derived_secret(b"encrypted columns"))

    @cached_property
    def secret(self) -> bytes:
        """Return the installation's own secret: sessions and first passwords are derived from
        it."""
        return secret_file(self.settings.home).read_bytes()

    def derived_secret(self, purpose: bytes) -> bytes:
        """Return a key of its own for each purpose, derived from the installation's secret."""
        return hmac.digest(self.secret, purpose, "sha256")

    @property
    def zone(self) -> ZoneInfo:
        return self.settings.server.zone

    @property
    def operator_lifetime(self) -> Lifetime:
        """Return how long sessions of the console last."""
        from service.operators.sessions import Lifetime

        server = self.settings.server
        return Lifetime(
            idle=timedelta(minutes=server.operator_idle_minutes),
            whole=timedelta(hours=server.operator_session_hours),
        )

    def is_initialised(self) -> bool:
        return secret_file(self.settings.home).exists()

    def moodle(self) -> MoodleClient:
        """Return a client of the Moodle of the settings, for one use.

        Before each call that writes it asks the gate (``moodle_gate``): the one place that all
        writers pass.
        """
        client = self.connect_moodle(self.settings.moodle_target)
        client.ask_before_writing(lambda: self.writing_closed() is None)
        return client

    def writing_closed(self) -> Closed | None:
        """Tell why nothing may be written to Moodle now; None when it may."""
        # Most commands write nothing there.
        from service.moodle_gate import closed

        with self.sessions() as session:
            return closed(session, self.settings.quiet, self.zone, self.clock())


def secret_file(home: Path) -> Path:
    return home / "secret"


def make_secret(home: Path) -> None:
    """Make the secret once, whole or not at all; an existing one is never replaced."""
    path = secret_file(home)
    if path.exists() and path.stat().st_size:
        return
    path.unlink(missing_ok=True)  # an empty one protects nothing
    descriptor, written = tempfile.mkstemp(prefix=".secret-", dir=home)
    with os.fdopen(descriptor, "wb") as file:
        file.write(secrets.token_bytes(32))
    with suppress(FileExistsError):  # another process was faster
        os.link(written, path)
    os.unlink(written)


def build(settings: Settings | None = None) -> Application:
    """Build the application from settings (by default those of the environment)."""
    settings = settings or load_settings()
    engine = db.make_engine(settings.database_url)
    return Application(
        settings=settings,
        engine=engine,
        sessions=db.make_session_factory(engine, settings.server.zone),
    )
