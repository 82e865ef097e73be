"""Who else lists whom: people of several schools, kept up to date while one load is planned."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from provisioning.naming import NAME_LENGTH, shorten
from provisioning.roll import Membership
from provisioning.several_schools import Elsewhere, Place
from service.db import rows_among
from service.models import (
    PlannedMembership,
    PlanStatus,
    School,
    SchoolMembership,
    SchoolPlan,
    SchoolType,
    SourceKey,
)
from service.registry.closing import is_open


class OtherRolls:
    """The rolls of a load's schools as this load plans them, and of all others as last applied.

    Only of people who have a source key in more than one school: nobody else is ever elsewhere. A
    school that is closed lists nobody. They are read once for the whole load; what the planning of
    a school adds is told by ``recognised`` and ``planned``.
    """

    def __init__(
        self, session: Session, load_id: int, school_codes: Iterable[str], today: date
    ) -> None:
        self._load_id = load_id
        self._is_open = is_open(today)
        self._today = today
        self._keys: dict[str, set[str]] = defaultdict(set)
        """School code -> its people of several schools."""
        self._listed: dict[str, dict[str, Place]] = {}
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
        # On the roll here by a row that turned out to be somebody else.
        by_roll = (
            select(SchoolMembership.person_id, SchoolMembership.school_code)
            .join(
                other,
                (other.person_id == SchoolMembership.person_id)
                & (other.school_code != SchoolMembership.school_code),
            )
            .distinct()
        )
        codes = sorted(set(school_codes))
        for person_id, code in rows_among(session, of_several, own.school_code, codes):
            self._keys[code].add(person_id)
        for person_id, code in rows_among(session, by_roll, SchoolMembership.school_code, codes):
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

    def planned(
        self, school: School, roll: Mapping[str, Membership], exported_at: datetime | None
    ) -> None:
        """Note that the school's roll is the planned one from here on."""
        for person_id in self._keys[school.code]:
            listed = self._listed[person_id]
            listed.pop(school.code, None)
            if entry := roll.get(person_id):
                listed[school.code] = place_of(
                    entry.role,
                    entry.class_id,
                    entry.class_title,
                    entry.confirmed,
                    school,
                    exported_at,
                )

    def of_several(self, school_code: str) -> Collection[str]:
        """Return the people who have a key in this school and in another one."""
        return self._keys[school_code]

    def elsewhere(self, school_code: str) -> Elsewhere:
        """Return the other schools that list the people who have a key in this one."""
        return {
            person_id: others
            for person_id in self._keys[school_code]
            if (others := _without(self._listed[person_id], school_code))
        }

    def _read(self, session: Session, people: Collection[str]) -> None:
        """Read where these people are listed: by the load's plans so far, else as applied."""
        of_load = SchoolPlan.load_id == self._load_id, SchoolPlan.status == PlanStatus.PLANNED
        replaced = set(session.scalars(select(SchoolPlan.school_code).where(*of_load)))
        self._listed |= {person_id: {} for person_id in people}
        planned, applied = PlannedMembership, SchoolMembership
        in_plans = (
            select(planned.person_id, *_said(planned), School, SchoolPlan.exported_at)
            .join(SchoolPlan, SchoolPlan.id == planned.plan_id)
            .join(School, School.code == SchoolPlan.school_code)
            .where(*of_load)
        )
        in_schools = (
            select(applied.person_id, *_said(applied), School, School.last_exported_at)
            .join(School, School.code == applied.school_code)
            # Who was entered by hand is here until the last day.
            .where(self._is_open, applied.until.is_(None) | (applied.until >= self._today))
        )
        for person_id, *said in rows_among(session, in_plans, planned.person_id, people):
            self._listed[person_id][said[4].code] = place_of(*said)
        for person_id, *said in rows_among(session, in_schools, applied.person_id, people):
            if said[4].code not in replaced:
                self._listed[person_id][said[4].code] = place_of(*said)


def place_of(
    role: str,
    class_id: str,
    class_title: str,
    confirmed: bool,
    school: School,
    exported_at: datetime | None,
) -> Place:
    return Place(
        exported_at=exported_at,
        role=role,
        class_id=class_id,
        class_title=class_title,
        confirmed=confirmed,
        institution=shorten(school.short_name or school.name or school.code, NAME_LENGTH),
        full_time=is_full_time(school),
    )


def is_full_time(school: School) -> bool:
    """Tell whether pupils of the school attend no other one; a type that nobody told counts so."""
    return school.type in (None, SchoolType.GENERAL)


def _said(
    table: type[SchoolMembership | PlannedMembership],
) -> tuple[InstrumentedAttribute[Any], ...]:
    return table.role, table.class_id, table.class_title, table.confirmed


def _without(listed: Mapping[str, Place], school_code: str) -> dict[str, Place]:
    return {code: place for code, place in listed.items() if code != school_code}
