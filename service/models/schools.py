"""Schools, and what Moodle has for them: categories, cohorts, courses, enrolments."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from auth.models import UtcDateTime
from service.db import Base


class SchoolType(StrEnum):
    """What an organisation teaches, by its main programme."""

    GENERAL = "general"
    ADDITIONAL = "additional"
    VOCATIONAL = "vocational"
    PRESCHOOL = "preschool"
    OTHER = "other"


class School(Base):
    """An organisation. Its first load makes the row, or the registry of schools does.

    Once ``registered_at`` is set the registry is the authority for its names, number and district:
    loads no longer change them.
    """

    __tablename__ = "schools"
    code: Mapped[str] = mapped_column(String(64), primary_key=True)
    name: Mapped[str] = mapped_column(String(500))
    short_name: Mapped[str] = mapped_column(String(255))
    district: Mapped[str] = mapped_column(String(100), index=True)
    number: Mapped[str] = mapped_column(String(20), default="")
    type: Mapped[SchoolType | None] = mapped_column(String(20))
    """By the registry, else by the word of the loaded file; None when not known."""
    unknown_type: Mapped[str] = mapped_column(String(50), default="")
    """The word of the loaded file while ``type`` is not known: an operator is asked for it."""
    source_system: Mapped[str] = mapped_column(String(100), default="", server_default="")
    """The system in which the school keeps its roll: Параграф or another; empty when not known."""
    state_system: Mapped[bool | None]
    """Whether ``source_system`` is a system of the state (docs/facts/indicators.md A3)."""
    esia_plan_on: Mapped[date | None]
    """Planned day of moving to sign-in through ЕСИА."""
    closed_on: Mapped[date | None]
    """The last day of the organisation; None while it is open."""
    merged_into: Mapped[str] = mapped_column(String(64), default="", server_default="")
    """Code of the school that took a closed one over."""
    registered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When the registry first told of it; None for a school known from loads only."""
    known_version: Mapped[int] = mapped_column(default=0)
    """Grows with each applied plan; a plan made against an older version is superseded."""
    last_applied_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_exported_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """Export time of the newest applied file: an older export is refused."""


class KnownObject(Base):
    """A category, cohort or course that Moodle has."""

    __tablename__ = "known_objects"
    kind: Mapped[str] = mapped_column(String(20), primary_key=True)
    key: Mapped[str] = mapped_column(String(100), primary_key=True)
    """The Moodle idnumber."""
    school_code: Mapped[str] = mapped_column(String(64), default="", index=True)
    """Empty for the shared levels: city and districts."""
    moodle_id: Mapped[int]
    fields: Mapped[dict[str, Any]] = mapped_column(JSON)


class CohortMember(Base):
    """A person in a cohort."""

    __tablename__ = "cohort_members"
    __table_args__ = (Index("ix_cohort_members_school", "school_code", "cohort"),)
    cohort: Mapped[str] = mapped_column(String(100), primary_key=True)
    person_id: Mapped[str] = mapped_column(String(36), primary_key=True, index=True)
    school_code: Mapped[str] = mapped_column(String(64))


class KnownEnrolment(Base):
    """A person in a course with a role."""

    __tablename__ = "known_enrolments"
    __table_args__ = (Index("ix_known_enrolments_school", "school_code"),)
    course: Mapped[str] = mapped_column(String(100), primary_key=True)
    person_id: Mapped[str] = mapped_column(String(36), primary_key=True, index=True)
    role: Mapped[str] = mapped_column(String(20), primary_key=True)
    school_code: Mapped[str] = mapped_column(String(64))
