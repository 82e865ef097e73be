"""Clients of the settings file and of the console as one: a change counts within a second."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, String, delete, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column, sessionmaker

from auth.clients.client import Client
from auth.clients.problems import FieldProblem, WrongFields
from auth.clients.stored import as_kept, from_json, grow, to_json
from auth.models import AuthorizationCode, Base, Consent, Grant

FRESH_SECONDS = 1.0
"""The time for which a process does not ask the database for changes: one small query a second at
most, however many people sign in."""

OWN_COLUMNS = frozenset(
    {"client_id", "client_secret", "client_secret_hash", "previous_secret_hash"}
)

log = logging.getLogger(__name__)


class ClientRow(Base):
    """A client registered in the console. It is disabled, never deleted: its events name it."""

    __tablename__ = "auth_clients"

    client_id: Mapped[str] = mapped_column(String(100), primary_key=True)
    settings: Mapped[dict[str, Any]] = mapped_column(JSON)
    """The fields of ``Client`` that are no secrets."""
    secret_hash: Mapped[str] = mapped_column(String(71), default="")
    """Empty: a public client."""
    previous_secret_hash: Mapped[str] = mapped_column(String(71), default="")
    previous_secret_until: Mapped[datetime | None]
    disabled_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime]
    version: Mapped[int] = mapped_column(default=1)
    """Grows with each change."""

    def client(self, now: datetime) -> Client:
        """Make the client. Raises ``WrongFields`` for fields that we no longer take."""
        return Client(**self._values(now))

    def kept(self, now: datetime) -> tuple[Client, tuple[FieldProblem, ...]]:
        """Return the client to be shown, and why it cannot be used."""
        return as_kept(Client, self._values(now))

    def _values(self, now: datetime) -> dict[str, Any]:
        until = self.previous_secret_until
        return {
            "client_id": self.client_id,
            "client_secret_hash": self.secret_hash,
            "previous_secret_hash": self.previous_secret_hash if until and until > now else "",
            **from_json(Client, self.settings),
        }

    def keep(self, client: Client, now: datetime) -> None:
        """Take over the fields of ``client`` that are no secrets."""
        self.settings = to_json(client, without=OWN_COLUMNS)
        self.touch(now)

    def touch(self, now: datetime) -> None:
        """Note a change of the row; without it no process would see the change."""
        self.changed_at = now
        grow(self)


@dataclass(frozen=True, kw_only=True, slots=True)
class Known:
    """All clients at one moment."""

    clients: Mapping[str, Client]
    version: int
    until: datetime | None
    """The moment at which a secret ends, and this is to be read again."""


@dataclass
class Clients:
    """Returns the clients as they are now. Safe for any number of threads."""

    configured: Sequence[Client]
    session_factory: sessionmaker[Session]
    clock: Callable[[], datetime]
    fresh_seconds: float = FRESH_SECONDS
    _known: Known | None = None
    _looked_at: float = 0.0

    @property
    def current(self) -> Known:
        known, moment = self._known, time.monotonic()
        now = self.clock()
        over = known is None or (known.until is not None and known.until <= now)
        if known is None or over or moment - self._looked_at >= self.fresh_seconds:
            with self.session_factory() as db:
                version = db.scalar(select(func.coalesce(func.sum(ClientRow.version), 0))) or 0
                if known is None or over or version != known.version:
                    known = read_clients(db, self.configured, now, version)
            self._known, self._looked_at = known, moment
        return known


def read_clients(
    db: Session, configured: Iterable[Client], now: datetime, version: int = 0
) -> Known:
    """Read the clients that may be used. One of the settings file hides one of the console."""
    clients: dict[str, Client] = {}
    ends = []
    for row in db.scalars(select(ClientRow).where(ClientRow.disabled_at.is_(None))):
        try:
            clients[row.client_id] = row.client(now)
        except (WrongFields, TypeError):
            log.warning("a registered client cannot be used", extra={"client": row.client_id})
        if row.previous_secret_until and row.previous_secret_until > now:
            ends.append(row.previous_secret_until)
    clients |= {client.client_id: client for client in configured}
    return Known(clients=clients, version=version, until=min(ends, default=None))


def end_what_was_given(db: Session, client_id: str) -> None:
    """End every code and token of a client, and what people agreed to tell it."""
    for table in (AuthorizationCode, Grant, Consent):
        db.execute(delete(table).where(table.client_id == client_id))
