"""How each ЦОС indicator is measured: who is counted, of whom, and what is left out
(docs/facts/indicators.md D).

The identifiers are written with a Latin E, though the letter prints a Cyrillic one in places.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session

from auth.models import Method
from provisioning.roster import Role
from provisioning.state import CourseRole
from service.access import Scope
from service.activity.bitmaps import PeopleSet
from service.activity.figures import Activity, until
from service.activity.marks import Mark, marked
from service.activity.rolls import Members
from service.models import KnownEnrolment, SchoolType
from service.registry.lookup import RegistrySchool
from service.reports.question import Asked
from service.reports.roll_at import Rolls, rolls_at

LETTER = "ГД-1452/04, 11.09.2020"
"""The version of the passport's method that every figure follows."""

KINDS: Mapping[str, frozenset[SchoolType]] = {
    "E4.03": frozenset({SchoolType.GENERAL, SchoolType.ADDITIONAL, SchoolType.VOCATIONAL}),
    "E4.04": frozenset({SchoolType.GENERAL, SchoolType.ADDITIONAL, SchoolType.VOCATIONAL}),
    "E4.05": frozenset({SchoolType.GENERAL, SchoolType.ADDITIONAL, SchoolType.VOCATIONAL}),
    "E4.07": frozenset({SchoolType.GENERAL, SchoolType.VOCATIONAL}),
    "E4.08": frozenset({SchoolType.GENERAL}),
}
"""The organisations of an indicator, the same in numerator and denominator: with additional
education, without it, and general education alone."""

Count = PeopleSet | int
"""People, or organisations."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """One line of the form."""

    numerator: Count | None
    """None: not measured here."""
    loaded: Count | None
    """The denominator as the loaded schools have it: distinct persons, or organisations."""


def measure(
    session: Session,
    activity: Activity,
    asked: Asked,
    schools: Sequence[RegistrySchool],
    loads: Mapping[str, datetime | None],
    *,
    bounds: tuple[datetime, datetime],
    cut_off: datetime,
) -> dict[str, Measured]:
    """What the service sees, by the key of the line: an identifier, and a part of it after a bar.

    The number of queries does not depend on the number of schools.
    """
    rolls = rolls_at(session, asked.scope, cut_off)
    end = min(bounds[1], until(cut_off))
    active = activity.active(bounds[0], end)
    by_esia = activity.active(bounds[0], end, methods=(Method.ESIA,))
    inside = {
        indicator: [
            school.code for school in schools
            if school.type in kinds and loads.get(school.code) is not None
        ]
        for indicator, kinds in KINDS.items()
    }  # fmt: skip

    def people(indicator: str, role: Role = Role.STUDENT) -> Members:
        return _together(rolls, inside[indicator], role)

    all_kinds, horizontal = people("E4.03"), people("E4.07")
    enrolled = activity.people(_enrolled(asked.scope))
    courses = asked.settings.horizontal_courses
    in_marked = activity.people(_enrolled(asked.scope, courses)) if courses else None
    using = [
        code for code in inside["E4.05"] if any(one.roll & active for one in rolls[code].values())
    ]
    return {
        "E4.03": Measured(numerator=all_kinds.account & enrolled, loaded=all_kinds.roll),
        "E4.04": Measured(numerator=all_kinds.account, loaded=all_kinds.roll),
        "E4.04|linked": Measured(
            numerator=all_kinds.account & marked(session, activity, Mark.LINKED, at=cut_off),
            loaded=all_kinds.roll,
        ),
        "E4.04|used": Measured(numerator=all_kinds.account & by_esia, loaded=all_kinds.roll),
        "E4.05": Measured(numerator=len(using), loaded=len(inside["E4.05"])),
        "E4.07": Measured(
            numerator=None if in_marked is None else horizontal.account & in_marked,
            loaded=horizontal.roll,
        ),
        "E4.08": Measured(numerator=None, loaded=people("E4.08", Role.TEACHER).roll),
    }


def _together(rolls: Rolls, codes: Iterable[str], role: Role) -> Members:
    """The people of a role in these schools, each once."""
    several = [rolls.get(code, {}).get(role, Members()) for code in codes]
    return Members(
        roll=PeopleSet.union(one.roll for one in several),
        account=PeopleSet.union(one.account for one in several),
    )


def _enrolled(scope: Scope, prefixes: Sequence[str] = ()) -> Select[str]:
    """Who is a learner of a course, of any or of those whose idnumber begins so."""
    query = select(KnownEnrolment.person_id).where(
        KnownEnrolment.role == CourseRole.STUDENT, KnownEnrolment.school_code.in_(scope.codes())
    )
    if prefixes:
        query = query.where(
            or_(*(KnownEnrolment.course.startswith(each, autoescape=True) for each in prefixes))
        )
    return query.distinct()
