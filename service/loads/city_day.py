"""What the whole city, and each district, loses within a day, all plans of all schools together.

Each school may be within its limits while a broken export of the system that all of them use takes
a little from every one. A plan that would bring the city, or its district, over the limit of a day
waits for a yes of the city. It is counted at its yes and again when it begins, under one lock:
several people approve, and several workers apply, at once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from provisioning.limits import Limit
from provisioning.settings import LimitSettings
from service.db import lock_also
from service.models import KnownUser, PlanStatus, School, SchoolPlan

LOCK = 7_265_402
"""Of the transactions that count a plan; any number of our own."""
WINDOW = timedelta(hours=24)
COUNTED = (
    Limit.SUSPENDED,
    Limit.NAMES,
    Limit.LOGINS,
    Limit.BIRTH_DATES,
    Limit.COURSE_PLACES,
    Limit.MEMBERSHIPS,
    Limit.MOVES,
)
"""The kinds of loss that are added up, each for itself."""

_COUNT_FROM_YES = (PlanStatus.APPROVED, PlanStatus.APPLIED)


@dataclass(frozen=True, kw_only=True, slots=True)
class DayBreach:
    """More than the city, or a district, may lose of one kind within a day."""

    limit: Limit
    district: str = ""
    """Empty for the whole city."""
    count: int
    base: int
    """The active people of the city or the district."""
    schools: int
    """The schools whose plans take something."""

    @property
    def facts(self) -> dict[str, Any]:
        """Return what is told in words, as of ``provisioning.limits.LimitBreach``."""
        facts: dict[str, Any] = {
            "limit": self.limit.value, "count": self.count, "base": self.base,
            "schools": self.schools, "among": "district" if self.district else "city",
        }  # fmt: skip
        return facts | ({"district": self.district} if self.district else {})


@dataclass(frozen=True, kw_only=True, slots=True)
class Day:
    """The limits of a day that some plans would exceed, together with all others."""

    breaches: Sequence[DayBreach] = ()
    districts: Mapping[str, str] | None = None
    """The district of each school of the plans."""

    def concerns(self, plan: SchoolPlan) -> bool:
        """Tell whether this plan takes something of a kind that is over its limit."""
        district = (self.districts or {}).get(plan.school_code, "")
        return any(
            plan.losses.get(one.limit, 0) and one.district in ("", district)
            for one in self.breaches
        )


def hold(session: Session) -> None:
    """Let no other transaction count plans before this one ends; it has to have written already."""
    lock_also(session, LOCK)


def over(
    session: Session, plans: Sequence[SchoolPlan], limits: LimitSettings, now: datetime
) -> Day:
    """Return what ``plans`` would exceed, with all that was approved or begun within a day."""
    if not any(plan.losses.get(kind, 0) for plan in plans for kind in COUNTED):
        return Day()
    districts = dict(session.execute(select(School.code, School.district)).all())
    ours = {plan.id for plan in plans}
    counted = session.execute(
        select(SchoolPlan.id, SchoolPlan.school_code, SchoolPlan.losses).where(
            SchoolPlan.counted_at > now - WINDOW, SchoolPlan.status.in_(_COUNT_FROM_YES)
        )
    )
    every = [(code, losses) for number, code, losses in counted if number not in ours]
    every += [(plan.school_code, plan.losses) for plan in plans]
    mine = {plan.school_code: districts.get(plan.school_code, "") for plan in plans}
    found = list(_breaches(session, every, districts, set(mine.values()), limits))
    # Only what these plans add to: another district's day is not theirs.
    added = {kind for plan in plans for kind, count in plan.losses.items() if count}
    return Day(breaches=[one for one in found if one.limit in added], districts=mine)


def _breaches(
    session: Session,
    every: Iterable[tuple[str, Mapping[str, int]]],
    districts: Mapping[str, str],
    concerned: set[str],
    limits: LimitSettings,
) -> Iterator[DayBreach]:
    sums: Counter[tuple[Limit, str]] = Counter()
    schools: Counter[tuple[Limit, str]] = Counter()
    for code, losses in every:
        for kind in COUNTED:
            if count := losses.get(kind, 0):
                for place in {"", districts.get(code, "")}:
                    sums[kind, place] += count
                    schools[kind, place] += 1
    floors = dict.fromkeys(concerned, limits.district_day_floor)
    floors[""] = limits.city_day_floor
    suspects = [key for key in sums if key[1] in floors and sums[key] > floors[key[1]]]
    bases = _bases(session) if suspects else {}
    for kind, place in sorted(suspects):
        share = limits.max_district_day_share if place else limits.max_city_day_share
        base = bases.get(place, 0)
        # One school alone is what its own limits are for.
        if schools[kind, place] > 1 and sums[kind, place] > share * base:
            yield DayBreach(
                limit=kind, district=place, count=sums[kind, place], base=base,
                schools=schools[kind, place],
            )  # fmt: skip


def _bases(session: Session) -> dict[str, int]:
    """Return the number of active people of each district; of the city under an empty name."""
    active = (
        select(School.district, func.count())
        .join(KnownUser, KnownUser.school_code == School.code)
        .where(KnownUser.in_roll, ~KnownUser.suspended)
        .group_by(School.district)
    )
    found = dict(session.execute(active).all())
    return found | {"": sum(found.values())}
