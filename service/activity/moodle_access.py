"""Reading who was in Moodle since a moment, gently: by a custom report, or person by person."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import InstrumentedAttribute, Session

from provisioning.moodle import MoodleClient
from service.application import Application
from service.calendar.spans import Span, start_of
from service.db import chunks
from service.models import KnownUser

REPORT = "report"
USERS = "users"
_HOUR = timedelta(hours=1)
_LOOKED_AT = 50
"""Rows of a report that tell the column of the logins."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Accesses:
    """Hour in UTC -> person ids with their last access in it."""

    way: str
    hours: dict[datetime, set[str]]


class Pace:
    """Pauses between calls, as long as the last answer took if that is longer than the setting."""

    def __init__(self, pause_seconds: float, sleep: Callable[[float], None] = time.sleep) -> None:
        self._pause_seconds = pause_seconds
        self._sleep = sleep
        self._began: float | None = None

    def before_call(self) -> None:
        if self._began is not None:
            self._sleep(max(self._pause_seconds, time.monotonic() - self._began))
        self._began = time.monotonic()


def read_accesses(application: Application, since: datetime, now: datetime) -> Accesses:
    """Last accesses from ``since`` until before ``now``. Raises ``MoodleError``.

    Suspended people are left out: Moodle notes a visit for those suspended before their first
    login, though it lets nobody in (docs/facts/moodle.md 7.10).
    """
    settings = application.settings.activity
    pace = Pace(settings.pause_seconds)
    with application.moodle() as moodle, application.sessions() as session:
        if settings.report_id:
            hours = _by_report(session, moodle, settings.report_id, pace, since, now)
            return Accesses(way=REPORT, hours=hours)
        return Accesses(way=USERS, hours=_by_users(session, moodle, pace, since, now))


def _by_report(
    session: Session,
    moodle: MoodleClient,
    report_id: int,
    pace: Pace,
    since: datetime,
    now: datetime,
) -> dict[datetime, set[str]]:
    """One question an hour for all schools: the report's own dates are texts for people."""
    hours: dict[datetime, set[str]] = {}
    begin = since
    while begin < now:
        end = min(start_of(begin, Span.HOUR) + _HOUR, now)
        rows: list[Sequence[str]] = []
        for page in moodle.report_of_last_access(
            report_id, begin, end, before_call=pace.before_call
        ):
            rows += page
        if found := ours(session, rows):
            hours.setdefault(start_of(begin, Span.HOUR), set()).update(found)
        begin = end
    return hours


def ours(session: Session, rows: Sequence[Sequence[str]]) -> set[str]:
    """The people of a report's rows, whichever column holds the logins."""
    columns = list(zip(*rows[:_LOOKED_AT], strict=True))
    matches = [len(_people(session, column)) for column in columns]
    if not any(matches):
        return set()
    place = matches.index(max(matches))
    return _people(session, [row[place] for row in rows])


def _people(session: Session, logins: Iterable[str]) -> set[str]:
    return set(people_by(session, KnownUser.username, map(str, logins)).values())


def people_by(
    session: Session, column: InstrumentedAttribute[Any], values: Iterable[Any]
) -> dict[Any, str]:
    """Value of a column -> person id of those who are not suspended."""
    found: dict[Any, str] = {}
    for some in chunks(sorted(set(values))):
        rows = session.execute(
            select(column, KnownUser.person_id).where(
                column.in_(some), KnownUser.suspended.is_(False)
            )
        )
        found |= {row[0]: row[1] for row in rows}
    return found


def _by_users(
    session: Session, moodle: MoodleClient, pace: Pace, since: datetime, now: datetime
) -> dict[datetime, set[str]]:
    hours: dict[datetime, set[str]] = defaultdict(set)
    for people in _known(session, moodle.batch_size):
        pace.before_call()
        for row in moodle.users_by_field("id", list(people)):
            at = datetime.fromtimestamp(int(row.get("lastaccess") or 0), UTC)
            if since <= at < now and not row.get("suspended") and row["id"] in people:
                hours[start_of(at, Span.HOUR)].add(people[row["id"]])
    return hours


def _known(session: Session, size: int) -> Iterator[dict[int, str]]:
    """Moodle's number -> person id of those who are not suspended, in pieces."""
    last = 0
    while True:
        rows = session.execute(
            select(KnownUser.moodle_id, KnownUser.person_id)
            .where(KnownUser.moodle_id > last, KnownUser.suspended.is_(False))
            .order_by(KnownUser.moodle_id)
            .limit(size)
        ).all()
        piece = {number: person_id for number, person_id in rows if number is not None}
        if not piece:
            return
        yield piece
        last = max(piece)
