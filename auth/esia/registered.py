"""Tables of what the console registers and switches: systems, their switches, their log."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Index, Integer, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from auth.clients.stored import grow
from auth.models import Base

_BigId = BigInteger().with_variant(Integer, "sqlite")


class EsiaRegistration(Base):
    """A system registered in the console. It is disabled, never deleted: its events name it."""

    __tablename__ = "esia_registrations"

    mnemonic: Mapped[str] = mapped_column(String(100), primary_key=True)
    settings: Mapped[dict[str, Any]] = mapped_column(JSON)
    """The fields of ``EsiaSystem`` that have no column of their own."""
    certificate: Mapped[bytes | None] = mapped_column(LargeBinary)
    """DER; none: not given yet, and every signature is refused."""
    next_certificate: Mapped[bytes | None] = mapped_column(LargeBinary)
    disabled_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime]
    version: Mapped[int] = mapped_column(default=1)
    """Grows with each change."""

    def touch(self, now: datetime) -> None:
        """Every change of the row ends with this, or no process would see it."""
        self.changed_at = now
        grow(self)


class EsiaSwitches(Base):
    """What can be switched of any system while running, wherever it is registered."""

    __tablename__ = "esia_switches"

    mnemonic: Mapped[str] = mapped_column(String(100), primary_key=True)
    faults: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))
    """Instead of those of the settings file; None: theirs count."""
    diagnostics_hash: Mapped[str] = mapped_column(String(64), default="", index=True)
    """Of the key that opens the log to the system's developer; empty: nobody."""
    recording_key: Mapped[str] = mapped_column(String(64), default="")
    """Makes the stand-ins of secrets and people in one recording, and goes when it ends."""
    recording_from: Mapped[datetime | None]
    recording_until: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1)

    def touch(self) -> None:
        """As ``EsiaRegistration.touch``."""
        grow(self)


class EsiaLogEntry(Base):
    """One request of a system and how it was answered; names nobody."""

    __tablename__ = "esia_log"
    __table_args__ = (Index("ix_esia_log_system_id", "system", "id"),)

    id: Mapped[int] = mapped_column(_BigId, primary_key=True)
    at: Mapped[datetime] = mapped_column(index=True)
    system: Mapped[str] = mapped_column(String(100))
    """Empty when no registered system was named."""
    method: Mapped[str] = mapped_column(String(10))
    address: Mapped[str] = mapped_column(String(100))
    """Its path; numbers and what is unknown are left out."""
    status: Mapped[int]
    code: Mapped[str] = mapped_column(String(6))
    """Of the error; empty: none."""
    refusal_id: Mapped[int | None] = mapped_column(BigInteger)
    """The explained refusal, ``EsiaRefusal.id``."""
    exchange: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    """Request and answer while the system is recorded, masked (``masking``)."""
