"""Check: one finding of the doctor, with its subject, its verdict and what to change."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    OK = "ok"
    WARNING = "warning"
    """It works, but not as well as it could, or it could not be looked at."""
    PROBLEM = "problem"
    """Something will not work until it is changed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    subject: str
    verdict: Verdict
    message: str
    remedy: str = ""
    """What to change and where, in the reader's language."""


def ok(subject: str, message: str) -> Check:
    return Check(subject=subject, verdict=Verdict.OK, message=message)


def warning(subject: str, message: str, remedy: str) -> Check:
    return Check(subject=subject, verdict=Verdict.WARNING, message=message, remedy=remedy)


def problem(subject: str, message: str, remedy: str) -> Check:
    return Check(subject=subject, verdict=Verdict.PROBLEM, message=message, remedy=remedy)
