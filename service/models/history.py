"""What happened to people, kept for reports: slips made, and movement on the rolls of schools."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from auth.models import UtcDateTime
from service.db import Base

_BigId = BigInteger().with_variant(Integer, "sqlite")


class MadeSlip(Base):
    """A slip with login and first password was made for this person, to be printed."""

    __tablename__ = "made_slips"
    __table_args__ = (Index("ix_made_slips_first_at", "first_at"),)
    person_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    first_at: Mapped[datetime] = mapped_column(UtcDateTime)


class RollAct(StrEnum):
    """The kinds of movement on a roll."""

    BEGUN = "begun"
    """The history of a school begins: people on its roll at this moment were there before."""
    JOINED = "joined"
    """The person is on the roll of the school from here on."""
    LEFT = "left"
    SUSPENDED = "suspended"
    """The account is suspended; the place on the roll is not changed."""
    RESTORED = "revived"


class RollEvent(Base):
    """One movement that an applied load brought. Rows are only ever added.

    It has no foreign key, as it outlives the person's row. A change of role at a school is two
    rows: left in the old role, joined in the new one.
    """

    __tablename__ = "roll_events"
    __table_args__ = (
        Index("ix_roll_events_at", "at"),
        Index("ix_roll_events_person_id", "person_id"),
        Index("ix_roll_events_act", "act", "school_code"),
    )
    id: Mapped[int] = mapped_column(_BigId, primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    act: Mapped[str] = mapped_column(String(10))
    """A ``RollAct``."""
    school_code: Mapped[str] = mapped_column(String(64))
    person_id: Mapped[str] = mapped_column(String(36), default="")
    """Empty for ``BEGUN``."""
    role: Mapped[str] = mapped_column(String(20), default="")
    """The role at that school then."""


class MarkBitmap(Base):
    """Everybody who has a mark, such as an own password (``service.activity.marks``)."""

    __tablename__ = "mark_bitmaps"
    mark: Mapped[str] = mapped_column(String(20), primary_key=True)
    bitmap: Mapped[bytes]
    """``PeopleSet.packed``."""
    last_at: Mapped[datetime] = mapped_column(UtcDateTime)
    """The latest moment at which somebody got the mark."""


class MarkChange(Base):
    """Somebody got or lost a mark. The database itself adds the row (triggers)."""

    __tablename__ = "mark_changes"
    id: Mapped[int] = mapped_column(_BigId, primary_key=True)
    mark: Mapped[str] = mapped_column(String(20))
    person_id: Mapped[str] = mapped_column(String(36))
