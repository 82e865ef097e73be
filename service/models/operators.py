"""Operators of the console, their sessions, and the audit of what they and the command line did."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, ForeignKey, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from auth.models import UtcDateTime
from service.db import Base


class OperatorRole(StrEnum):
    SCHOOL = "school"
    DISTRICT = "district"
    CITY = "city"


class Operator(Base):
    """A portal administrator or monitoring officer who signs in to the console."""

    __tablename__ = "operators"
    id: Mapped[int] = mapped_column(primary_key=True)
    username: Mapped[str] = mapped_column(String(100), unique=True)
    password_hash: Mapped[str] = mapped_column(String(200))
    role: Mapped[OperatorRole] = mapped_column(String(20))
    scope: Mapped[list[str]] = mapped_column(JSON, default=list)
    """School codes of a school operator, district names of a district operator; empty for city."""
    active: Mapped[bool] = mapped_column(default=True)
    email: Mapped[str] = mapped_column(String(320), default="")
    wants_mail: Mapped[bool] = mapped_column(default=False)
    """Reports and reminders are sent to ``email``: only after the operator said so."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class OperatorSession(Base):
    """An operator who is signed in with one browser (``service.operators.sessions``)."""

    __tablename__ = "operator_sessions"
    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    operator_id: Mapped[int] = mapped_column(
        ForeignKey("operators.id", ondelete="CASCADE"), index=True
    )
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_seen_at: Mapped[datetime] = mapped_column(UtcDateTime)
    """The moment of the last click, give or take ``Lifetime.step``."""
    ends_at: Mapped[datetime] = mapped_column(UtcDateTime)
    """The end of the session, whatever happens until then."""


class AuditEntry(Base):
    """Who did what, when. Identifiers and counts only."""

    __tablename__ = "audit_entries"
    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    actor: Mapped[str] = mapped_column(String(100))
    action: Mapped[str] = mapped_column(String(50))
    load_id: Mapped[int | None] = mapped_column(Integer, index=True)
    school_code: Mapped[str] = mapped_column(String(64), default="")
    details: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
