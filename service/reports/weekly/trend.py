"""The trend of the weekly report: twelve weeks, ours and other platforms', with the target."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from service.access import Scope
from service.activity.bitmaps import PeopleSet
from service.activity.figures import Activity, until
from service.calendar.period import Period
from service.calendar.weeks import weeks_until
from service.i18n import gettext as _
from service.models import PlatformFigure, PlatformSchool, PlatformWeek
from service.reports.listing import share
from service.reports.question import Asked
from service.reports.report import Chart, ChartKind, Kind, Series
from service.reports.weekly.figures import OwnWeek

WEEKS = 12

PLATFORMS_DRAWN = 2
"""More lines nobody tells apart."""


def trend(
    session: Session,
    activity: Activity,
    asked: Asked,
    *,
    week: Period,
    cut_off: datetime,
    own: OwnWeek,
    platforms: Sequence[str],
) -> Chart:
    """Shares of the last twelve weeks, on the rolls of this cut-off."""
    weeks = weeks_until(week, WEEKS)
    drawn = platforms[:PLATFORMS_DRAWN]
    shares = _platform_shares(session, asked.scope, weeks, asked.now, drawn)
    active, connected = _own_shares(activity, asked, weeks, cut_off, own)
    return Chart(
        kind=ChartKind.TREND,
        title=_("Twelve weeks, by their last day"),
        unit=Kind.SHARE,
        labels=tuple(f"{each.last:%d.%m.%y}" for each in weeks),
        series=(
            Series(name=_("Teachers who signed in, %"), values=active),
            Series(name=_("C4, % of schools"), values=connected),
            *(
                Series(
                    name=_("{platform}: C1, %", platform=name),
                    values=tuple(shares.get((name, each.first)) for each in weeks),
                )
                for name in drawn
            ),
        ),
        target=1.0,
    )


def _own_shares(
    activity: Activity, asked: Asked, weeks: Sequence[Period], cut_off: datetime, own: OwnWeek
) -> tuple[tuple[float | None, ...], tuple[float | None, ...]]:
    """Teachers who signed in, and C4, week by week."""
    schools = own.schools.values()
    teachers = PeopleSet.union(school.teachers for school in schools)
    ever = activity.active(None, weeks[0].bounds(asked.zone)[0])
    active, connected = [], []
    for week in weeks:
        begin, after = week.bounds(asked.zone)
        in_week = activity.active(begin, min(after, until(cut_off)))
        ever |= in_week
        active.append(share(teachers.count_both(in_week), len(teachers)))
        done = sum(school.connected_at(min(after, cut_off), ever) for school in schools)
        connected.append(share(done, len(schools)))
    return tuple(active), tuple(connected)


def _platform_shares(
    session: Session,
    scope: Scope,
    weeks: Sequence[Period],
    known_at: datetime,
    platforms: Sequence[str],
) -> Mapping[tuple[str, date], float | None]:
    """C1 of each platform and week, by the newest version known, of schools with both figures."""
    newest = (
        select(
            PlatformWeek.platform,
            PlatformWeek.first_day,
            func.max(PlatformWeek.version).label("version"),
        )
        .where(
            PlatformWeek.platform.in_(platforms),
            PlatformWeek.first_day.in_([week.first for week in weeks]),
            PlatformWeek.imported_at <= known_at,
        )
        .group_by(PlatformWeek.platform, PlatformWeek.first_day)
        .subquery()
    )
    rows = session.execute(
        select(
            PlatformWeek.platform,
            PlatformWeek.first_day,
            func.sum(PlatformFigure.teachers_with_messages),
            func.sum(PlatformFigure.teachers),
        )
        .join(
            newest,
            (newest.c.platform == PlatformWeek.platform)
            & (newest.c.first_day == PlatformWeek.first_day)
            & (newest.c.version == PlatformWeek.version),
        )
        .join(PlatformFigure, PlatformFigure.week_id == PlatformWeek.id)
        .join(
            PlatformSchool,
            (PlatformSchool.platform == PlatformWeek.platform)
            & (PlatformSchool.label == PlatformFigure.label),
        )
        .where(
            PlatformSchool.school_code.in_(scope.codes()),
            PlatformFigure.teachers.is_not(None),
            PlatformFigure.teachers_with_messages.is_not(None),
        )
        .group_by(PlatformWeek.platform, PlatformWeek.first_day)
    )
    return {
        (name, first): share(int(some or 0), int(all_ or 0)) for name, first, some, all_ in rows
    }
