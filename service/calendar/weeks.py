"""The calendar of reports: Saturday-Friday weeks, months, quarters, school years
(docs/facts/indicators.md C), and when what is made for each of them is due."""

from __future__ import annotations

from calendar import FRIDAY, monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from service.calendar.period import Period

DAYS = 7
PRELIMINARY_AT = time(17, 0)
"""The hour of the Friday that ends a week at which the letters get their figures."""

_FIRST_SCHOOL_MONTH = 9
"""A school year begins on the first of September."""


def week_of(day: date) -> Period:
    """The week, Saturday to Friday, that ``day`` belongs to."""
    last = day.toordinal() + (FRIDAY - day.weekday()) % DAYS
    # Both ends of the calendar can be typed; the period of such a day is refused elsewhere.
    first = date.fromordinal(max(last - DAYS + 1, date.min.toordinal()))
    return Period(first=first, last=date.fromordinal(min(last, date.max.toordinal())))


def last_week(today: date) -> Period:
    """The newest week that is over: on a Friday that of the Friday before."""
    return week_of(week_of(today).first - timedelta(days=1))


def weeks_until(week: Period, count: int) -> tuple[Period, ...]:
    """``count`` weeks, the oldest first, of which ``week`` is the last."""
    return tuple(
        week_of(week.last - timedelta(days=DAYS * back)) for back in reversed(range(count))
    )


def preliminary_cut_off(week: Period, zone: ZoneInfo) -> datetime:
    """Friday 17:00: nothing later is in the preliminary figures."""
    return datetime.combine(week.last, PRELIMINARY_AT, zone).astimezone(UTC)


def final_cut_off(period: Period, zone: ZoneInfo) -> datetime:
    """The first moment after the period: for a week Friday 24:00."""
    return period.bounds(zone)[1]


def month_of(day: date) -> Period:
    first, days = day.replace(day=1), monthrange(day.year, day.month)[1]
    return Period(first=first, last=day.replace(day=days))


def last_month(today: date) -> Period:
    return month_of(month_of(today).first - timedelta(days=1))


def quarter_of(day: date) -> Period:
    first = date(day.year, 3 * ((day.month - 1) // 3) + 1, 1)
    return Period(first=first, last=month_of(first.replace(month=first.month + 2)).last)


def last_quarter(today: date) -> Period:
    return quarter_of(quarter_of(today).first - timedelta(days=1))


def school_year_of(day: date) -> Period:
    year = day.year if day.month >= _FIRST_SCHOOL_MONTH else day.year - 1
    first = date(year, _FIRST_SCHOOL_MONTH, 1)
    return Period(first=first, last=first.replace(year=year + 1) - timedelta(days=1))


def period_before(period: Period) -> Period:
    """What ``period`` is compared with: the same kind of period just before it.

    A month, quarter or school year has its calendar neighbour; any other period as many days.
    """
    eve = period.first - timedelta(days=1)
    for of in (month_of, quarter_of, school_year_of):
        if of(period.first) == period:
            return of(eve)
    return Period(first=eve - (period.last - period.first), last=eve)


class Occasion(StrEnum):
    WEEK_PRELIMINARY = "week-preliminary"
    """Friday 17:00."""
    WEEK = "week"
    """Friday 24:00."""
    MONTH = "month"
    QUARTER = "quarter"
    DAY = "day"


@dataclass(frozen=True, kw_only=True, slots=True)
class Due:
    """Something that has to be made, once."""

    occasion: Occasion
    period: Period
    at: datetime
    """The cut-off: the moment it became due."""


def due(now: datetime, *, after: datetime, zone: ZoneInfo) -> list[Due]:
    """Everything that became due after ``after`` and up to ``now``, the oldest first."""
    day, last = after.astimezone(zone).date(), now.astimezone(zone).date()
    found: list[Due] = []
    while day <= last:
        ends = _of_day(Period(first=day, last=day), zone)
        found += [each for each in ends if after < each.at <= now]
        day += timedelta(days=1)
    return sorted(found, key=lambda each: (each.at, each.occasion))


def _of_day(day: Period, zone: ZoneInfo) -> Iterator[Due]:
    """What ends with ``day`` or on it."""
    end = final_cut_off(day, zone)
    week = week_of(day.last)
    if week.last == day.last:
        at = preliminary_cut_off(week, zone)
        yield Due(occasion=Occasion.WEEK_PRELIMINARY, period=week, at=at)
    for occasion, period in (
        (Occasion.DAY, day), (Occasion.WEEK, week), (Occasion.MONTH, month_of(day.last)),
        (Occasion.QUARTER, quarter_of(day.last)),
    ):  # fmt: skip
        if period.last == day.last:
            yield Due(occasion=occasion, period=period, at=end)
