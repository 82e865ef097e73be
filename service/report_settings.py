"""Settings of the reports, apart from them: programs that build no report read settings too."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True, slots=True)
class ReportSettings:
    """Thresholds and choices that an installation fixes once; an address may ask otherwise."""

    smallest_count: int = 5
    """What is published outside shows counts of people under this number only as "fewer"."""
    names_for: tuple[Literal["school", "district", "city"], ...] = ("school", "district", "city")
    """Operators of these roles may see who is behind a number."""
    low_activity_below: int = 100
    """A school with fewer active people has low activity (INDICATORS A2)."""
    low_activity_percent: float = 10.0
    """The same as a share of the people with an account, where that is asked for."""

    def __post_init__(self) -> None:
        """Raises ``ValueError`` for a number that would hide nothing or everything."""
        if not 1 < self.smallest_count <= 100:
            raise ValueError("smallest_count must be between 2 and 100")
        if self.low_activity_below < 1:
            raise ValueError("low_activity_below must be at least 1")
        if not 0 <= self.low_activity_percent <= 100:
            raise ValueError("low_activity_percent must be between 0 and 100")
