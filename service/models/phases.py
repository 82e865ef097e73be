"""Phases of the transition as operators set them, and exemptions from them."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from auth.models import UtcDateTime
from auth.signin.phases import Phase, Target, Who
from service.db import Base


class _Targeted:
    """Whom a row is for (``auth.signin.phases.Target``); empty where the row does not narrow."""

    district: Mapped[str] = mapped_column(String(100), default="")
    school_code: Mapped[str] = mapped_column(String(64), default="")
    class_id: Mapped[str] = mapped_column(String(255), default="")
    role: Mapped[str] = mapped_column(String(20), default="")

    @property
    def target(self) -> Target:
        return Target(
            district=self.district,
            school_code=self.school_code,
            class_id=self.class_id,
            role=self.role,
        )


class PhaseRule(_Targeted, Base):
    """From ``starts_on`` on, a phase is in force for a target."""

    __tablename__ = "phase_rules"
    __table_args__ = (UniqueConstraint("school_code", "class_id", "district", "role", "starts_on"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    phase: Mapped[Phase] = mapped_column(String(20))
    starts_on: Mapped[date]
    """A calendar day of the installation's time zone."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    created_by: Mapped[str] = mapped_column(String(100))


class PhaseExemption(_Targeted, Base):
    """The people who may go on with a password where only ЕСИА is allowed."""

    __tablename__ = "phase_exemptions"
    __table_args__ = (Index("ix_phase_exemptions_target", "school_code", "class_id", "district"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[str] = mapped_column(String(36), default="", index=True)
    """The only person it is for; empty when it is for all of the target."""
    who: Mapped[Who] = mapped_column(String(20), default=Who.ALL)
    until: Mapped[date | None]
    """The last day; None for an exemption without an end."""
    reason: Mapped[str] = mapped_column(String(500))
    """In the operator's words, for other operators."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    created_by: Mapped[str] = mapped_column(String(100))
