"""Reference data that people bring: head counts, platforms' weeks, regional totals, milestones.

Nothing here is measured by us. Figures are dated, name their source, and are never changed in
place: a correction is a new row, so that a report of an earlier day can be built again.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from auth.models import UtcDateTime
from service.db import Base


class HeadCountGroup(StrEnum):
    """Who a reference head count of a school is about."""

    LEARNERS = "learners"
    TEACHERS = "teachers"
    STAFF = "staff"


class HeadCount(Base):
    """How many people a school has by official statistics, as of a date."""

    __tablename__ = "head_counts"
    __table_args__ = (Index("ix_head_counts_school", "school_code", "group", "as_of"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    school_code: Mapped[str] = mapped_column(ForeignKey("schools.code"))
    group: Mapped[HeadCountGroup] = mapped_column(String(20))
    people: Mapped[int]
    as_of: Mapped[date]
    source: Mapped[str] = mapped_column(String(500))
    recorded_at: Mapped[datetime] = mapped_column(UtcDateTime)
    recorded_by: Mapped[str] = mapped_column(String(100))


class TotalKey(StrEnum):
    """What a regional total counts: the denominators of the ЦОС indicators
    (docs/facts/indicators.md D)."""

    LEARNERS_GENERAL = "learners_general"
    LEARNERS_ADDITIONAL = "learners_additional"
    LEARNERS_VOCATIONAL = "learners_vocational"
    STAFF_GENERAL = "staff_general"
    """Teaching staff of general education (E4.08)."""
    ORGANISATIONS_GENERAL = "organisations_general"
    ORGANISATIONS_ADDITIONAL = "organisations_additional"
    ORGANISATIONS_VOCATIONAL = "organisations_vocational"


class RegionalTotal(Base):
    """A total of the region by official statistics, as of a date."""

    __tablename__ = "regional_totals"
    __table_args__ = (Index("ix_regional_totals_key", "key", "as_of"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[TotalKey] = mapped_column(String(40))
    value: Mapped[int]
    as_of: Mapped[date]
    document: Mapped[str] = mapped_column(String(500))
    """Where the figure is published."""
    document_number: Mapped[str] = mapped_column(String(100), default="")
    recorded_at: Mapped[datetime] = mapped_column(UtcDateTime)
    recorded_by: Mapped[str] = mapped_column(String(100))


class PlatformWeek(Base):
    """One import of another platform's figures for a week; a later import is a higher version."""

    __tablename__ = "platform_weeks"
    __table_args__ = (UniqueConstraint("platform", "first_day", "version"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    platform: Mapped[str] = mapped_column(String(50))
    first_day: Mapped[date]
    """The Saturday on which the week begins (docs/facts/indicators.md C)."""
    version: Mapped[int]
    """The number of the import of this week, from 1."""
    file_name: Mapped[str] = mapped_column(String(255))
    sha256: Mapped[str] = mapped_column(String(64))
    mapping: Mapped[str] = mapped_column(String(50))
    """Name of the mapping that the file was read by."""
    imported_at: Mapped[datetime] = mapped_column(UtcDateTime)
    imported_by: Mapped[str] = mapped_column(String(100))

    @property
    def last_day(self) -> date:
        """Return the Friday that ends the week."""
        return self.first_day + timedelta(days=6)


class PlatformFigure(Base):
    """A row of such a file: one school. A figure that the file does not have is None."""

    __tablename__ = "platform_figures"
    week_id: Mapped[int] = mapped_column(ForeignKey("platform_weeks.id"), primary_key=True)
    row: Mapped[int] = mapped_column(primary_key=True)
    """Its row in the file."""
    label: Mapped[str] = mapped_column(String(700))
    """The school as the platform names it; ``PlatformSchool`` says which of ours that is."""
    users: Mapped[int | None]
    teachers: Mapped[int | None]
    teachers_with_messages: Mapped[int | None]
    """Teachers with more than three messages in the week (C1)."""
    teachers_with_group_messages: Mapped[int | None]
    """Teachers with at least three messages in group chats (C2)."""
    teachers_with_group_chats: Mapped[int | None]
    """Teachers who made at least one group chat (C3)."""
    messages: Mapped[int | None]
    group_chats: Mapped[int | None]
    registered: Mapped[bool | None]
    """The school is registered on the platform (C4)."""
    active: Mapped[bool | None]
    """The profile of the organisation is active (C6)."""


class PlatformSchool(Base):
    """Which of our schools a platform means: found by the mapping, or said by a person once."""

    __tablename__ = "platform_schools"
    platform: Mapped[str] = mapped_column(String(50), primary_key=True)
    label: Mapped[str] = mapped_column(String(700), primary_key=True)
    school_code: Mapped[str | None] = mapped_column(ForeignKey("schools.code"), index=True)
    """None while nobody has said, and for an ``ignored`` one."""
    ignored: Mapped[bool] = mapped_column(default=False)
    """A person said that it is none of our schools."""
    matched_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    matched_by: Mapped[str] = mapped_column(String(100), default="")
    """The operator; empty when the mapping found the school."""


class Milestone(Base):
    """A step of the plan of moving to sign-in through ЕСИА (docs/facts/indicators.md B)."""

    __tablename__ = "milestones"
    id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[str] = mapped_column(String(20), unique=True)
    """As text: 1.4.1."""
    title: Mapped[str] = mapped_column(String(500))
    begins_on: Mapped[date | None]
    """Set when the step is a period."""
    due_on: Mapped[date | None]
    """The last day; None while no date is fixed, and for a step that goes on."""
    responsible: Mapped[list[str]] = mapped_column(JSON, default=list)
    """КО, КИС, АР, ОО and the like."""
    done_on: Mapped[date | None]
    done_by: Mapped[str] = mapped_column(String(100), default="")
    """The operator who set the mark."""


class ImportStatus(StrEnum):
    PENDING = "pending"
    """It waits for the yes of a person."""
    APPLIED = "applied"
    REJECTED = "rejected"


class ReferenceImport(Base):
    """A file of reference data as read, from its upload to the yes or no of a person."""

    __tablename__ = "reference_imports"
    id: Mapped[int] = mapped_column(primary_key=True)
    subject: Mapped[str] = mapped_column(String(20))
    """A key of ``service.registry.imports.SUBJECTS``."""
    status: Mapped[ImportStatus] = mapped_column(String(20))
    file_name: Mapped[str] = mapped_column(String(255))
    sha256: Mapped[str] = mapped_column(String(64))
    options: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    """What else was said of a platform's week: platform, first_day, mapping."""
    rows: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
    """The rows that could be read, by column; dates in ISO 8601."""
    problems: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
    """What is wrong with the others (``service.registry.columns.Problem``)."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    created_by: Mapped[str] = mapped_column(String(100))
    decided_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    decided_by: Mapped[str] = mapped_column(String(100), default="")
