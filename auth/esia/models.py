"""Tables of the ЕСИА stand-in. Codes, tokens and cookies are stored as SHA-256 only.

The last three are those of what the console registers and switches: systems, their switches, their
log.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import JSON, BigInteger, Index, LargeBinary, String, Text, delete
from sqlalchemy.orm import Mapped, Session, mapped_column

from auth.clients.stored import grow
from auth.models import Base, BigId


class EsiaPerson(Base):
    """The oid of a provisioned person, given once and never again to somebody else."""

    __tablename__ = "esia_people"

    person_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    oid: Mapped[int] = mapped_column(BigInteger, unique=True)


class EsiaSeen(Base):
    """A signed request that was accepted, remembered for as long as its timestamp would count."""

    __tablename__ = "esia_seen"

    request_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    browser_hash: Mapped[str] = mapped_column(String(64))
    """The one browser that may show an authorization request again; empty for token requests."""
    expires_at: Mapped[datetime] = mapped_column(index=True)


class EsiaRequest(Base):
    """An accepted authorization request while its person signs in and consents."""

    __tablename__ = "esia_requests"

    request_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    browser_hash: Mapped[str] = mapped_column(String(64))
    system: Mapped[str] = mapped_column(String(100))
    redirect_uri: Mapped[str] = mapped_column(String(2000))
    scope: Mapped[str] = mapped_column(String(2000))
    state: Mapped[str] = mapped_column(String(36))
    offline: Mapped[bool]
    person_filter: Mapped[str] = mapped_column(String(20))
    roles: Mapped[str] = mapped_column(String(100), default="")
    obj_type: Mapped[str] = mapped_column(String(100), default="")
    permissions: Mapped[str] = mapped_column(Text, default="")
    """``permissions.Permission`` objects in JSON; empty when none are asked for."""
    refused: Mapped[str] = mapped_column(String(6), default="")
    """The code of an error that is told after the sign-in; empty when there is none."""
    code_challenge: Mapped[str] = mapped_column(String(128))
    expires_at: Mapped[datetime] = mapped_column(index=True)


class EsiaSession(Base):
    """A person signed in in one browser, for every system."""

    __tablename__ = "esia_sessions"

    cookie_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    sid: Mapped[str] = mapped_column(String(36))
    """``urn:esia:sid`` of the tokens."""
    oid: Mapped[int] = mapped_column(BigInteger)
    auth_time: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)


class EsiaConsent(Base):
    """What a person agreed to tell a system."""

    __tablename__ = "esia_consents"

    system: Mapped[str] = mapped_column(String(100), primary_key=True)
    oid: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    scope: Mapped[str] = mapped_column(String(2000))


class _Given:
    """What a code or a token was given for, and in which session."""

    system: Mapped[str] = mapped_column(String(100))
    scope: Mapped[str] = mapped_column(String(2000))
    permissions: Mapped[str] = mapped_column(Text, default="")
    """``permissions.Consent`` objects in JSON."""
    oid: Mapped[int] = mapped_column(BigInteger)
    """The person's oid, or 0 for the system's own token (client_credentials)."""
    sid: Mapped[str] = mapped_column(String(36))
    auth_time: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)


class EsiaCode(_Given, Base):
    """A code on its way to a system; its first exchange deletes the row."""

    __tablename__ = "esia_codes"

    code_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    redirect_uri: Mapped[str] = mapped_column(String(2000))
    offline: Mapped[bool]
    code_challenge: Mapped[str] = mapped_column(String(128))


class EsiaToken(_Given, Base):
    """An access or refresh token. The text of an access token is not parsed when it is used."""

    __tablename__ = "esia_tokens"

    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    kind: Mapped[str] = mapped_column(String(10))
    """``access`` or ``refresh``."""
    grant_hash: Mapped[str] = mapped_column(String(64), index=True)
    """The digest of the code that it began with: a code used twice ends every token of its
    grant."""


class EsiaRefusal(Base):
    """One refused request with its explanation for the developer of the system."""

    __tablename__ = "esia_refusals"
    __table_args__ = (Index("ix_esia_refusals_system_at", "system", "at"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    at: Mapped[datetime]
    system: Mapped[str] = mapped_column(String(100))
    """Empty when no registered system was named."""
    address: Mapped[str] = mapped_column(String(50))
    code: Mapped[str] = mapped_column(String(6))
    explanation: Mapped[dict[str, Any]] = mapped_column(JSON)
    """A ``diagnostics.Explanation``; holds no secret and nothing of a person."""


class EsiaRegistration(Base):
    """A system registered in the console. It is disabled, never deleted: its events name it."""

    __tablename__ = "esia_registrations"

    mnemonic: Mapped[str] = mapped_column(String(100), primary_key=True)
    settings: Mapped[dict[str, Any]] = mapped_column(JSON)
    """The fields of ``EsiaSystem`` that have no column of their own."""
    certificate: Mapped[bytes | None] = mapped_column(LargeBinary)
    """In DER; without one every signature is refused."""
    next_certificate: Mapped[bytes | None] = mapped_column(LargeBinary)
    disabled_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime]
    version: Mapped[int] = mapped_column(default=1)
    """Grows with each change."""

    def touch(self, now: datetime) -> None:
        """Note a change of the row; without it no process would see the change."""
        self.changed_at = now
        grow(self)


class EsiaSwitches(Base):
    """What can be switched for a system at any time, wherever it is registered."""

    __tablename__ = "esia_switches"

    mnemonic: Mapped[str] = mapped_column(String(100), primary_key=True)
    faults: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))
    """Faults in place of those of the settings file; None when those are in force."""
    diagnostics_hash: Mapped[str] = mapped_column(String(64), default="", index=True)
    """The hash of the key by which the system's developer opens the log; empty without one."""
    recording_key: Mapped[str] = mapped_column(String(64), default="")
    """The key of the stand-ins for secrets and people in one recording; deleted when it ends."""
    recording_from: Mapped[datetime | None]
    recording_until: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1)

    def touch(self) -> None:
        """Note a change, as ``EsiaRegistration.touch`` does."""
        grow(self)


class EsiaLogEntry(Base):
    """One request of a system and how it was answered; no person is named."""

    __tablename__ = "esia_log"
    __table_args__ = (Index("ix_esia_log_system_id", "system", "id"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    at: Mapped[datetime] = mapped_column(index=True)
    system: Mapped[str] = mapped_column(String(100))
    """Empty when no registered system was named."""
    method: Mapped[str] = mapped_column(String(10))
    address: Mapped[str] = mapped_column(String(100))
    """The path, without numbers and unknown words."""
    status: Mapped[int]
    code: Mapped[str] = mapped_column(String(6))
    """The code of the error; empty without one."""
    refusal_id: Mapped[int | None] = mapped_column(BigInteger)
    """The explained refusal, ``EsiaRefusal.id``."""
    exchange: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    """Request and answer while the system is recorded, masked (``masking``)."""


TOKENS_REMEMBERED = timedelta(days=1)
"""How long an ended token is told apart from an unknown one."""


def forget_expired(db: Session, now: datetime) -> None:
    """Delete the rows that have expired; each new request does it, so that nothing piles up."""
    for table in (EsiaSeen, EsiaRequest, EsiaSession, EsiaCode):
        db.execute(delete(table).where(table.expires_at <= now))
    db.execute(delete(EsiaToken).where(EsiaToken.expires_at <= now - TOKENS_REMEMBERED))
