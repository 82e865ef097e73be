"""Rehearsals that somebody ordered, and what came of them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from auth.models import UtcDateTime
from service.db import Base
from service.models.operators import OperatorRole


class StoredRehearsal(Base):
    """One rehearsal of a load (``loads.rehearsal.Rehearsed``)."""

    __tablename__ = "rehearsals"
    id: Mapped[int] = mapped_column(primary_key=True)
    load_id: Mapped[int] = mapped_column(ForeignKey("loads.id"), index=True)
    asked_at: Mapped[datetime] = mapped_column(UtcDateTime)
    asked_by: Mapped[str] = mapped_column(String(100))
    scope_role: Mapped[OperatorRole] = mapped_column(String(20))
    scope_items: Mapped[list[str]] = mapped_column(JSON)
    """The part of the city of whoever asked: only its schools are tried."""
    claimed_by: Mapped[str] = mapped_column(String(200), default="", server_default="")
    """The process that carries it out, as ``Load.claimed_by``; empty while it waits."""
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    problem: Mapped[str] = mapped_column(String(200), default="", server_default="")
    """Why it broke off: a code, or ``internal``."""
    result: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    """``Rehearsed`` as JSON: counts, codes and ids."""
