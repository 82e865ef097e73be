"""The doctor's look at how activity is counted, and at the custom report of last accesses."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from functools import partial

from sqlalchemy import select

from provisioning.moodle import MoodleError
from service.activity.moodle_access import ours
from service.application import Application
from service.doctor.check import About, Check, page
from service.i18n import gettext as _
from service.models import ActivitySource, EventSource, KnownUser

_LONG = timedelta(days=3650)


def examine_days(application: Application) -> Iterator[Check]:
    """Whether sign-ins are counted by the days of ``[server] time_zone``."""
    about, zone = About(_("Days of figures")), application.zone.key
    with application.sessions() as session:
        others = session.scalars(
            select(ActivitySource.zone)
            .where(ActivitySource.zone != zone, ActivitySource.source != EventSource.MOODLE)
            .distinct()
        ).all()
    if not others:
        yield about.ok(zone)
        return
    yield about.warning(
        _("sign-ins are counted by the days of {zones}, reports begin and end by {zone}",
          zones=", ".join(sorted(others)), zone=zone),
        _("Run “schoolbridge events rebuild”. A source of which old events are deleted keeps its "
          "days; else set [server] time_zone back."),
    )  # fmt: skip


def examine_activity(application: Application) -> Iterator[Check]:
    """Check that the report answers, filters by last access and names logins."""
    report_id = application.settings.activity.report_id
    if not report_id:
        return
    about = About(_("Custom report of last accesses"))
    now = application.clock()
    try:
        with application.moodle() as moodle:
            ask = partial(moodle.report_of_last_access, report_id, before_call=lambda: None)
            later = next(ask(now + _LONG, now + 2 * _LONG), None)
            rows = next(ask(now - _LONG, now), [])
    except MoodleError as error:
        yield about.problem(
            _("report {number} cannot be read ({code})", number=report_id, code=error.code),
            _("Make a report with the source Users, the columns user name and last access and "
              "the filter last access; set [activity] report_id to its number. Our account needs "
              "moodle/reportbuilder:viewall and our service the functions "
              "core_reportbuilder_set_filters and core_reportbuilder_retrieve_report: {page}",
              page=page("services")),
        )  # fmt: skip
        return
    if later:
        yield about.problem(
            _("it does not filter by last access"),
            _("Add the filter last access to the report in Moodle's report builder."),
        )
        return
    with application.sessions() as session:
        anybody = session.scalar(select(KnownUser.person_id).limit(1))
        if rows and anybody and not ours(session, rows):
            yield about.problem(
                _("no column of it names logins of ours"),
                _("Add the column user name to the report in Moodle's report builder."),
            )
            return
    yield about.ok(_("report {number} answers", number=report_id))
