"""Questions are answered as the truth says, as a person at the office would who knew it."""

from __future__ import annotations

from bench.people.judge import Judge
from bench.people.office import Office


def answer_all(office: Office, judge: Judge) -> int:
    """Answer every open question; how many were answered."""
    return 0
