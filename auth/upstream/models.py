"""Table of the sign-ins that went to an outside provider and are not back yet."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import String, Text
from sqlalchemy.orm import Mapped, mapped_column

from auth.models import Base


class UpstreamAttempt(Base):
    """Somebody is on the way there and back; the row goes with the first return."""

    __tablename__ = "auth_upstream_attempts"

    state_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    purpose: Mapped[str] = mapped_column(String(10))
    """An ``attempts.Purpose``."""
    upstream: Mapped[str] = mapped_column(String(31))
    """Its key in the settings."""
    browser_hash: Mapped[str] = mapped_column(String(64))
    """Of the cookie that it is bound to; empty when it may return in any browser."""
    onward: Mapped[str] = mapped_column(Text)
    """The query of the application's request to go on with, or the address after a sign-out."""
    expires_at: Mapped[datetime] = mapped_column(index=True)
