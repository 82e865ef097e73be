"""When scheduled work is due: Friday 17:00 and 24:00, the ends of days, months and quarters.

Pure: moments in, moments out. The caller knows what was made already.
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
