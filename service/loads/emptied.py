"""Cohorts of earlier school years in which nobody is any more."""

from __future__ import annotations

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from provisioning import roster
from provisioning.changes import Kind
from provisioning.naming import ROLE_NAMES, Names
from provisioning.settings import NamingSettings
from provisioning.state import MoodleCohort
from service.db import copied
from service.models import CohortMember, KnownObject, PlanStatus, School, SchoolPlan


def emptied_cohorts(
    session: Session, naming: NamingSettings, school: School
) -> dict[str, MoodleCohort]:
    """Return the visible class cohorts of earlier years that are empty, by idnumber.

    Those of people in transit are kept: only archiving hides them.
    """
    newest = select(func.max(SchoolPlan.school_year)).where(
        SchoolPlan.school_code == school.code, SchoolPlan.started,
        SchoolPlan.status != PlanStatus.UNDONE,
    )  # fmt: skip
    year = session.scalar(newest)
    if not year:
        return {}
    names = Names(naming, copied(roster.School, school, kind=""), year)
    of_roles = {names.role_cohort(role).idnumber for role in ROLE_NAMES}
    empty = select(KnownObject).where(
        KnownObject.kind == Kind.COHORT, KnownObject.school_code == school.code,
        ~exists().where(CohortMember.cohort == KnownObject.key),
    )  # fmt: skip
    found = {one.key: MoodleCohort(**one.fields) for one in session.scalars(empty)}
    return {
        key: one
        for key, one in found.items()
        if one.visible and key not in of_roles and not names.is_of_this_year(key)
    }
