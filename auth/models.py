"""Tables of the provider. Secrets (codes, tokens, session cookies) are stored as SHA-256 only."""

from __future__ import annotations

import hashlib
import secrets
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, cast

from sqlalchemy import BigInteger, DateTime, Dialect, Index, Integer, MetaData, String, Table
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator


class UtcDateTime(TypeDecorator[datetime]):
    """A zone-aware moment, stored in UTC; SQLite forgets the zone, so it is put back."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment without a zone cannot be stored")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_N_label)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {datetime: UtcDateTime}  # noqa: RUF012 - read by SQLAlchemy


BigId = BigInteger().with_variant(Integer, "sqlite")


def digest(secret: str) -> str:
    """Hash a random secret for storing. Not for passwords: those need a slow hash."""
    return hashlib.sha256(secret.encode()).hexdigest()


def table_of(model: type[Base]) -> Table:
    """Return the model's table, for statements that are built once: several times cheaper."""
    return cast(Table, model.__table__)


class AuthorizationCode(Base):
    """A code on its way; the row is its only life and goes with the first exchange.

    The ``get_`` methods are what Authlib asks (its ``AuthorizationCodeMixin``).
    """

    __tablename__ = "auth_codes"

    code_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    client_id: Mapped[str] = mapped_column(String(255))
    person_id: Mapped[str] = mapped_column(String(36))
    redirect_uri: Mapped[str] = mapped_column(String(2000))
    scope: Mapped[str] = mapped_column(String(255))
    nonce: Mapped[str | None] = mapped_column(String(255))
    code_challenge: Mapped[str | None] = mapped_column(String(128))
    code_challenge_method: Mapped[str | None] = mapped_column(String(10))
    auth_time: Mapped[datetime]
    acr: Mapped[str | None] = mapped_column(String(64))
    """The authentication context the request asked for, where we have it."""
    sid: Mapped[str] = mapped_column(String(64))
    """``SignIn.sid`` of the sign-in it was issued in."""
    method: Mapped[str] = mapped_column(String(20), default="password")
    """``SignIn.method`` of that sign-in."""
    expires_at: Mapped[datetime] = mapped_column(index=True)

    def get_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_scope(self) -> str:
        return self.scope


class Grant(Base):
    """The right that one exchanged code gave a client. Its tokens count while this row is there:
    deleting it revokes all of them, also one that is being stored at the same moment."""

    __tablename__ = "auth_grants"

    grant_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    """The digest of its code, so that a second use of the code finds it."""
    client_id: Mapped[str] = mapped_column(String(255))
    person_id: Mapped[str] = mapped_column(String(36), index=True)
    scope: Mapped[str] = mapped_column(String(255))
    sid: Mapped[str] = mapped_column(String(64), index=True)
    expires_at: Mapped[datetime] = mapped_column(index=True)
    """Refreshing does not move it: then the person has to sign in again."""


class TokenKind(StrEnum):
    ACCESS = "access"
    REFRESH = "refresh"


class Token(Base):
    """An access or refresh token: opaque, looked up at each use (``tokens.find_token``)."""

    __tablename__ = "auth_tokens"

    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    kind: Mapped[str] = mapped_column(String(10))
    grant_id: Mapped[str] = mapped_column(String(64))
    client_id: Mapped[str] = mapped_column(String(255))
    person_id: Mapped[str] = mapped_column(String(36))
    scope: Mapped[str] = mapped_column(String(255))
    issued_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    method: Mapped[str] = mapped_column(String(20), default="password")
    """A ``Method``: how the sign-in began that its grant came from."""
    used: Mapped[bool] = mapped_column(default=False)
    """A refresh token that was exchanged; seeing it again means that somebody copied it."""

    def get_scope(self) -> str:
        return self.scope

    def check_client(self, client: Any) -> bool:
        return bool(self.client_id == client.get_client_id())


class LogoutNotice(Base):
    """An application has to be told that somebody signed out; gone when it has heard."""

    __tablename__ = "auth_logout_notices"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    client_id: Mapped[str] = mapped_column(String(255))
    person_id: Mapped[str] = mapped_column(String(36))
    sid: Mapped[str] = mapped_column(String(64))
    next_try_at: Mapped[datetime] = mapped_column(index=True)
    expires_at: Mapped[datetime] = mapped_column(index=True)


class Consent(Base):
    """A person agreed that an application learns this about them."""

    __tablename__ = "auth_consents"

    person_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    client_id: Mapped[str] = mapped_column(String(255), primary_key=True)
    scope: Mapped[str] = mapped_column(String(255))
    agreed_at: Mapped[datetime]


class SignIn(Base):
    """A person signed in in one browser: what the session cookie points to."""

    __tablename__ = "auth_sign_ins"

    cookie_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    person_id: Mapped[str] = mapped_column(String(36), index=True)
    auth_time: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    with_first_password: Mapped[bool]
    """The sign-in opens nothing but the page for an own password."""
    used: Mapped[bool] = mapped_column(default=False)
    """A code was issued: a client with ``ask_each_time`` needs another sign-in."""
    method: Mapped[str] = mapped_column(String(20), default="password")
    """A ``Method``: how the person proved who they are when this sign-in began."""
    sid: Mapped[str] = mapped_column(String(64), default=lambda: secrets.token_hex(32))
    """The session's name between us and clients. It stays when the same person types the
    password again in the same browser."""


class Credential(Base):
    """A person's own password; while there is none, the first password counts."""

    __tablename__ = "auth_credentials"

    person_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    password_hash: Mapped[str] = mapped_column(String(255))
    changed_at: Mapped[datetime]


class SignInFailure(Base):
    """One wrong password, for the throttle; the key is a keyed hash and names nobody."""

    __tablename__ = "auth_sign_in_failures"
    __table_args__ = (Index("ix_auth_sign_in_failures_key_hash_at", "key_hash", "at"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    key_hash: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime] = mapped_column(index=True)


class Method(StrEnum):
    """The way in which a person proved who they are."""

    PASSWORD = "password"  # noqa: S105 - the name of a method
    ESIA = "esia"
    """The state provider, asked directly or through a gateway (``auth.upstream``)."""
    SESSION = "session"
    """Opening an application: the sign-in in the same browser has an event of its own."""


class Result(StrEnum):
    ALLOWED = "allowed"
    REFUSED = "refused"


class LoginEvent(Base):
    """One decision to let a person in or not. No foreign key: it outlives the person's row."""

    __tablename__ = "auth_login_events"
    __table_args__ = (
        Index("ix_auth_login_events_school_code_at", "school_code", "at"),
        Index("ix_auth_login_events_person_id_at", "person_id", "at"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    at: Mapped[datetime] = mapped_column(index=True)
    person_id: Mapped[str | None] = mapped_column(String(36))
    """None when nobody has the typed login; what was typed is not kept."""
    client_id: Mapped[str] = mapped_column(String(255))
    """Empty for a sign-in that was accepted, and for one that was refused where no application
    had asked. Each application that it then opens has an event of its own."""
    method: Mapped[str] = mapped_column(String(20))
    result: Mapped[str] = mapped_column(String(10))
    reason: Mapped[str] = mapped_column(String(40))
    """Empty when allowed, else a ``policy.Reason``."""
    school_code: Mapped[str] = mapped_column(String(64))
    """School, main role and class as of then; empty for nobody."""
    role: Mapped[str] = mapped_column(String(32))
    class_title: Mapped[str] = mapped_column(String(64))
