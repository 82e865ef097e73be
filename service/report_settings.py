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

    def __post_init__(self) -> None:
        """Raises ``ValueError`` for a number that would hide nothing or everything."""
        if not 1 < self.smallest_count <= 100:
            raise ValueError("smallest_count must be between 2 and 100")
