"""Quiet periods: days and hours of the week, and dates, in which nothing is written to Moodle."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY = "|".join(_DAYS)
_CLOCK = r"(\d\d):(\d\d)-(\d\d):(\d\d)"
_HOURS = re.compile(rf"({_DAY})(?:-({_DAY}))? {_CLOCK}")
_DATES = re.compile(rf"(\d{{4}}-\d\d-\d\d)(?:\.\.(\d{{4}}-\d\d-\d\d))?(?: {_CLOCK})?")
_WHOLE_DAY = ("00", "00", "24", "00")
_FURTHEST = timedelta(days=400)
"""Nobody looks further ahead for the end of periods that follow each other."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Period:
    """On each of these days from one time of day until another, which may be past midnight."""

    weekdays: frozenset[int] = frozenset(range(7))
    first: date = date.min
    last: date = date.max
    begins: timedelta
    """Since midnight, as ``ends``, which is the later of the two."""
    ends: timedelta

    def of(self, day: date) -> tuple[timedelta, timedelta] | None:
        """Return begin and end of the period that begins on this day, since its midnight."""
        if day.weekday() in self.weekdays and self.first <= day <= self.last:
            return self.begins, self.ends
        return None


@dataclass(frozen=True, kw_only=True, slots=True)
class QuietSettings:
    """In quiet periods nothing is written to Moodle: what is applied waits and goes on by itself.

    Times are those of ``[server] time_zone``.
    """

    hours: tuple[str, ...] = ()
    """Every week, as ``mon-fri 08:00-15:00``, ``sat 22:00-06:00`` (until the next morning)."""
    dates: tuple[str, ...] = ()
    """As ``2027-05-24..2027-06-30`` or ``2027-06-01 08:00-14:00``."""

    def __post_init__(self) -> None:
        """Raises ``ValueError`` for a text that is no period, and for a week without a gap."""
        periods = tuple(self._periods())
        weekly = [one for one in periods if one.last == date.max]
        monday = datetime.combine(date(2026, 1, 5), time.min)
        if weekly and _end(weekly, monday) - monday > timedelta(days=14):
            raise ValueError("hours leave no time in which anything could be written")

    def until(self, now: datetime) -> datetime | None:
        """Return when the quiet period in force ends; None when there is none.

        ``now`` is in the zone of the installation. Periods that follow each other are one.
        """
        local = now.replace(tzinfo=None)
        end = _end(tuple(self._periods()), local)
        return end.replace(tzinfo=now.tzinfo) if end > local else None

    def _periods(self) -> Iterator[_Period]:
        for text in self.hours:
            found = _HOURS.fullmatch(text)
            if not found:
                raise ValueError(f'"{text}" must be like "mon-fri 08:00-15:00"')
            first, last, *clock = found.groups()
            begin, end = _DAYS.index(first), _DAYS.index(last or first)
            days = frozenset((begin + day) % 7 for day in range((end - begin) % 7 + 1))
            begins, ends = _clock(text, clock)
            yield _Period(weekdays=days, begins=begins, ends=ends)
        for text in self.dates:
            found = _DATES.fullmatch(text)
            if not found:
                raise ValueError(f'"{text}" must be like "2027-05-24..2027-06-30 08:00-14:00"')
            first, last, *clock = found.groups()
            begins, ends = _clock(text, clock if clock[0] else _WHOLE_DAY)
            since, until = date.fromisoformat(first), date.fromisoformat(last or first)
            if until < since:
                raise ValueError(f'"{text}" ends before it begins')
            yield _Period(first=since, last=until, begins=begins, ends=ends)


def _clock(text: str, numbers: list[str] | tuple[str, ...]) -> tuple[timedelta, timedelta]:
    hour, minute, last_hour, last_minute = map(int, numbers)
    begins = timedelta(hours=hour, minutes=minute)
    ends = timedelta(hours=last_hour, minutes=last_minute)
    day = timedelta(days=1)
    if begins >= day or ends > day or max(minute, last_minute) > 59 or begins == ends:
        raise ValueError(f'"{text}" has no such hours')
    return begins, ends if ends > begins else ends + day


def _end(periods: tuple[_Period, ...] | list[_Period], now: datetime) -> datetime:
    """Return the end of the periods that are in force at ``now`` and follow each other; ``now``
    when none is."""
    end = now
    while end - now < _FURTHEST:
        midnight = datetime.combine(end.date(), time.min)
        days = (midnight, midnight - timedelta(days=1))
        spans = (
            (day + span[0], day + span[1])
            for period in periods
            for day in days
            if (span := period.of(day.date()))
        )
        later = max((until for since, until in spans if since <= end < until), default=end)
        if later == end:
            break
        end = later
    return end
