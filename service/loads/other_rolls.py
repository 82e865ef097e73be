"""Who else lists whom: people of several schools, kept up to date while one load is planned."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping

from sqlalchemy import select
from sqlalchemy.orm import Session, aliased

from service.db import rows_among
from service.models import PlannedMembership, PlanStatus, SchoolMembership, SchoolPlan, SourceKey

Elsewhere = Mapping[str, Collection[str]]
"""Person id -> the other schools that have the person on their roll."""


class OtherRolls:
    """The rolls of a load's schools as this load plans them, and of all others as last applied.

    Only of people who have a source key in more than one school: nobody else is ever elsewhere.
    They are read once for the whole load; what the planning of a school adds is told by
    ``recognised`` and ``planned``.
    """

    def __init__(self, session: Session, load_id: int, school_codes: Iterable[str]) -> None:
        self._load_id = load_id
        self._keys: dict[str, set[str]] = defaultdict(set)
        """School code -> its people of several schools."""
        self._listed: dict[str, set[str]] = {}
        """Person id -> the schools that list them."""
        own, other = aliased(SourceKey), aliased(SourceKey)
        of_several = (
            select(own.person_id, own.school_code)
            .join(
                other,
                (other.person_id == own.person_id) & (other.school_code != own.school_code),
            )
            .distinct()
        )
        codes = sorted(set(school_codes))
        for person_id, code in rows_among(session, of_several, own.school_code, codes):
            self._keys[code].add(person_id)
        self._read(session, set().union(*self._keys.values()))

    def recognised(self, session: Session, school_code: str, person_ids: Iterable[str]) -> None:
        """Note that the school has just found people who were known elsewhere."""
        new = set(person_ids) - self._keys[school_code]
        self._keys[school_code] |= new
        elsewhere = select(SourceKey.school_code, SourceKey.person_id).where(
            SourceKey.school_code != school_code
        )
        for code, person_id in rows_among(session, elsewhere, SourceKey.person_id, new):
            self._keys[code].add(person_id)
        self._read(session, new - self._listed.keys())

    def planned(self, school_code: str, roll: Collection[str]) -> None:
        """Note that the school's roll is the planned one from here on: these person ids."""
        for person_id in self._keys[school_code]:
            listed = self._listed[person_id]
            (listed.add if person_id in roll else listed.discard)(school_code)

    def elsewhere(self, school_code: str) -> Elsewhere:
        """Return the other schools that list the people who have a key in this one."""
        return {
            person_id: others
            for person_id in self._keys[school_code]
            if (others := self._listed[person_id] - {school_code})
        }

    def _read(self, session: Session, people: Collection[str]) -> None:
        """Read where these people are listed: by the load's plans so far, else as applied."""
        planned = dict(
            session.execute(
                select(SchoolPlan.id, SchoolPlan.school_code).where(
                    SchoolPlan.load_id == self._load_id, SchoolPlan.status == PlanStatus.PLANNED
                )
            ).all()
        )
        replaced = set(planned.values())
        self._listed |= {person_id: set() for person_id in people}
        in_plans = select(PlannedMembership.person_id, PlannedMembership.plan_id).where(
            PlannedMembership.plan_id.in_(planned)
        )
        applied = select(SchoolMembership.person_id, SchoolMembership.school_code)
        of_plans, of_schools = PlannedMembership.person_id, SchoolMembership.person_id
        for person_id, plan_id in rows_among(session, in_plans, of_plans, people):
            self._listed[person_id].add(planned[plan_id])
        for person_id, code in rows_among(session, applied, of_schools, people):
            if code not in replaced:
                self._listed[person_id].add(code)
