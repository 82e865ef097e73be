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
    """A school with fewer active people has low activity (docs/facts/indicators.md A2)."""
    low_activity_percent: float = 10.0
    """The same as a share of the people with an account, where that is asked for."""
    chat_operator: Literal["more", "at_least"] = "more"
    chat_threshold: int = 3
    """C1 counts teachers with more than three messages in the week (docs/facts/indicators.md C)."""
    group_chat_operator: Literal["more", "at_least"] = "at_least"
    group_chat_threshold: int = 3
    """C2 counts teachers with at least three messages in group chats."""
    inactive_days: int = 30
    """C6: a school from which nobody signed in for so long is not active."""
    horizontal_courses: tuple[str, ...] = ()
    """E4.07: beginnings of the idnumbers of courses for "horizontal" learning; none: E4.07 is not
    measured."""
    linked_below_percent: float = 50.0
    """Transition: schools with a smaller share of people linked to ЕСИА are told apart."""
    phase: Literal["password_only", "both", "esia_only"] = "password_only"
    """That of ``[auth]``: ``Settings`` puts it here, so that reports know it too."""

    def __post_init__(self) -> None:
        """Raises ``ValueError`` for a number that would hide nothing or everything."""
        if not 1 < self.smallest_count <= 100:
            raise ValueError("smallest_count must be between 2 and 100")
        if self.low_activity_below < 1:
            raise ValueError("low_activity_below must be at least 1")
        if not 0 <= self.low_activity_percent <= 100:
            raise ValueError("low_activity_percent must be between 0 and 100")
        if not 0 <= self.linked_below_percent <= 100:
            raise ValueError("linked_below_percent must be between 0 and 100")
        for name in ("chat_threshold", "group_chat_threshold"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative")
        if self.inactive_days < 1:
            raise ValueError("inactive_days must be at least 1")
        if not all(self.horizontal_courses):
            raise ValueError("horizontal_courses must not be empty texts")
