"""The trend of the weekly report: twelve weeks, ours and other platforms', with the target."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from service.access import Scope
from service.activity.figures import Activity, until
from service.calendar.period import Period
from service.calendar.weeks import weeks_until
from service.i18n import gettext as _
from service.models import PlatformFigure, PlatformSchool, PlatformWeek
from service.reports.question import Question
from service.reports.report import Chart, ChartKind, Kind, draw, share
from service.reports.weekly.figures import OwnWeek

WEEKS = 12

PLATFORMS_DRAWN = 2
"""More lines nobody tells apart."""


def trend(
    activity: Activity, question: Question, week: Period, own: OwnWeek, platforms: Sequence[str]
) -> Chart:
    """Shares of the last twelve weeks, on the rolls of the cut-off of ``own``."""
    weeks = weeks_until(week, WEEKS)
    drawn = platforms[:PLATFORMS_DRAWN]
    shares = _platform_shares(activity.session, question.scope, weeks, question.now, drawn)
    active, connected = _own_shares(activity, question, weeks, own)
    return draw(
        ChartKind.TREND, _("Twelve weeks, by their last day"), Kind.SHARE,
        [f"{each.last:%d.%m.%y}" for each in weeks],
        {
            _("Teachers who signed in, %"): active,
            _("C4, % of schools"): connected,
            **{
                _("{platform}: C1, %", platform=name): [
                    shares.get((name, each.first)) for each in weeks
                ]
                for name in drawn
            },
        },
        target=1.0,
    )  # fmt: skip


def _own_shares(
    activity: Activity, question: Question, weeks: Sequence[Period], own: OwnWeek
) -> tuple[list[float | None], list[float | None]]:
    """Teachers who signed in, and C4, week by week."""
    teachers = own.people(own.schools, "teachers")
    ever = activity.active(None, weeks[0].bounds(question.zone)[0])
    active, connected = [], []
    for week in weeks:
        begin, after = week.bounds(question.zone)
        in_week = activity.active(begin, min(after, until(own.cut_off)))
        ever |= in_week
        active.append(share(teachers.count_both(in_week), len(teachers)))
        done = sum(own.connected(code, min(after, own.cut_off), ever) for code in own.schools)
        connected.append(share(done, len(own.schools)))
    return active, connected


def _platform_shares(
    session: Session,
    scope: Scope,
    weeks: Sequence[Period],
    known_at: datetime,
    platforms: Sequence[str],
) -> Mapping[tuple[str, date], float | None]:
    """C1 of each platform and week, by the newest version known, of schools with both figures."""
    week, figure, school = PlatformWeek, PlatformFigure, PlatformSchool
    newest = (
        select(week.platform, week.first_day, func.max(week.version).label("version"))
        .where(
            week.platform.in_(platforms),
            week.first_day.in_([each.first for each in weeks]),
            week.imported_at <= known_at,
        )
        .group_by(week.platform, week.first_day)
        .subquery()
    )
    rows = session.execute(
        select(
            week.platform,
            week.first_day,
            func.sum(figure.teachers_with_messages),
            func.sum(figure.teachers),
        )
        .join(
            newest,
            (newest.c.platform == week.platform)
            & (newest.c.first_day == week.first_day)
            & (newest.c.version == week.version),
        )
        .join(figure, figure.week_id == week.id)
        .join(school, (school.platform == week.platform) & (school.label == figure.label))
        .where(
            school.school_code.in_(scope.codes()),
            figure.teachers.is_not(None),
            figure.teachers_with_messages.is_not(None),
        )
        .group_by(week.platform, week.first_day)
    )
    return {
        (name, first): share(int(some or 0), int(all_ or 0)) for name, first, some, all_ in rows
    }
