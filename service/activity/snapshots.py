"""Snapshots of last accesses in Moodle: when one is due, taken, late, failed or missed.

Moodle keeps only the latest access of a person, so what is not read in time is lost. A snapshot
looks at the accesses since the one before it and adds them to the bitmaps of ``MOODLE``: activity
that was there for certain; there may have been more.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from provisioning.moodle import MoodleError
from service.activity.bitmaps import PeopleSet
from service.activity.figures import bring_up_to_date
from service.activity.moodle_access import Accesses, read_accesses
from service.activity.rollups import add_active, extend, lock
from service.application import Application
from service.calendar.spans import MOSCOW, Span, start_of
from service.db import chunks, transaction, upsert
from service.models import ActivityPerson, EventSource, MoodleSnapshot, SnapshotKind, SnapshotStatus

PUNCTUAL = timedelta(minutes=15)
"""A snapshot taken later than that is marked as late."""

FIRST_LOOK = timedelta(days=7)
"""How far back the very first snapshot looks."""

_FRIDAY = 4

log = logging.getLogger(__name__)

Due = tuple[SnapshotKind, datetime]


def latest_due(now: datetime) -> dict[SnapshotKind, datetime]:
    """When each kind was due last, by the calendar of Moscow."""
    midnight = start_of(now, Span.DAY).astimezone(MOSCOW)
    month = start_of(now, Span.MONTH).astimezone(MOSCOW)
    quarter = month.replace(month=month.month - (month.month - 1) % 3)
    since_friday = timedelta(days=(midnight.weekday() - _FRIDAY) % 7)
    five = (midnight - since_friday).replace(hour=17)
    saturday = midnight - timedelta(days=(midnight.weekday() - _FRIDAY - 1) % 7)
    return {
        SnapshotKind.DAILY: midnight,
        SnapshotKind.FRIDAY_17: five if five <= now else five - timedelta(days=7),
        SnapshotKind.FRIDAY_24: saturday,
        SnapshotKind.MONTH_END: month,
        SnapshotKind.QUARTER_END: quarter,
    }


def due_now(session: Session, now: datetime) -> list[Due]:
    """What has to be taken now: the latest of each kind, unless it is there."""
    taken = (SnapshotStatus.TAKEN, SnapshotStatus.LATE)
    there = {
        (row.kind, row.due_at)
        for row in session.execute(
            select(MoodleSnapshot.kind, MoodleSnapshot.due_at).where(
                MoodleSnapshot.status.in_(taken),
                MoodleSnapshot.due_at.in_(latest_due(now).values()),
            )
        )
    }
    return [due for due in latest_due(now).items() if due not in there]


def missed(session: Session, now: datetime) -> list[Due]:
    """Those due since the first of their kind that nobody took before the next was due."""
    there = {
        (SnapshotKind(row.kind), row.due_at)
        for row in session.execute(select(MoodleSnapshot.kind, MoodleSnapshot.due_at))
    }
    found = []
    for kind, latest in latest_due(now).items():
        at = latest
        first = min((due for one, due in there if one is kind), default=latest)
        while (at := latest_due(at - timedelta(microseconds=1))[kind]) >= first:
            if (kind, at) in there:
                break
            found.append((kind, at))
    return found


def take_due(application: Application) -> None:
    """Take one reading for everything that is due. Running it twice does no harm."""
    now = application.clock()
    with transaction(application.sessions) as session:
        due = due_now(session, now)
        lost = missed(session, now)
        _write(session, lost, status=SnapshotStatus.MISSED, now=None)
        since = session.scalar(select(func.max(MoodleSnapshot.taken_at))) or now - FIRST_LOOK
    if not due:
        return
    try:
        accesses = read_accesses(application, since, now)
    except MoodleError as error:
        log.warning("snapshot of activity failed: %s", error)
        with transaction(application.sessions) as session:
            _write(session, due, status=SnapshotStatus.FAILED, now=None, error=str(error.code))
        return
    with transaction(application.sessions) as session:
        people = _add(session, accesses)
        for kind, at in due:
            status = SnapshotStatus.TAKEN if now - at <= PUNCTUAL else SnapshotStatus.LATE
            _write(session, [(kind, at)], status=status, now=now, since=since,
                   way=accesses.way, people=people)  # fmt: skip


def _add(session: Session, accesses: Accesses) -> int:
    """Add people to the bitmaps; how many of them are ours."""
    bring_up_to_date(session)
    lock(session)
    hours = {
        (hour, ""): PeopleSet(_ordinals(session, person_ids))
        for hour, person_ids in accesses.hours.items()
    }
    hours = {key: people for key, people in hours.items() if people}
    add_active(session, EventSource.MOODLE, hours)
    if hours:
        moments = [hour for hour, _method in hours]
        last = max(moments) + timedelta(hours=1, microseconds=-1)
        extend(session, EventSource.MOODLE, min(moments), last, sum(map(len, hours.values())))
    return len(PeopleSet.union(hours.values()))


def _ordinals(session: Session, person_ids: Iterable[str]) -> Iterable[int]:
    for some in chunks(person_ids):
        yield from session.scalars(
            select(ActivityPerson.ordinal).where(
                ActivityPerson.person_id.in_(some), ActivityPerson.main.is_(None)
            )
        )


def _write(
    session: Session,
    due: list[Due],
    *,
    status: SnapshotStatus,
    now: datetime | None,
    since: datetime | None = None,
    way: str = "",
    people: int | None = None,
    error: str = "",
) -> None:
    upsert(session, MoodleSnapshot, [
        {
            "kind": kind, "due_at": at, "since": since, "taken_at": now, "status": status,
            "way": way, "people": people, "error": error,
        }
        for kind, at in due
    ])  # fmt: skip
