"""What stood in our own tables before a plan began, so that the plan can be undone."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from service.db import Base


class KeptWhat(StrEnum):
    """What a kept row is about; the key is said behind it."""

    SCHOOL = "school"
    """Dates of ``School``; no key. Every plan that began has this row."""
    PLACE = "place"
    """``SchoolMembership`` at the school of the plan: person id."""
    CLASS_TEACHER = "class_teacher"
    """``ClassTeacher``: class id."""
    CLASS_KEY = "class_key"
    """``ClassKey``: school year, ``|`` and class id."""
    SOURCE_KEY = "source_key"
    """``SourceKey``: source, ``|`` and sourced id."""
    AWAY = "away"
    """``KnownUser.away_since``: person id."""


class KeptBefore(Base):
    """One row of ours that a plan replaced, made or took away; what Moodle holds is told by
    ``PlannedChange``."""

    __tablename__ = "kept_before"
    plan_id: Mapped[int] = mapped_column(ForeignKey("school_plans.id"), primary_key=True)
    what: Mapped[KeptWhat] = mapped_column(String(20), primary_key=True)
    key: Mapped[str] = mapped_column(String(330), primary_key=True)
    before: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    """None: there was no row."""
    after: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    """As the plan left it."""
