"""What can go wrong at Moodle, sorted by what helps.

MoodleError
├── MoodleUnavailable    nothing was done; the same call may work later
├── MoodleRefused        nothing was done; the data must change first
├── MoodleMisconfigured  nothing was done; an administrator must change a setting
├── MoodlePaused         nothing was sent: nothing may be written to Moodle now
├── MoodleStopped        we were told to wait no longer: the work may have been done
├── MoodleUncertain      the work may have been done: look before doing it again
└── MoodleDoubtful       nothing was done; a setting or the data: a probe tells (Connection only)

The client turns each MoodleDoubtful into MoodleMisconfigured or MoodleRefused (``doubts.py``).
Moodle's own message and debug text can hold names and addresses, so no error keeps them: ``str()``
is the function and a code.
"""

from __future__ import annotations

import re
from typing import Any

from provisioning.moodle.functions import Function


class MoodleError(Exception):
    """A call that did not bring its result. The family says what helps (docs/facts/moodle.md 3)."""

    def __init__(self, function: Function, code: str) -> None:
        super().__init__(f"{function}: {code}")
        self.function = function
        self.code = code
        """Moodle's ``errorcode``, or our word where Moodle gave none."""


class MoodleUnavailable(MoodleError):
    def __init__(
        self, function: Function, code: str, retry_after_seconds: float | None = None
    ) -> None:
        super().__init__(function, code)
        self.retry_after_seconds = retry_after_seconds
        """What Moodle asked for in Retry-After, if it did."""


class MoodleRefused(MoodleError):
    """Nothing was done; the data must change first."""


class MoodleMisconfigured(MoodleError):
    """Nothing was done; an administrator must change a setting."""


class MoodlePaused(MoodleError):
    """Nothing was sent: nothing may be written to Moodle now."""

    def __init__(self, function: Function) -> None:
        super().__init__(function, "writing_paused")


class MoodleStopped(MoodleError):
    """We were told to wait no longer for the answer: the work may have been done."""

    def __init__(self, function: Function) -> None:
        super().__init__(function, "stopped_waiting")


class MoodleUncertain(MoodleError):
    """The work may have been done: look before doing it again."""


class MoodleDoubtful(MoodleError):
    """Nothing was done; a probe tells whether a setting or the data is the reason."""


INVALID_RESPONSE = "invalidresponse"
"""The work was done and committed; only the answer failed Moodle's own check of it."""

WEAK_PASSWORD = "weak_password"  # noqa: S105 (a code, not a secret)
"""Our word for an ``errorcode`` that is the HTML list of the broken password rules."""

_LATER = {"dbconnectionfailed", "sitemaintenance"}
NO_CODE = "exception_without_code"
"""Our word where Moodle gave none: PHP broke at these records."""

ABOUT_ACCESS = frozenset({"accessexception", "invalidtoken", "requireloginerror"})
"""Codes that a token, a service or a role brings, and sometimes a single answer of a busy site."""

_DOUBTFUL = ABOUT_ACCESS | {
    "codingerror",
    "errorcatcontextnotvalid",
    "errorcoursecontextnotvalid",
    "nopermissions",
    "wsusercannotassign",
}
"""Codes both for what our account may do nowhere and for one user, course or category: for an
account deleted by hand, ``enrol_manual_enrol_users`` answers ``codingerror``."""


def error_in(function: Function, body: dict[str, Any]) -> MoodleError:
    """The error that an answer with ``exception`` in it stands for.

    ``dmlwriteexception`` counts as refused: every call that creates is one transaction, so nothing
    of it stayed. Codes that nobody recorded count as refused too: the records are tried one by one.
    """
    code = safe_code(body.get("errorcode") or NO_CODE)
    if code in _LATER:
        return MoodleUnavailable(function, code)
    if code in _DOUBTFUL:
        return MoodleDoubtful(function, code)
    if code == INVALID_RESPONSE:
        return MoodleUncertain(function, code)
    return MoodleRefused(function, code)


def safe_code(errorcode: object) -> str:
    """``errorcode`` as a plain word: it goes to logs and to the operator."""
    text = str(errorcode or "")
    if text.startswith("<div>"):
        return WEAK_PASSWORD
    return text if re.fullmatch(r"[A-Za-z0-9_]{1,60}", text) else "unknown_error"
