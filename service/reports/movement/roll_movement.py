"""Who came to the rolls of schools and who went, between two moments, from the kept events.

What counts is the difference between the two moments: whoever was taken off by mistake and put
back has not moved.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy import func, select

from service.access import Scope
from service.activity.bitmaps import PeopleSet
from service.activity.figures import MOMENT, Activity
from service.models import OperatorRole, RollAct, RollEvent
from service.reports.roll_at import rolls_at

KINDS = ("arrived", "came_over", "left", "went_over", "suspended", "revived")


@dataclass(frozen=True, kw_only=True, slots=True)
class Movement:
    """Between the two moments."""

    begun: Mapping[str, datetime]
    """School code -> from when on its rolls are compared."""
    at_begin: Mapping[str, int]
    """School code -> people on its roll at the beginning, or when the comparison began."""
    at_end: Mapping[str, int]
    """The same at the end."""
    moved: Mapping[tuple[str, str], PeopleSet] = field(repr=False)
    """School code and one of ``KINDS`` -> who."""

    def people(self, codes: Iterable[str], kind: str) -> PeopleSet:
        """Each once, however many of the schools they moved at. ``KeyError`` for no kind."""
        if kind not in KINDS:
            raise KeyError(kind)
        return PeopleSet.union(self.moved.get((code, kind), PeopleSet()) for code in codes)


def movement_between(
    activity: Activity, scope: Scope, begin: datetime, end: datetime, role: str | None
) -> Movement:
    """At the schools of the scope, of people in ``role`` or in any; suspended ones are on a roll.

    The number of queries does not depend on the number of schools.
    """
    # Whoever comes to a school of the scope may come from any other.
    city = replace(scope, role=OperatorRole.CITY, items=frozenset())
    before = _listed(activity, city, begin - MOMENT, role)
    after = _listed(activity, city, end - MOMENT, role)
    anywhere_before = PeopleSet.union(before.values())
    anywhere_after = PeopleSet.union(after.values())
    codes = set(activity.session.scalars(scope.codes()))
    moved = _accounts(activity, scope, begin, end, role)
    for code in codes:
        was, stays = before.get(code, PeopleSet()), after.get(code, PeopleSet())
        came, went = stays - was, was - stays
        moved[code, "arrived"] = came - anywhere_before
        moved[code, "came_over"] = came & anywhere_before
        moved[code, "left"] = went - anywhere_after
        moved[code, "went_over"] = went & anywhere_after
    begun = activity.session.execute(
        select(RollEvent.school_code, func.min(RollEvent.at))
        .where(RollEvent.act == RollAct.BEGUN, RollEvent.school_code.in_(scope.codes()))
        .group_by(RollEvent.school_code)
    )
    return Movement(
        begun={row[0]: row[1] for row in begun},
        at_begin={code: len(before.get(code, ())) for code in codes},
        at_end={code: len(after.get(code, ())) for code in codes},
        moved=moved,
    )


def _listed(
    activity: Activity, scope: Scope, at: datetime, role: str | None
) -> dict[str, PeopleSet]:
    """School code -> whom it lists. Whoever was on the first roll was there before."""
    return {
        code: PeopleSet.union(
            members.listed for one, members in roles.items() if role in (None, one)
        )
        for code, roles in rolls_at(activity, scope, at, before_first_loads=True).items()
    }


def _accounts(
    activity: Activity, scope: Scope, begin: datetime, end: datetime, role: str | None
) -> dict[tuple[str, str], PeopleSet]:
    """Suspended and revived: the first and the last act of somebody, where both are the same."""
    conditions = [RollEvent.role == role] if role else []
    person = activity.numbered.c
    events = activity.session.execute(
        select(person.ordinal, RollEvent.act, RollEvent.school_code)
        .join(activity.numbered, person.person_id == RollEvent.person_id)
        .where(
            RollEvent.at >= begin,
            RollEvent.at < end,
            RollEvent.act.in_((RollAct.SUSPENDED, RollAct.RESTORED)),
            RollEvent.school_code.in_(scope.codes()),
            person.main.is_(None),
            *conditions,
        )
        .order_by(RollEvent.at, RollEvent.id)
    )
    acts: dict[int, list[tuple[str, str]]] = defaultdict(list)
    for ordinal, act, code in events:
        acts[ordinal].append((code, act))
    found: dict[tuple[str, str], list[int]] = defaultdict(list)
    for ordinal, several in acts.items():
        if several[0][1] == several[-1][1]:
            found[several[-1]].append(ordinal)
    return {place: PeopleSet(people) for place, people in found.items()}
