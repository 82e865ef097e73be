"""Check: one finding of the doctor, with its subject, its verdict and what to change where."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum

from service.i18n import gettext as _

SOON = timedelta(days=30)
"""So long before its end a certificate is worth a warning: a new one takes weeks."""


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


@dataclass(frozen=True, slots=True)
class About:
    """Makes the checks of one subject."""

    subject: str

    def ok(self, message: str) -> Check:
        return Check(subject=self.subject, verdict=Verdict.OK, message=message)

    def warning(self, message: str, remedy: str) -> Check:
        return Check(subject=self.subject, verdict=Verdict.WARNING, message=message, remedy=remedy)

    def problem(self, message: str, remedy: str) -> Check:
        return Check(subject=self.subject, verdict=Verdict.PROBLEM, message=message, remedy=remedy)

    def not_checked(self, code: str) -> Check:
        """Say that what is wrong above, with its ``code``, came in between."""
        return self.warning(
            _("not checked ({what})", what=code),
            _("First put right what is above, then run schoolbridge doctor again."),
        )


def clock_difference(header: str, now: datetime) -> timedelta | None:
    """Return how far a ``Date`` header is ahead of ``now``; None when it tells no moment."""
    try:
        theirs = parsedate_to_datetime(header)
    except ValueError:
        return None
    return (theirs if theirs.tzinfo else theirs.replace(tzinfo=UTC)) - now


def page(name: str) -> str:
    """Return the way to a page of Moodle's administration, in the words of its menu."""
    return {
        "services": _("Site administration > Server > Web services > External services"),
        "tokens": _("Site administration > Server > Web services > Manage tokens"),
        "protocols": _("Site administration > Server > Web services > Manage protocols"),
        "advanced_features": _("Site administration > General > Advanced features"),
        "roles": _("Site administration > Users > Permissions > Define roles"),
        "role_assignments": _(
            "Site administration > Users > Permissions > Define roles > Allow role assignments"
        ),
        "assigned_roles": _("Site administration > Users > Permissions > Assign system roles"),
        "security": _("Site administration > General > Security > Site security settings"),
        "authentication": _(
            "Site administration > Plugins > Authentication > Manage authentication"
        ),
    }[name]
