"""When scheduled work is due: Friday 17:00 and 24:00, the ends of days, months and quarters.

Pure: moments in, moments out. What was made already is known to whoever asks.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from service.calendar.period import Period
from service.calendar.weeks import final_cut_off, month_of, preliminary_cut_off, quarter_of, week_of


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
    found: set[Due] = set()
    while day <= last:
        found.update(_of_day(Period(first=day, last=day), zone))
        day += timedelta(days=1)
    return sorted(
        (each for each in found if after < each.at <= now),
        key=lambda each: (each.at, each.occasion),
    )


def _of_day(day: Period, zone: ZoneInfo) -> Iterator[Due]:
    """What ends with ``day`` or on it."""
    end = final_cut_off(day, zone)
    yield Due(occasion=Occasion.DAY, period=day, at=end)
    week, month, quarter = week_of(day.last), month_of(day.last), quarter_of(day.last)
    if week.last == day.last:
        at = preliminary_cut_off(week, zone)
        yield Due(occasion=Occasion.WEEK_PRELIMINARY, period=week, at=at)
        yield Due(occasion=Occasion.WEEK, period=week, at=end)
    if month.last == day.last:
        yield Due(occasion=Occasion.MONTH, period=month, at=end)
    if quarter.last == day.last:
        yield Due(occasion=Occasion.QUARTER, period=quarter, at=end)
