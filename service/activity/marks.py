"""Who has had a slip, an own password, a link to ЕСИА: sets of people, kept up to date.

The tables say who; a bitmap of each says it at once for a whole city.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import delete, exists, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from auth.linking.links import is_linked
from auth.linking.models import Link, LinkEvent
from auth.models import Credential
from service.activity.bitmaps import PeopleSet
from service.activity.figures import Activity
from service.activity.rollups import lock
from service.models import ActivityPerson, MadeSlip, MarkBitmap, MarkChange


class Mark(StrEnum):
    SLIP = "slip"
    OWN_PASSWORD = "own_password"  # noqa: S105 - the name of a mark
    LINKED = "linked"


@dataclass(frozen=True, slots=True)
class _Table:
    person_id: InstrumentedAttribute[str]
    at: InstrumentedAttribute[datetime]


_TABLES = {
    Mark.SLIP: _Table(MadeSlip.person_id, MadeSlip.first_at),
    Mark.OWN_PASSWORD: _Table(Credential.person_id, Credential.changed_at),
    Mark.LINKED: _Table(Link.person_id, Link.linked_at),
}
MANY = 1_000
"""People who changed, from which on it is quicker to read everybody anew."""


def marked(session: Session, activity: Activity, mark: Mark, *, at: datetime) -> PeopleSet:
    """Who has the mark now and had it by ``at``; of links, who was linked at ``at``.

    In the caller's transaction: what is new is added to the bitmap, which may write.
    """
    _catch_up(session, activity, mark)
    kept = session.get(MarkBitmap, mark)
    people = PeopleSet.unpacked(kept.bitmap) if kept else PeopleSet()
    if mark is Mark.LINKED:
        return _linked_at(session, activity, people, at)
    if kept is None or kept.last_at <= at:
        return people
    table = _TABLES[mark]
    later = select(table.person_id).group_by(table.person_id).having(func.min(table.at) > at)
    return people - activity.people(later)


def _linked_at(session: Session, activity: Activity, now: PeopleSet, at: datetime) -> PeopleSet:
    """``auth.linking.links.is_linked``, asked only about those whose links changed later."""
    changed = LinkEvent.at > at
    if not session.scalar(select(exists().where(changed))):
        return now
    those = select(LinkEvent.person_id).where(changed).distinct()
    linked = those.where(is_linked(LinkEvent.person_id, at))
    return (now - activity.people(those)) | activity.people(linked)


def catch_up_marks(session: Session, activity: Activity) -> None:
    """Bring all bitmaps up to date, in the caller's transaction, so that no page has to."""
    for mark in Mark:
        _catch_up(session, activity, mark)


def _catch_up(session: Session, activity: Activity, mark: Mark) -> None:
    if not session.scalar(select(exists().where(MarkChange.mark == mark))):
        return
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
    kept = session.get(MarkBitmap, mark, populate_existing=True)
    people = PeopleSet.unpacked(kept.bitmap) if kept else PeopleSet()
    moments = [kept.last_at] if kept else []
    table = _TABLES[mark]
    if len(changed) >= MANY:
        people = activity.people(select(table.person_id).distinct())
        newest = session.scalar(select(func.max(table.at)))
        moments += [newest] if newest else []
    elif changed:
        there, last = _there(session, mark, changed)
        people = (people - _ordinals(session, changed)) | _ordinals(session, there)
        moments += [last] if last else []
    if not moments:
        return
    if kept is None:
        kept = MarkBitmap(mark=mark)
        session.add(kept)
    kept.bitmap, kept.last_at = people.packed(), max(moments)
    session.flush()


def _there(
    session: Session, mark: Mark, people: Collection[str]
) -> tuple[set[str], datetime | None]:
    """Those with the mark, and when the last of them got it."""
    table = _TABLES[mark]
    rows: Any = session.execute(
        select(table.person_id, table.at).where(table.person_id.in_(people))
    ).all()
    return {row[0] for row in rows}, max((row[1] for row in rows), default=None)


def _ordinals(session: Session, people: Collection[str]) -> PeopleSet:
    return PeopleSet(
        session.scalars(
            select(ActivityPerson.ordinal).where(
                ActivityPerson.person_id.in_(people), ActivityPerson.main.is_(None)
            )
        )
    )
