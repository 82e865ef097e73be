"""Who has had a slip, an own password, a link to ЕСИА: sets of people, kept up to date.

The tables say who; a bitmap of each says it at once for a whole city.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import delete, exists, func, select
from sqlalchemy.orm import InstrumentedAttribute

from auth.linking.links import is_linked
from auth.linking.models import Link, LinkEvent
from auth.models import Credential
from service.activity.bitmaps import PeopleSet
from service.activity.figures import Activity
from service.activity.rollups import lock
from service.db import upsert
from service.models import ActivityPerson, MadeSlip, MarkBitmap, MarkChange


class Mark(StrEnum):
    SLIP = "slip"
    OWN_PASSWORD = "own_password"  # noqa: S105 - the name of a mark
    LINKED = "linked"


_TABLES: dict[Mark, tuple[InstrumentedAttribute[str], InstrumentedAttribute[datetime]]] = {
    Mark.SLIP: (MadeSlip.person_id, MadeSlip.first_at),
    Mark.OWN_PASSWORD: (Credential.person_id, Credential.changed_at),
    Mark.LINKED: (Link.person_id, Link.linked_at),
}
"""Who has a mark, and since when."""

MANY = 1_000
"""People who changed, from which on it is quicker to read everybody anew."""


def marked(activity: Activity, mark: Mark, *, at: datetime) -> PeopleSet:
    """Who has the mark now and had it by ``at``; of links, who was linked at ``at``."""
    changed = select(MarkChange.person_id).where(MarkChange.mark == mark)
    people, last_at = _holders(activity, mark, set(activity.session.scalars(changed)))
    if mark is Mark.LINKED:
        return _linked_at(activity, people, at)
    if last_at is None or last_at <= at:
        return people
    person_id, since = _TABLES[mark]
    later = select(person_id).group_by(person_id).having(func.min(since) > at)
    return people - activity.people(later)


def _linked_at(activity: Activity, now: PeopleSet, at: datetime) -> PeopleSet:
    """``auth.linking.links.is_linked``, asked only about those whose links changed later."""
    changed = LinkEvent.at > at
    if not activity.session.scalar(select(exists().where(changed))):
        return now
    those = select(LinkEvent.person_id).where(changed).distinct()
    linked = those.where(is_linked(LinkEvent.person_id, at))
    return (now - activity.people(those)) | activity.people(linked)


def catch_up_marks(activity: Activity) -> None:
    """Bring all bitmaps up to date, in the caller's transaction."""
    session = activity.session
    for mark in Mark:
        if not session.scalar(select(exists().where(MarkChange.mark == mark))):
            continue
        lock(session)
        numbered = select(ActivityPerson.person_id)
        changed = set(
            session.scalars(
                delete(MarkChange)
                # Without an ordinal somebody is on no roll: the note waits until they are.
                .where(MarkChange.mark == mark, MarkChange.person_id.in_(numbered))
                .returning(MarkChange.person_id)
            )
        )
        people, last_at = _holders(activity, mark, changed)
        if last_at is not None:
            row = {"mark": mark, "bitmap": people.packed(), "last_at": last_at}
            upsert(session, MarkBitmap, [row])


def _holders(
    activity: Activity, mark: Mark, changed: set[str]
) -> tuple[PeopleSet, datetime | None]:
    """Who has a mark, by its bitmap and of those who ``changed`` since it was made by the table;
    and when the last of them got it."""
    session = activity.session
    kept = session.get(MarkBitmap, mark, populate_existing=True)
    people = PeopleSet.unpacked(kept.bitmap) if kept else PeopleSet()
    moments = [kept.last_at] if kept else []
    person_id, since = _TABLES[mark]
    if len(changed) >= MANY:
        people = activity.people(select(person_id).distinct())
        moments += filter(None, [session.scalar(select(func.max(since)))])
    elif changed:
        there = session.execute(select(person_id, since).where(person_id.in_(changed))).all()
        holders = activity.people({holder for holder, _at in there})
        people = (people - activity.people(changed)) | holders
        moments += [at for _holder, at in there]
    return people, max(moments, default=None)
