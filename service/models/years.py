"""School years: the days on which schools turn to the rolls of a new one."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from auth.models import UtcDateTime
from service.db import Base


class YearTurn(Base):
    """The day that somebody set for the city, a district or a school."""

    __tablename__ = "year_turns"
    school_year: Mapped[str] = mapped_column(String(9), primary_key=True)
    district: Mapped[str] = mapped_column(String(100), primary_key=True, default="")
    school_code: Mapped[str] = mapped_column(String(64), primary_key=True, default="")
    """Empty beside a district; both empty for the city."""
    turn_on: Mapped[date]
    set_by: Mapped[str] = mapped_column(String(100))
    set_at: Mapped[datetime] = mapped_column(UtcDateTime)
