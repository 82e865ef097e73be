"""What the letters say: figures, where they come from, and what to do. Never a name of a pupil."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from service.i18n import gettext as _
from service.reports.report import Report, show_moment, show_percent


@dataclass(frozen=True, kw_only=True, slots=True)
class Lag:
    """One school that is to be reminded, and of what."""

    school: str
    """Its short name."""
    last_load: datetime | None
    load_is_old: bool
    signed_in_share: float | None
    """Given when it is under the threshold."""


def report_subject(report: Report) -> str:
    return f"{report.title}, {report.period}" if report.period else report.title


def report_body(report: Report, address: str) -> str:
    """The head of the report as the text of the letter."""
    head = "\n".join(f"{label}: {text}" for label, text in report.header())
    where = _("In the console: {address}", address=address)
    return f"{head}\n\n{where}\n\n{_ending()}"


def reminder_subject() -> str:
    return _("Reminder: what your school has to do for the accounts")


def reminder_body(lags: Sequence[Lag], zone: ZoneInfo, address: str) -> str:
    """School by school: what is behind, and what to do."""
    parts = [_about(lag, zone) for lag in lags]
    where = _("The console: {address}", address=address)
    return "\n\n".join([_("Some things are behind:"), *parts, where, _ending()])


def _about(lag: Lag, zone: ZoneInfo) -> str:
    lines = [lag.school]
    if lag.last_load is None:
        lines.append(_("— No load yet. Export the files from Paragraf and load them."))
    elif lag.load_is_old:
        lines.append(
            _(
                "— The last load was on {moment}. Export fresh files from Paragraf and load them.",
                moment=show_moment(lag.last_load, zone),
            )
        )
    if lag.signed_in_share is not None:
        lines.append(
            _(
                "— {share} % of the roll have signed in at least once. Print the slips of the "
                "classes and hand them out; help with the first sign-in in a lesson.",
                share=show_percent(lag.signed_in_share),
            )
        )
    return "\n".join(lines)


def _ending() -> str:
    return _(
        "You get this letter because you asked for it. To stop it: console, Reports, Reports by "
        "mail."
    )
