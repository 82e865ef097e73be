"""How each ЦОС indicator is measured: who is counted, of whom, and what is left out
(docs/facts/indicators.md D).

The identifiers are written with a Latin E, though the letter prints a Cyrillic one in places.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, or_, select

from auth.models import Method
from provisioning.roster import Role
from provisioning.state import CourseRole
from service.access import Scope
from service.activity.bitmaps import PeopleSet
from service.activity.figures import Activity
from service.activity.marks import Mark, marked
from service.activity.rolls import Members
from service.models import KnownEnrolment, SchoolType
from service.reports.listing import Schools
from service.reports.question import Question
from service.reports.roll_at import rolls_at

LETTER = "ГД-1452/04, 11.09.2020"
"""The version of the passport's method that every figure follows."""

_WITH_ADDITIONAL = frozenset({SchoolType.GENERAL, SchoolType.ADDITIONAL, SchoolType.VOCATIONAL})
KINDS: Mapping[str, frozenset[SchoolType]] = {
    **dict.fromkeys(("E4.03", "E4.04", "E4.05"), _WITH_ADDITIONAL),
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
    activity: Activity, question: Question, schools: Schools, loads: Mapping[str, datetime | None]
) -> dict[str, Measured]:
    """What the service sees, by the key of the line: an identifier, and a part of it after a bar.

    ``question``: its period is a quarter. The number of queries does not depend on the number of
    schools.
    """
    cut_off, scope = question.now, question.scope
    rolls = rolls_at(activity, scope, cut_off)
    begin, end = question.bounds()
    active = activity.active(begin, end)
    by_esia = activity.active(begin, end, methods=(Method.ESIA,))
    inside = {
        indicator: [
            school.code for school in schools
            if school.type in kinds and loads.get(school.code) is not None
        ]
        for indicator, kinds in KINDS.items()
    }  # fmt: skip

    def people(indicator: str, role: Role = Role.STUDENT) -> Members:
        """The people of a role in the schools of the indicator, each once."""
        roles = [rolls.get(code, {}) for code in inside[indicator]]
        return Members.together(each[role] for each in roles if role in each)

    all_kinds, horizontal = people("E4.03"), people("E4.07")
    enrolled = activity.people(_enrolled(scope))
    courses = question.settings.horizontal_courses
    in_marked = activity.people(_enrolled(scope, courses)) if courses else None
    linked = marked(activity, Mark.LINKED, at=cut_off)
    account, roll = all_kinds.account, all_kinds.roll
    using = [
        code for code in inside["E4.05"] if any(one.roll & active for one in rolls[code].values())
    ]
    return {
        "E4.03": Measured(numerator=account & enrolled, loaded=roll),
        "E4.04": Measured(numerator=account, loaded=roll),
        "E4.04|linked": Measured(numerator=account & linked, loaded=roll),
        "E4.04|used": Measured(numerator=account & by_esia, loaded=roll),
        "E4.05": Measured(numerator=len(using), loaded=len(inside["E4.05"])),
        "E4.07": Measured(
            numerator=None if in_marked is None else horizontal.account & in_marked,
            loaded=horizontal.roll,
        ),
        "E4.08": Measured(numerator=None, loaded=people("E4.08", Role.TEACHER).roll),
    }


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
