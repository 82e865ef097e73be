"""Reports as they were published, and the mail that waits to be sent."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, Index, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from auth.models import UtcDateTime
from service.db import Base
from service.models.operators import OperatorRole


class PublishedReport(Base):
    """One version of one report, never changed: a correction is another row."""

    __tablename__ = "published_reports"
    __table_args__ = (
        UniqueConstraint("question", "preliminary", "version"),
        Index("ix_published_reports_report_last_day", "report", "last_day"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    report: Mapped[str] = mapped_column(String(50))
    question: Mapped[str] = mapped_column(String(64))
    """Digest of what was asked: report, period, part of the city, level, options."""
    preliminary: Mapped[bool]
    version: Mapped[int]
    first_day: Mapped[date | None]
    last_day: Mapped[date | None]
    part_role: Mapped[OperatorRole] = mapped_column(String(20))
    part_items: Mapped[list[str]] = mapped_column(JSON)
    """The part of the city that the figures are of: role and items of a ``Scope``."""
    method: Mapped[str] = mapped_column(String(50))
    cut_off: Mapped[datetime] = mapped_column(UtcDateTime)
    published_at: Mapped[datetime] = mapped_column(UtcDateTime)
    published_by: Mapped[str] = mapped_column(String(100))
    reason: Mapped[str] = mapped_column(String(500), default="")
    """Why there is another version; empty for the first."""
    data: Mapped[dict[str, Any]] = mapped_column(JSON, deferred=True)
    """The whole report (``service.reports.stored``)."""
    csv: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    """The file as it was, byte for byte."""


class OutgoingMail(Base):
    """The outbox: a row is sent once, and stays as the proof of it without its attachment."""

    __tablename__ = "outgoing_mails"
    __table_args__ = (Index("ix_outgoing_mails_next_try_at", "next_try_at"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    occasion: Mapped[str] = mapped_column(String(200), unique=True)
    """What the mail is for: the same occasion never makes a second one."""
    recipient: Mapped[str] = mapped_column(String(320))
    subject: Mapped[str] = mapped_column(String(300))
    body: Mapped[str] = mapped_column(Text)
    attachment_name: Mapped[str] = mapped_column(String(100), default="")
    attachment: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    tries: Mapped[int] = mapped_column(default=0)
    next_try_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """None once it was sent or given up."""
    sent_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    problem: Mapped[str] = mapped_column(String(200), default="")
    """The server's answer to the last try, without the text of the mail."""
