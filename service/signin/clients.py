"""Use cases about clients of the sign-in: those of the settings file and of the console."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from auth.clients.client import KNOWN_SCOPES, Client, hash_secret
from auth.clients.problems import FieldProblem, Flaw, WrongFields
from auth.clients.registered import OWN_COLUMNS, ClientRow, end_what_was_given, read_clients
from service import audit
from service.access import Forbidden, Scope, need_city
from service.application import Application
from service.audit import AuditAction
from service.settings import Settings
from service.signin.registration_forms import FormField, form_fields

OVERLAPS = (timedelta(0), timedelta(hours=1), timedelta(days=1), timedelta(days=7))
"""How long the secret before may count beside the new one."""

CHOICES = {
    "scopes": KNOWN_SCOPES,
    "roles": ("student", "teacher", "administrator", "guardian"),
    # A public client sends none; that is chosen once, at the registration.
    "token_endpoint_auth_methods": ("client_secret_basic", "client_secret_post"),
}
"""The values that lists of a client may have."""

_PLAIN = re.compile(r"[A-Za-z0-9._-]{1,100}", re.ASCII)


def client_fields() -> list[FormField]:
    """What can be changed of a client of the console."""
    return form_fields(Client, without=OWN_COLUMNS, choices=CHOICES)


@dataclass(frozen=True, kw_only=True, slots=True)
class KnownClient:
    """A client as the console shows it."""

    client: Client
    from_file: bool
    disabled_at: datetime | None = None
    previous_secret_until: datetime | None = None
    """When the secret before ends to count; None: there is none."""
    problems: tuple[FieldProblem, ...] = ()
    """Why it cannot be used, although an earlier version took it."""


def all_clients(db: Session, settings: Settings, now: datetime) -> list[Client]:
    """Every client that may be used now, for whoever looks through all of them."""
    return list(read_clients(db, settings.auth.clients, now).clients.values())


def list_clients(db: Session, settings: Settings, scope: Scope, now: datetime) -> list[KnownClient]:
    """Those of the settings file, then those of the console. Raises ``Forbidden``."""
    need_city(scope)
    configured = [KnownClient(client=one, from_file=True) for one in settings.auth.clients]
    hidden = {known.client.client_id for known in configured}
    rows = db.scalars(select(ClientRow).order_by(ClientRow.client_id))
    return configured + [_known(row, now) for row in rows if row.client_id not in hidden]


def find_client(
    db: Session, settings: Settings, scope: Scope, client_id: str, now: datetime
) -> KnownClient:
    """Raises ``Forbidden``."""
    for known in list_clients(db, settings, scope, now):
        if known.client.client_id == client_id:
            return known
    raise Forbidden("client")


def create_client(
    db: Session,
    settings: Settings,
    scope: Scope,
    values: Mapping[str, Any],
    *,
    public: bool,
    now: datetime,
) -> tuple[Client, str]:
    """Register a client; with its secret, which is nowhere else, or none for a public one.

    Raises ``Forbidden`` and ``WrongFields``.
    """
    need_city(scope)
    secret = "" if public else secrets.token_urlsafe(32)
    problems = list(_problems_of_name(db, settings, str(values.get("client_id", ""))))
    try:
        client = Client(**values, client_secret_hash=hash_secret(secret) if secret else "")
    except WrongFields as error:
        named = {problem.field for problem in problems}
        raise WrongFields(
            problems + [one for one in error.problems if one.field not in named]
        ) from error
    if problems:
        raise WrongFields(problems)
    row = ClientRow(
        client_id=client.client_id, secret_hash=client.client_secret_hash, created_at=now
    )
    row.keep(client, now)
    db.add(row)
    audit.record(
        db, AuditAction.CLIENT_ADD, at=now, actor=scope.actor, client_id=client.client_id,
        public=public,
    )  # fmt: skip
    return client, secret


def change_client(
    db: Session,
    settings: Settings,
    scope: Scope,
    client_id: str,
    values: Mapping[str, Any],
    now: datetime,
) -> Client:
    """Raises ``Forbidden`` (also for a client of the settings file) and ``WrongFields``."""
    row = _row(db, settings, scope, client_id)
    before, _problems = row.kept(now)
    client = Client(client_id=client_id, client_secret_hash=row.secret_hash, **values)
    changed = sorted(name for name in values if getattr(before, name) != getattr(client, name))
    if changed:
        row.keep(client, now)
        audit.record(
            db, AuditAction.CLIENT_CHANGE, at=now, actor=scope.actor, client_id=client_id,
            fields=changed,
        )  # fmt: skip
    return client


def new_client_secret(
    db: Session,
    settings: Settings,
    scope: Scope,
    client_id: str,
    overlap: timedelta,
    now: datetime,
) -> str:
    """A new secret, which is nowhere else; the one before counts on for ``overlap``.

    Raises ``Forbidden``, also for a public client.
    """
    row = _row(db, settings, scope, client_id)
    if not row.secret_hash:
        raise Forbidden("client")
    secret = secrets.token_urlsafe(32)
    row.previous_secret_hash = row.secret_hash if overlap else ""
    row.previous_secret_until = now + overlap if overlap else None
    row.secret_hash = hash_secret(secret)
    row.touch(now)
    hours = int(overlap.total_seconds() // 3600)
    audit.record(
        db, AuditAction.CLIENT_RENEW_SECRET, at=now, actor=scope.actor, client_id=client_id,
        overlap_hours=hours,
    )  # fmt: skip
    return secret


def switch_client(
    db: Session, settings: Settings, scope: Scope, client_id: str, *, on: bool, now: datetime
) -> None:
    """Disable a client, or enable it again. Its tokens end either way. Raises ``Forbidden``."""
    row = _row(db, settings, scope, client_id)
    row.disabled_at = None if on else now
    row.touch(now)
    end_what_was_given(db, client_id)
    action = AuditAction.CLIENT_ENABLE if on else AuditAction.CLIENT_DISABLE
    audit.record(db, action, at=now, actor=scope.actor, client_id=client_id)


def _problems_of_name(db: Session, settings: Settings, client_id: str) -> list[FieldProblem]:
    flaw = None
    if not client_id:
        flaw = Flaw.MISSING
    elif not _PLAIN.fullmatch(client_id):
        flaw = Flaw.NOT_PLAIN
    elif client_id in {client.client_id for client in settings.auth.clients}:
        flaw = Flaw.IN_SETTINGS_FILE
    elif db.get(ClientRow, client_id):
        flaw = Flaw.TAKEN
    return [FieldProblem(field="client_id", flaw=flaw, text=f"client_id: {flaw}")] if flaw else []


def _known(row: ClientRow, now: datetime) -> KnownClient:
    until = row.previous_secret_until
    client, problems = row.kept(now)
    return KnownClient(
        client=client,
        problems=problems,
        from_file=False,
        disabled_at=row.disabled_at,
        previous_secret_until=until if until and until > now else None,
    )


def _row(db: Session, settings: Settings, scope: Scope, client_id: str) -> ClientRow:
    need_city(scope)
    row = db.get(ClientRow, client_id)
    if row is None or client_id in {client.client_id for client in settings.auth.clients}:
        raise Forbidden("client")
    return row


def application_clients(application: Application) -> list[Client]:
    """``all_clients`` for the command line and the doctor."""
    with application.sessions() as db:
        return all_clients(db, application.settings, application.clock())
