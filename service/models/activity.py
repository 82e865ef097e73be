"""Roll-ups of sign-ins and of activity in Moodle, and what they are made from.

Sets of people are bitmaps over ordinals (``service.activity.bitmaps``): any days can be joined, cut
with any roll and counted without counting anybody twice.
"""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, BigInteger, Index, Integer, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from auth.models import UtcDateTime
from service.db import Base

_BigId = BigInteger().with_variant(Integer, "sqlite")


class EventSource(StrEnum):
    """The source that says somebody was active. Figures of two sources are mixed on request
    only."""

    PROVIDER = "provider"
    """Sign-ins through our own sign-in page."""
    EARLIER_PORTAL = "earlier_portal"
    """Sign-ins of a portal before us, from files (``schoolbridge events import``)."""
    MOODLE = "moodle"
    """Last accesses read from Moodle on schedule: at least this activity, maybe more."""
    MOODLE_LOG = "moodle_log"
    """Sign-ins in Moodle's own log."""


class ActivityPerson(Base):
    """The ordinal of a person at a school: the place of one bit in every bitmap."""

    __tablename__ = "activity_people"
    __table_args__ = (
        UniqueConstraint("person_id", "school_code"),
        Index("ix_activity_people_school_code", "school_code"),
        Index(
            "ix_activity_people_main",
            "main",
            sqlite_where=text("main IS NOT NULL"),
            postgresql_where=text("main IS NOT NULL"),
        ),
    )
    ordinal: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    person_id: Mapped[str] = mapped_column(String(36))
    school_code: Mapped[str] = mapped_column(String(64))
    """The school of the roll or of the sign-in, as of then; empty when nobody knew."""
    main: Mapped[int | None]
    """The person's first ordinal; empty in that row itself. Others come with a transfer."""


class ActivityBitmap(Base):
    """Who was active in one hour, day or month, according to one source, by one method."""

    __tablename__ = "activity_bitmaps"
    span: Mapped[str] = mapped_column(String(5), primary_key=True)
    begins_at: Mapped[datetime] = mapped_column(UtcDateTime, primary_key=True)
    source: Mapped[str] = mapped_column(String(20), primary_key=True)
    method: Mapped[str] = mapped_column(String(20), primary_key=True)
    """The method of the sign-in; empty for any method."""
    bitmap: Mapped[bytes]
    """``PeopleSet.packed``."""


class ActivityCount(Base):
    """How many sign-ins there were on a day, with school and role as of then."""

    __tablename__ = "activity_counts"
    day: Mapped[date] = mapped_column(primary_key=True)
    source: Mapped[str] = mapped_column(String(20), primary_key=True)
    school_code: Mapped[str] = mapped_column(String(64), primary_key=True)
    method: Mapped[str] = mapped_column(String(20), primary_key=True)
    role: Mapped[str] = mapped_column(String(32), primary_key=True)
    events: Mapped[int]


class ActivitySource(Base):
    """How much of a source is rolled up."""

    __tablename__ = "activity_sources"
    source: Mapped[str] = mapped_column(String(20), primary_key=True)
    first_at: Mapped[datetime] = mapped_column(UtcDateTime)
    """The first counted event, deleted or not."""
    last_at: Mapped[datetime] = mapped_column(UtcDateTime)
    events: Mapped[int] = mapped_column(BigInteger)
    zone: Mapped[str] = mapped_column(String(64), server_default="Europe/Moscow")
    """By whose days and months it is rolled up. In another zone people are counted as exactly, hour
    by hour; sign-ins by day are not, until everything is made anew (``events rebuild``)."""


class PendingEvent(Base):
    """A ``LoginEvent`` that is not rolled up yet. The database itself adds the row (triggers)."""

    __tablename__ = "activity_pending_events"
    event_id: Mapped[int] = mapped_column(_BigId, primary_key=True, autoincrement=False)


class RollChange(Base):
    """Something about the roll of a school changed. The database itself adds the row (triggers)."""

    __tablename__ = "roll_changes"
    id: Mapped[int] = mapped_column(_BigId, primary_key=True)
    school_code: Mapped[str] = mapped_column(String(64))


class RollSheet(Base):
    """The people of a school now, as sets of ordinals (``service.activity.rolls``)."""

    __tablename__ = "roll_sheets"
    school_code: Mapped[str] = mapped_column(String(64), primary_key=True)
    by_role: Mapped[dict[str, Any]] = mapped_column(JSON)
    by_class: Mapped[list[dict[str, Any]]] = mapped_column(JSON)


class OutsideEvent(Base):
    """A sign-in that another system recorded."""

    __tablename__ = "outside_events"
    __table_args__ = (
        Index("ix_outside_events_source_at", "source", "at"),
        Index("ix_outside_events_person_id", "person_id"),
    )
    source: Mapped[str] = mapped_column(String(20), primary_key=True)
    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    """A digest of the line or row it came from: the same one is counted once, however often it
    comes."""
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    person_id: Mapped[str | None] = mapped_column(String(36))
    """None when it is nobody we know; who it was is not kept."""
    school_code: Mapped[str] = mapped_column(String(64))
    method: Mapped[str] = mapped_column(String(20))
    result: Mapped[str] = mapped_column(String(10))


class SnapshotKind(StrEnum):
    """Why a snapshot of last accesses in Moodle is due."""

    DAILY = "daily"
    FRIDAY_17 = "friday_17"
    FRIDAY_24 = "friday_24"
    MONTH_END = "month_end"
    QUARTER_END = "quarter_end"


class SnapshotStatus(StrEnum):
    TAKEN = "taken"
    LATE = "late"
    """Taken, but so late that people may have come again in between."""
    FAILED = "failed"
    MISSED = "missed"
    """No worker ran until the next one was due."""


class MoodleSnapshot(Base):
    """One due reading of everybody's last access. A missing one is a row, not a zero."""

    __tablename__ = "moodle_snapshots"
    kind: Mapped[str] = mapped_column(String(20), primary_key=True)
    due_at: Mapped[datetime] = mapped_column(UtcDateTime, primary_key=True)
    since: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """Accesses from then until ``taken_at`` were looked at."""
    taken_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    status: Mapped[str] = mapped_column(String(10))
    way: Mapped[str] = mapped_column(String(10), default="")
    """``report`` or ``users``: how it was read."""
    people: Mapped[int | None]
    """The number of our people with an access since the previous snapshot."""
    error: Mapped[str] = mapped_column(String(100), default="")
    """Moodle's code of what went wrong."""
