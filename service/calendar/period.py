"""Between which days a report counts."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from service.problems import AskError

_ISO = re.compile(r"(?P<year>\d{4})-(?P<month>\d{2})-(?P<day>\d{2})", re.ASCII)
_RUSSIAN = re.compile(r"(?P<day>\d{1,2})\.(?P<month>\d{1,2})\.(?P<year>\d{4})", re.ASCII)
_YEARS = range(2000, 2100)
"""A year outside is a slip of the finger, not a school year."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Period:
    """Whole days of the report's zone, both inclusive."""

    first: date
    last: date

    def bounds(self, zone: ZoneInfo) -> tuple[datetime, datetime]:
        """The first moment inside and the first moment after, in UTC."""
        after = self.last + timedelta(days=1)
        return (
            datetime.combine(self.first, time.min, zone).astimezone(UTC),
            datetime.combine(after, time.min, zone).astimezone(UTC),
        )

    def __str__(self) -> str:
        return f"{self.first:%d.%m.%Y}–{self.last:%d.%m.%Y}"


def parse_period(from_text: str | None, to_text: str | None) -> Period | None:
    """The period between two typed dates, as ``2026-09-01`` or ``01.09.2026``; None for no dates.

    Raises ``AskError`` for one date alone, for no date and for a start after the end.
    """
    first, last = (text.strip() if text else "" for text in (from_text, to_text))
    if not first and not last:
        return None
    if not first or not last:
        raise AskError("period.one_date")
    period = Period(first=_parse_day(first), last=_parse_day(last))
    if period.first > period.last:
        raise AskError("period.reversed", period=period)
    return period


def _parse_day(text: str) -> date:
    shown = text[:20]
    match = _ISO.fullmatch(text) or _RUSSIAN.fullmatch(text)
    if match is None:
        raise AskError("period.no_date", text=shown)
    numbers = {part: int(number) for part, number in match.groupdict().items()}
    if numbers["year"] not in _YEARS:
        raise AskError("period.year", text=shown)
    try:
        return date(**numbers)
    except ValueError as error:
        raise AskError("period.no_day", text=shown) from error
