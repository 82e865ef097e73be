"""Who came to the rolls of schools and who went, between two moments, from the kept events.

What counts is the difference between the two moments: whoever was taken off by mistake and put
back has not moved.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from service.models import OperatorRole, RollAct, RollEvent, SchoolMembership
from service.reports.question import Asked

KINDS = ("arrived", "came_over", "left", "went_over", "suspended", "revived")
_Rolls = dict[str, set[str]]
"""Person id -> codes of the schools whose rolls list them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Movement:
    """Between the two moments."""

    begun: Mapping[str, datetime]
    """School code -> from when on its rolls are compared."""
    at_end: Mapping[str, int]
    """School code -> people on its roll at the end; a missing one has nobody."""
    moved: Mapping[tuple[str, str], set[str]] = field(repr=False)
    """School code and one of ``KINDS`` -> person ids."""

    def people(self, codes: Iterable[str], kind: str) -> set[str]:
        """Each once, however many of the schools they moved at. ``KeyError`` for no kind."""
        if kind not in KINDS:
            raise KeyError(kind)
        return set().union(*(self.moved.get((code, kind), set()) for code in codes))

    def at_begin(self, code: str) -> int:
        """People on the roll at the beginning, or when the comparison began."""
        came = sum(len(self.moved.get((code, kind), ())) for kind in ("arrived", "came_over"))
        went = sum(len(self.moved.get((code, kind), ())) for kind in ("left", "went_over"))
        return self.at_end.get(code, 0) - came + went


def movement_between(
    session: Session, asked: Asked, begin: datetime, end: datetime, role: str | None
) -> Movement:
    """At the schools of the scope, of people in ``role`` or in any; suspended ones are on a roll.

    The number of queries does not depend on the number of schools.
    """
    events = _events(session, asked, begin, role)
    now = _rolls_now(session, asked, begin, role)
    later = [one for one in events if one.at >= end]
    inside = [one for one in events if one.at < end]
    at_end = _before(later, now)
    at_begin = _before(inside, at_end)
    codes = set(session.scalars(asked.scope.codes()))
    moved: dict[tuple[str, str], set[str]] = defaultdict(set)
    for person_id in at_begin.keys() | at_end.keys():
        before, after = at_begin.get(person_id, set()), at_end.get(person_id, set())
        for code in (after - before) & codes:
            moved[code, "came_over" if before else "arrived"].add(person_id)
        for code in (before - after) & codes:
            moved[code, "went_over" if after else "left"].add(person_id)
    _add_accounts(moved, [one for one in inside if one.school_code in codes])
    return Movement(
        begun=_begun(session, asked),
        at_end=_counts_at_end(session, asked, role, now, at_end),
        moved=moved,
    )


def _events(
    session: Session, asked: Asked, begin: datetime, role: str | None
) -> Sequence[RollEvent]:
    """Since ``begin``, of everybody who moved at the schools of the scope since then."""
    # Those after the cut-off too: today's rolls are traced back through them.
    conditions = [RollEvent.at >= begin]
    conditions += [RollEvent.role == role] if role else []
    wanted = select(RollEvent).where(*conditions, RollEvent.act != RollAct.BEGUN)
    if asked.scope.role != OperatorRole.CITY:
        wanted = wanted.where(RollEvent.person_id.in_(_who_moved(asked, begin)))
    return session.scalars(wanted.order_by(RollEvent.at, RollEvent.id)).all()


def _who_moved(asked: Asked, begin: datetime) -> Select[str]:
    return select(RollEvent.person_id).where(
        RollEvent.at >= begin, RollEvent.school_code.in_(asked.scope.codes())
    )


def _rolls_now(session: Session, asked: Asked, begin: datetime, role: str | None) -> _Rolls:
    """Of the same people."""
    rows = select(SchoolMembership.person_id, SchoolMembership.school_code).where(
        SchoolMembership.person_id.in_(_who_moved(asked, begin))
    )
    if role:
        rows = rows.where(SchoolMembership.role == role)
    rolls: _Rolls = defaultdict(set)
    for person_id, code in session.execute(rows):
        rolls[person_id].add(code)
    return rolls


def _before(events: Sequence[RollEvent], after: _Rolls) -> _Rolls:
    """The rolls as they were before ``events``."""
    rolls: _Rolls = defaultdict(set, {person_id: set(codes) for person_id, codes in after.items()})
    for one in reversed(events):
        if one.act == RollAct.JOINED:
            rolls[one.person_id].discard(one.school_code)
        elif one.act == RollAct.LEFT:
            rolls[one.person_id].add(one.school_code)
    return rolls


def _add_accounts(moved: dict[tuple[str, str], set[str]], events: Sequence[RollEvent]) -> None:
    """Suspended and revived: the first and the last act of somebody, where both are the same."""
    acts: dict[str, list[RollEvent]] = defaultdict(list)
    for one in events:
        if one.act in (RollAct.SUSPENDED, RollAct.RESTORED):
            acts[one.person_id].append(one)
    for person_id, several in acts.items():
        if several[0].act == several[-1].act:
            moved[several[-1].school_code, several[-1].act].add(person_id)


def _begun(session: Session, asked: Asked) -> dict[str, datetime]:
    rows = session.execute(
        select(RollEvent.school_code, func.min(RollEvent.at))
        .where(RollEvent.act == RollAct.BEGUN, RollEvent.school_code.in_(asked.scope.codes()))
        .group_by(RollEvent.school_code)
    )
    return {row[0]: row[1] for row in rows}


def _counts_at_end(
    session: Session, asked: Asked, role: str | None, now: _Rolls, at_end: _Rolls
) -> dict[str, int]:
    rows = (
        select(SchoolMembership.school_code, func.count())
        .where(SchoolMembership.school_code.in_(asked.scope.codes()))
        .group_by(SchoolMembership.school_code)
    )
    if role:
        rows = rows.where(SchoolMembership.role == role)
    counts: dict[str, int] = defaultdict(int, {row[0]: row[1] for row in session.execute(rows)})
    for rolls, sign in ((now, -1), (at_end, 1)):
        for codes in rolls.values():
            for code in codes:
                counts[code] += sign
    return counts
