"""Settings of the reports. Apart from them, since programs that build no report read settings too."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class ReportSettings:
    """Thresholds and choices that an installation fixes once; an address may ask otherwise."""

    smallest_count: int = 5
    """What is published outside shows counts of people under this number only as "fewer"."""

    def __post_init__(self) -> None:
        """Raises ``ValueError`` for a number that would hide nothing or everything."""
        if not 1 < self.smallest_count <= 100:
            raise ValueError("smallest_count must be between 2 and 100")
