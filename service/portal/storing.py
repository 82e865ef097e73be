"""Stored drifts: found again, found no more, and what a drift does to our own record at once."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session

from provisioning.changes import Kind
from provisioning.drift import Drift as FoundDrift
from provisioning.drift import DriftKind
from provisioning.exclusions import Exclusions
from service.db import chunks
from service.loads.known_state import places_of
from service.loads.recording import forget_accounts
from service.models import Drift, DriftState, KnownObject, KnownUser, PortalLook
from service.portal.excluded import settle_excluded
from service.settings import ReconcileSettings

LASTING = (DriftState.OPEN, DriftState.KEPT, DriftState.EXCLUDED)
"""States in which a drift stands: it is not told a second time."""

BY_RULE = "rule"
"""``Drift.decided_by`` of a drift that was kept by ``[reconcile] keep``."""


def store(
    session: Session,
    look: PortalLook,
    found: Sequence[FoundDrift],
    *,
    looked_at: ColumnElement[bool],
    schools: Mapping[str, str],
    rules: ReconcileSettings,
    excluded: Exclusions,
    now: datetime,
) -> int:
    """Store what one piece of a look found; return how many drifts are new.

    ``looked_at``: a condition on ``Drift`` for everything that the piece has looked at.
    ``schools``: the school of each drift by its key. What is ``excluded`` waits for nobody.
    """
    stored: dict[tuple[str, str, str, str], Drift] = {}
    standing = select(Drift).where(Drift.state.in_(LASTING), looked_at)
    for row in session.scalars(standing):
        stored[row.subject, row.key, row.kind, row.field] = row
    there = {one.place for one in found}
    for place, row in stored.items():
        if place not in there:
            row.state, row.decided_at = DriftState.SETTLED, now
    told = []
    for one in found:
        before = stored.get(one.place)
        if before is not None and not _is_news(before, one, rules):
            before.seen_at, before.look_id = now, look.id
            before.theirs, before.moodle_id = one.theirs, one.moodle_id
            before.ours, before.school_code = one.ours, schools.get(one.key, "")
            continue
        if before is not None:
            before.state, before.decided_at = DriftState.SETTLED, now
            session.flush()
        told.append(_row(look, one, schools.get(one.key, ""), rules, now))
        session.add(told[-1])
    session.flush()
    settle_excluded(session, excluded, told, by=BY_RULE, now=now)
    look.drifts += len(told)
    return len(told)


def _is_news(before: Drift, one: FoundDrift, rules: ReconcileSettings) -> bool:
    """Tell whether a kept drift has to be told again, because Moodle's value is another one now."""
    kept = before.state == DriftState.KEPT and one.kind not in rules.keep
    return kept and before.theirs != one.theirs


def _row(
    look: PortalLook, one: FoundDrift, school: str, rules: ReconcileSettings, now: datetime
) -> Drift:
    kept = one.kind in rules.keep
    return Drift(
        school_code=school, kind=one.kind.value, subject=one.subject.value, key=one.key,
        place=one.key.partition("|")[0],
        person_id=one.person_id, moodle_id=one.moodle_id, field=one.field, ours=one.ours,
        theirs=one.theirs, state=DriftState.KEPT if kept else DriftState.OPEN, look_id=look.id,
        found_at=now, seen_at=now, decided_by=BY_RULE if kept else "",
        decided_at=now if kept else None,
    )  # fmt: skip


def forget_gone(session: Session, found: Iterable[FoundDrift]) -> None:
    """Forget accounts that somebody deleted: the next plan of a school that lists them makes them
    again. Where they were is kept with the drift, for a repair."""
    gone = [
        one.person_id
        for one in found
        if one.kind is DriftKind.ACCOUNT_DELETED and one.moodle_id is not None
    ]
    if not gone:
        return
    members, enrolments = places_of(session, gone)
    places: dict[str, dict[str, list[object]]] = {
        who: {"cohorts": [], "courses": []} for who in gone
    }
    for member in sorted(members, key=lambda one: one.cohort):
        places[member.person_id]["cohorts"].append(member.cohort)
    for place in sorted(enrolments, key=lambda one: (one.course, one.role)):
        places[place.person_id]["courses"].append([place.course, place.role.value])
    for who, those in places.items():
        session.execute(
            update(Drift)
            .where(
                Drift.person_id == who,
                Drift.kind == DriftKind.ACCOUNT_DELETED,
                Drift.state.in_(LASTING),
            )
            .values(places=those)
        )
    forget_accounts(session, gone)


def of_places(kind: Kind, places: Collection[str]) -> ColumnElement[bool]:
    """Return the condition on drifts of these people or objects, or of links into these cohorts or
    courses. No more of them than an IN takes."""
    return (Drift.subject == kind.value) & Drift.place.in_(places)


_PLACES = {Kind.MEMBER: Kind.COHORT, Kind.ENROLMENT: Kind.COURSE}


def settle_unheld(session: Session, look: PortalLook, now: datetime) -> None:
    """Settle the drifts, not seen by a look at everything, of what we do not hold any more."""
    left = select(Drift).where(Drift.state.in_(LASTING), Drift.look_id != look.id)
    if look.school_code:
        left = left.where(Drift.school_code == look.school_code)
    for rows in chunks(session.scalars(left).all()):
        people = {row.key for row in rows if row.subject == Kind.USER}
        query = select(KnownUser.person_id).where(KnownUser.person_id.in_(people))
        held = {(Kind.USER.value, who) for who in session.scalars(query)}
        keys = {_object_of(row) for row in rows if row.subject != Kind.USER}
        objects = select(KnownObject.kind, KnownObject.key)
        objects = objects.where(KnownObject.key.in_({key for _kind, key in keys}))
        held |= {(kind, key) for kind, key in session.execute(objects)}
        for row in rows:
            about = (row.subject, row.key) if row.subject == Kind.USER else _object_of(row)
            if about not in held:
                row.state, row.decided_at = DriftState.SETTLED, now


def _object_of(row: Drift) -> tuple[str, str]:
    kind = _PLACES.get(Kind(row.subject))
    if kind is None:
        return row.subject, row.key
    return kind.value, row.place
