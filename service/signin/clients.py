"""Use cases about clients of the sign-in: those of the settings file and of the console."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import select

from auth.clients.client import KNOWN_SCOPES, Client, hash_secret
from auth.clients.problems import FieldProblem
from auth.clients.registered import OWN_COLUMNS, ClientRow, end_what_was_given, read_clients
from auth.settings import AuthSettings
from service.access import Forbidden, need_city
from service.application import Application
from service.audit import AuditAction
from service.signin.registrations import FormField, Registrations, form_fields

OVERLAPS = (timedelta(0), timedelta(hours=1), timedelta(days=1), timedelta(days=7))
"""The times for which the secret before may count beside the new one."""

CHOICES = {
    "scopes": KNOWN_SCOPES,
    "roles": ("student", "teacher", "administrator", "guardian"),
    # A public client sends none; that is chosen once, at the registration.
    "token_endpoint_auth_methods": ("client_secret_basic", "client_secret_post"),
}
"""The values that lists of a client may have."""


def client_fields() -> list[FormField]:
    """Return the fields of a client that can be changed in the console."""
    return form_fields(Client, without=OWN_COLUMNS, choices=CHOICES)


@dataclass(frozen=True, kw_only=True, slots=True)
class KnownClient:
    """A client as the console shows it."""

    client: Client
    from_file: bool
    disabled_at: datetime | None = None
    previous_secret_until: datetime | None = None
    """The end of the secret before; None: there is none."""
    problems: tuple[FieldProblem, ...] = ()
    """Why it cannot be used, although an earlier version took it."""


@dataclass(frozen=True, kw_only=True)
class Clients(Registrations[ClientRow]):
    """The use cases, with what all of them need."""

    settings: AuthSettings

    table = ClientRow
    name_field = audited_as = "client_id"

    @property
    def names_in_file(self) -> Collection[str]:
        return {client.client_id for client in self.settings.clients}

    def all(self) -> list[KnownClient]:
        """Return those of the settings file, then those of the console."""
        need_city(self.scope)
        configured = [KnownClient(client=one, from_file=True) for one in self.settings.clients]
        hidden = self.names_in_file
        rows = self.db.scalars(select(ClientRow).order_by(ClientRow.client_id))
        return configured + [self._known(row) for row in rows if row.client_id not in hidden]

    def find(self, client_id: str) -> KnownClient:
        """Return this client, of the settings file or the console."""
        for known in self.all():
            if known.client.client_id == client_id:
                return known
        raise Forbidden("registration")

    def create(
        self, client_id: str, values: Mapping[str, Any], *, public: bool
    ) -> tuple[Client, str]:
        """Register a client; return it with its secret, which is stored nowhere else, or an empty
        one for a public client. Raises ``WrongFields``."""
        need_city(self.scope)
        secret = "" if public else secrets.token_urlsafe(32)
        hashed = hash_secret(secret) if secret else ""
        client = self._make(partial(Client, client_secret_hash=hashed), client_id, values)
        row = ClientRow(client_id=client_id, secret_hash=hashed, created_at=self.now)
        row.keep(client, self.now)
        self.db.add(row)
        self._record(AuditAction.CLIENT_ADD, client_id, public=public)
        return client, secret

    def change(self, client_id: str, values: Mapping[str, Any]) -> None:
        """Take over these fields. Raises ``WrongFields``."""
        row = self._row(client_id)
        before, _problems = row.kept(self.now)
        client = Client(client_id=client_id, client_secret_hash=row.secret_hash, **values)
        changed = sorted(name for name in values if getattr(before, name) != getattr(client, name))
        if changed:
            row.keep(client, self.now)
            self._record(AuditAction.CLIENT_CHANGE, client_id, fields=changed)

    def new_secret(self, client_id: str, overlap: timedelta) -> str:
        """Make a new secret, which is stored nowhere else; the one before counts on for
        ``overlap``. Raises ``Forbidden`` for a public client, too."""
        row = self._row(client_id)
        if not row.secret_hash:
            raise Forbidden("registration")
        secret = secrets.token_urlsafe(32)
        row.previous_secret_hash = row.secret_hash if overlap else ""
        row.previous_secret_until = self.now + overlap if overlap else None
        row.secret_hash = hash_secret(secret)
        row.touch(self.now)
        hours = int(overlap.total_seconds() // 3600)
        self._record(AuditAction.CLIENT_RENEW_SECRET, client_id, overlap_hours=hours)
        return secret

    def switch(self, client_id: str, *, on: bool) -> None:
        """Disable a client, or enable it again. Its tokens end either way."""
        action = AuditAction.CLIENT_ENABLE if on else AuditAction.CLIENT_DISABLE
        self._switch(client_id, action, on=on)
        end_what_was_given(self.db, client_id)

    def _known(self, row: ClientRow) -> KnownClient:
        until = row.previous_secret_until
        client, problems = row.kept(self.now)
        return KnownClient(
            client=client,
            problems=problems,
            from_file=False,
            disabled_at=row.disabled_at,
            previous_secret_until=until if until and until > self.now else None,
        )


def application_clients(application: Application) -> list[Client]:
    """Return every client that may be used now, for the command line and the doctor."""
    with application.sessions() as db:
        configured = application.settings.auth.clients
        return list(read_clients(db, configured, application.clock()).clients.values())
