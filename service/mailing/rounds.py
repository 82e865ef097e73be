"""One round of the mail: the letters that became due are written down, then all are sent.

They have figures, where these come from, and what to do. Never a name of a pupil.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from service.access import Scope
from service.application import Application
from service.calendar.weeks import Due, Occasion, due
from service.db import transaction
from service.i18n import gettext as _
from service.i18n import set_language
from service.mailing import outbox
from service.mailing.outbox import Letter
from service.models import Operator, OperatorRole, School
from service.pdf import NoPdf
from service.reports import REPORTS
from service.reports.definition import Definition, make
from service.reports.export import FILES, file_name
from service.reports.grouping import ALL_ROLES
from service.reports.publishing import hold_figures, preliminary_report, scheduled_question
from service.reports.question import Question
from service.reports.report import Report, show_moment, show_percent

AFTER_CUT_OFF = timedelta(minutes=15)
"""Figures of Friday 17:00 go out at 17:15."""

TOO_LATE = timedelta(days=3)
"""Afterwards preliminary figures are of no use: the final ones have been there for days."""


def send_round(application: Application) -> int:
    """Write the letters that are due, then send what waits; return how many were sent."""
    if not application.settings.mail.host:
        return 0
    set_language(application.settings.server.language)
    now = application.clock()
    cut = now - AFTER_CUT_OFF
    weeks = [
        each
        for each in due(cut, after=now - TOO_LATE, zone=application.zone)
        if each.occasion is Occasion.WEEK_PRELIMINARY
    ]
    wanting = (Operator.active, Operator.wants_mail, Operator.email != "")
    for week in weeks:
        with application.sessions() as session:
            operators = session.scalars(select(Operator.id).where(*wanting)).all()
        for number in operators:
            with transaction(application.sessions) as session:
                # The worker that rolls up is busy here, and a round may take long.
                hold_figures(session)
                operator = session.get_one(Operator, number)
                for letter in _letters(application, session, operator, week):
                    outbox.put(session, letter, now)
    return outbox.send_waiting(application)


def _letters(
    application: Application, session: Session, operator: Operator, week: Due
) -> Iterator[Letter]:
    """Write the letters to one operator that were not written yet."""
    for name in application.settings.mail.reports:
        occasion = f"report:{name}:{week.period.last}:{operator.id}"
        if name in REPORTS and not outbox.has(session, occasion):
            yield _report_letter(application, session, operator, REPORTS[name], week, occasion)
    occasion = f"reminder:{week.period.last}:{operator.id}"
    if operator.role == OperatorRole.SCHOOL and not outbox.has(session, occasion):
        parts = list(_behind(application, session, Scope.of(operator), week))
        if parts:
            where = _("The console: {address}", address=_console(application))
            yield Letter(
                occasion=occasion,
                recipient=operator.email,
                subject=_("Reminder: what your school has to do for the accounts"),
                body="\n\n".join([_("Some things are behind:"), *parts, where, _ending()]),
            )


def _report_letter(
    application: Application, session: Session, operator: Operator, definition: Definition,
    week: Due, occasion: str,
) -> Letter:  # fmt: skip
    asked = scheduled_question(application, definition, week, Scope.of(operator))
    report = preliminary_report(session, definition, asked)
    days = f"from={week.period.first}&to={week.period.last}"
    address = f"{_console(application)}/reports/{definition.name}?{days}"
    name, data = _attachment(application, report)
    head = "\n".join(f"{label}: {text}" for label, text in report.header())
    where = _("In the console: {address}", address=address)
    return Letter(
        occasion=occasion,
        recipient=operator.email,
        subject=f"{report.title}, {report.period}" if report.period else report.title,
        body=f"{head}\n\n{where}\n\n{_ending()}",
        attachment_name=name,
        attachment=data,
    )


def _attachment(application: Application, report: Report) -> tuple[str, bytes | None]:
    form = application.settings.mail.attach
    if form == "link":
        return "", None
    try:
        return file_name(report, form), FILES[form].make(report)
    except NoPdf:
        return file_name(report, "xlsx"), FILES["xlsx"].make(report)


def _ending() -> str:
    return _(
        "You get this letter because you asked for it. To stop it: console, Reports, Reports by "
        "mail."
    )


def _behind(application: Application, session: Session, scope: Scope, week: Due) -> Iterator[str]:
    """School by school of one operator what is behind, and what to do."""
    settings = application.settings.mail
    oldest = week.at - timedelta(days=settings.remind_after_days)
    shares = _signed_in_shares(session, application, scope, week.at)
    for school in session.scalars(select(School).where(scope.schools()).order_by(School.code)):
        loaded = school.last_applied_at
        is_old = bool(settings.remind_after_days) and (loaded is None or loaded < oldest)
        share = shares.get(school.code)
        is_low = share is not None and share < settings.remind_below_share
        if not is_old and not is_low:
            continue
        lines = [school.short_name or school.name]
        if loaded is None:
            lines.append(_("— No load yet. Export the files from Paragraf and load them."))
        elif is_old:
            moment = show_moment(loaded, application.zone)
            lines.append(_("— The last load was on {moment}. Export fresh files from Paragraf and "
                           "load them.", moment=moment))  # fmt: skip
        if is_low:
            told = show_percent(share)
            lines.append(_("— {share} % of the roll have signed in at least once. Print the slips "
                           "of the classes and hand them out; help with the first sign-in in a "
                           "lesson.", share=told))  # fmt: skip
        yield "\n".join(lines)


def _signed_in_shares(
    session: Session, application: Application, scope: Scope, at: datetime
) -> dict[str, float]:
    """By school code; schools without a roll have none."""
    asked = Question(scope=scope, zone=application.zone, now=at, by="school",
                  settings=application.settings.reports)  # fmt: skip
    report = make(session, REPORTS["coverage"], asked)
    place = [column.key for column in report.columns].index("ever_share")
    lines = zip(report.keys, (row[place] for row in report.rows), strict=True)
    return {
        key.partition("|")[0]: share
        for key, share in lines
        if key.endswith(f"|{ALL_ROLES}") and isinstance(share, float)
    }


def _console(application: Application) -> str:
    return f"{application.settings.base_url}/console"
