"""Snapshots of last accesses in Moodle: when one is due, taken, late, failed or missed.

Moodle keeps only the latest access of a person, so what is not read in time is lost. A snapshot
looks at the accesses since the one before it and adds them to the bitmaps of ``MOODLE``: activity
that was there for certain; there may have been more.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from provisioning.moodle import MoodleError
from service.activity.bitmaps import PeopleSet
from service.activity.figures import Activity
from service.activity.moodle_access import Accesses, read_accesses
from service.activity.rolls import bring_up_to_date
from service.activity.rollups import add_active, extend, lock
from service.activity.tail import Tail
from service.application import Application
from service.calendar.weeks import Occasion, due
from service.db import transaction, upsert
from service.models import EventSource, MoodleSnapshot, SnapshotKind, SnapshotStatus

PUNCTUAL = timedelta(minutes=15)
"""A snapshot taken later than that is marked as late."""

FIRST_LOOK = timedelta(days=7)
"""How far back the very first snapshot looks."""

_KINDS = {
    Occasion.DAY: SnapshotKind.DAILY,
    Occasion.WEEK_PRELIMINARY: SnapshotKind.FRIDAY_17,
    Occasion.WEEK: SnapshotKind.FRIDAY_24,
    Occasion.MONTH: SnapshotKind.MONTH_END,
    Occasion.QUARTER: SnapshotKind.QUARTER_END,
}
_LONGEST = timedelta(days=93)
"""Between two of one kind."""

log = logging.getLogger(__name__)

Due = tuple[SnapshotKind, datetime]


def latest_due(now: datetime, zone: ZoneInfo) -> dict[SnapshotKind, datetime]:
    """When each kind was due last."""
    return {_KINDS[each.occasion]: each.at for each in due(now, after=now - _LONGEST, zone=zone)}


def due_now(session: Session, now: datetime, zone: ZoneInfo) -> list[Due]:
    """What has to be taken now: the latest of each kind, unless it is there."""
    taken, latest = (SnapshotStatus.TAKEN, SnapshotStatus.LATE), latest_due(now, zone)
    there = {
        (row.kind, row.due_at)
        for row in session.execute(
            select(MoodleSnapshot.kind, MoodleSnapshot.due_at).where(
                MoodleSnapshot.status.in_(taken), MoodleSnapshot.due_at.in_(latest.values())
            )
        )
    }
    return [one for one in latest.items() if one not in there]


def missed(session: Session, now: datetime, zone: ZoneInfo) -> list[Due]:
    """Those due after the newest that is noted and before the latest, which nobody took."""
    latest = latest_due(now, zone)
    newest: dict[SnapshotKind, datetime] = {}
    for kind, at in session.execute(
        select(MoodleSnapshot.kind, func.max(MoodleSnapshot.due_at))
        .where(or_(*(
            (MoodleSnapshot.kind == kind) & (MoodleSnapshot.due_at < at)
            for kind, at in latest.items()
        )))
        .group_by(MoodleSnapshot.kind)
    ):  # fmt: skip
        newest[SnapshotKind(kind)] = at
    since = due(now, after=min(newest.values(), default=now), zone=zone)
    return [
        (kind, each.at)
        for each in since
        for kind in [_KINDS[each.occasion]]
        if kind in newest and newest[kind] < each.at < latest[kind]
    ]


def take_due(application: Application) -> None:
    """Take one reading for everything that is due. Running it twice does no harm."""
    now = application.clock()
    with transaction(application.sessions) as session:
        to_take = due_now(session, now, application.zone)
        for each in missed(session, now, application.zone):
            _note(session, each, SnapshotStatus.MISSED)
        since = session.scalar(select(func.max(MoodleSnapshot.taken_at))) or now - FIRST_LOOK
    if not to_take:
        return
    try:
        accesses = read_accesses(application, since, now)
    except MoodleError as error:
        log.warning("snapshot of activity failed: %s", error)
        with transaction(application.sessions) as session:
            for each in to_take:
                _note(session, each, SnapshotStatus.FAILED, error=str(error.code))
        return
    with transaction(application.sessions) as session:
        taken = {"taken_at": now, "since": since, "way": accesses.way,
                 "people": _add(session, accesses)}  # fmt: skip
        for each in to_take:
            status = SnapshotStatus.TAKEN if now - each[1] <= PUNCTUAL else SnapshotStatus.LATE
            _note(session, each, status, **taken)


def _add(session: Session, accesses: Accesses) -> int:
    """Add people to the bitmaps; how many of them are ours."""
    bring_up_to_date(session)
    lock(session)
    activity = Activity(session, Tail())
    found = ((hour, activity.people(ids)) for hour, ids in accesses.hours.items())
    hours = {(hour, ""): people for hour, people in found if people}
    add_active(session, EventSource.MOODLE, hours)
    if hours:
        moments = [hour for hour, _method in hours]
        last = max(moments) + timedelta(hours=1, microseconds=-1)
        extend(session, EventSource.MOODLE, min(moments), last, sum(map(len, hours.values())))
    return len(PeopleSet.joined(hours.values()))


def _note(session: Session, due: Due, status: SnapshotStatus, **known: Any) -> None:
    """Write a snapshot down; what is not ``known`` of it is empty."""
    kind, at = due
    empty = {"since": None, "taken_at": None, "way": "", "people": None, "error": ""}
    row = {"kind": kind, "due_at": at, "status": status, **empty, **known}
    upsert(session, MoodleSnapshot, [row])
