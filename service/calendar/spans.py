"""Which hours, days and months of a zone a stretch of time is made of."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from enum import StrEnum

ZONE = "Europe/Moscow"
"""The only zone: ``[server] time_zone`` unless it is set."""


class Span(StrEnum):
    """How long a piece of time is. Days and months are those of a zone."""

    HOUR = "hour"
    DAY = "day"
    MONTH = "month"


@dataclass(frozen=True, kw_only=True, slots=True)
class Pieces:
    """A stretch of time, cut up. Moments are in UTC."""

    whole: dict[Span, list[datetime]] = field(default_factory=lambda: {span: [] for span in Span})
    """Beginnings of the whole hours, days and months, none inside another."""
    parts: list[tuple[datetime, datetime]] = field(default_factory=list)
    """What is less than an hour: the first moment inside and the first moment after."""


def start_of(moment: datetime, span: Span, zone: tzinfo = UTC) -> datetime:
    """The beginning of the hour, day or month that ``moment`` is in.

    Hours are the same everywhere: a zone of half hours is refused (``ServerSettings``).
    """
    local = moment.astimezone(zone).replace(minute=0, second=0, microsecond=0)
    if span is Span.DAY:
        local = local.replace(hour=0)
    elif span is Span.MONTH:
        local = local.replace(day=1, hour=0)
    return local.astimezone(UTC)


def end_of(moment: datetime, span: Span, zone: tzinfo = UTC) -> datetime:
    """The first moment after the hour, day or month that ``moment`` is in."""
    begin = start_of(moment, span, zone)
    longest = {Span.HOUR: timedelta(hours=1), Span.DAY: timedelta(hours=36)}
    return start_of(begin + longest.get(span, timedelta(days=45)), span, zone)


def cut_up(begin: datetime, end: datetime, zone: tzinfo) -> Pieces:
    """The fewest pieces from ``begin`` until before ``end``, as large as they get."""
    pieces = Pieces()
    at = begin.astimezone(UTC)
    while at < end:
        for span in (Span.MONTH, Span.DAY, Span.HOUR):
            after = end_of(at, span, zone)
            if start_of(at, span, zone) == at and after <= end:
                pieces.whole[span].append(at)
                break
        else:
            after = min(end_of(at, Span.HOUR), end)
            pieces.parts.append((at, after))
        at = after
    return pieces
