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

    id: Mapped[int] = mapped_column(_BigId, primary_key=True)
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
