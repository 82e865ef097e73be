"""What operators keep out of everything that we do in Moodle: add an exclusion, end it, list them.

The city excludes anything. Others exclude classes and courses of their schools, and the people for
whom their schools speak: that counts at every school, and only the own one may end it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, or_, select, true
from sqlalchemy.orm import Session

from provisioning import roster
from provisioning.exclusions import ABOUT_PEOPLE, ANY_LETTERS, Excluded, Exclusions
from provisioning.exclusions import Exclusion as Named
from provisioning.naming import Names
from provisioning.roster import Role
from service import audit
from service.access import Forbidden, Scope, find_school
from service.audit import AuditAction
from service.db import copied
from service.loads.left_alone import exclusions
from service.models import (
    Drift,
    DriftState,
    Exclusion,
    KnownObject,
    KnownUser,
    School,
    SchoolMembership,
    SchoolPlan,
)
from service.people.passwords import find_person
from service.portal.excluded import open_again, settle_excluded
from service.problems import Problem
from service.settings import Settings

MAX_REASON_LENGTH = 500
MAX_PATTERN_LENGTH = 300


class ExclusionProblem(Problem):
    """Something cannot be excluded as asked."""

    exit_code = 2


class OtherSchoolProblem(Problem):
    """Another school speaks for the person."""

    exit_code = 2


@dataclass(frozen=True, kw_only=True)
class Excluding:
    """The use cases of one operator, with what all of them need."""

    session: Session
    settings: Settings
    scope: Scope
    now: datetime

    def add(self, *, what: Excluded, pattern: str, school_code: str = "", reason: str) -> Exclusion:
        """Exclude something from now on; what is excluded already stays as it is.

        ``pattern``: a person is named by login or by the idnumber in Moodle, a class of
        ``school_code`` also by its title. Raises ``ExclusionProblem``, ``OtherSchoolProblem``, and
        ``Forbidden`` for what is not the operator's.
        """
        pattern = pattern.strip()
        if not pattern or len(pattern) > MAX_PATTERN_LENGTH:
            raise ExclusionProblem("exclusion.no_pattern", n=MAX_PATTERN_LENGTH)
        if not pattern.replace(ANY_LETTERS, "").strip(" :") and not school_code:
            raise ExclusionProblem("exclusion.everything")
        if not reason.strip():
            raise ExclusionProblem("exclusion.no_reason", n=MAX_REASON_LENGTH)
        if school_code:
            find_school(self.session, self.scope, school_code)
        what, pattern, school_code = self._named(what, pattern, school_code)
        return self._add(what, pattern, school_code, reason)

    def _named(self, what: Excluded, pattern: str, school_code: str) -> tuple[Excluded, str, str]:
        """Return what is meant in the words of Moodle, and the school in whose plans it counts."""
        if what is Excluded.ROLE and not self.scope.is_city and pattern not in set(Role):
            raise ExclusionProblem("exclusion.no_role", known=", ".join(Role))
        if what in ABOUT_PEOPLE - {Excluded.ROLE} and ANY_LETTERS not in pattern:
            person = self._person(what, pattern)
            if person is not None:
                if not self.scope.sees(self.session.get(School, person.school_code)):
                    raise OtherSchoolProblem("exclusion.of_other_school")
                return Excluded.PERSON, person.person_id, person.school_code
        if what is Excluded.CLASS and school_code and ANY_LETTERS not in pattern:
            pattern = self._cohort(school_code, pattern)
        if not school_code and not self.scope.is_city:
            raise ExclusionProblem("exclusion.no_school")
        return what, pattern, school_code

    def _person(self, what: Excluded, text: str) -> KnownUser | None:
        """Return who is named; None for an account that is none of our people's."""
        by_id = select(KnownUser).where(KnownUser.person_id == text, self.scope.people())
        person = self.session.scalar(by_id)
        if person is not None:
            return person
        try:
            return find_person(self.session, self.scope, text)
        except Forbidden:
            if not self.scope.is_city:
                raise
        # The account was deleted by hand, perhaps, and shall stay so.
        gone = select(KnownUser).where(KnownUser.username == text.casefold())
        return self.session.scalar(gone)

    def _cohort(self, school_code: str, text: str) -> str:
        """Return the idnumber of the cohort of a class, named by it, by class id or by title.

        A class of which no file has told yet is named by the idnumber.
        """
        own = KnownObject.school_code == school_code, KnownObject.kind == "cohort"
        known = select(KnownObject.key).where(*own, KnownObject.key == text)
        if ":" in text or self.session.scalar(known):
            return text
        named = or_(SchoolMembership.class_id == text, SchoolMembership.class_title == text)
        found = self.session.scalars(
            select(SchoolMembership.class_id)
            .where(SchoolMembership.school_code == school_code, named)
            .where(SchoolMembership.class_id != "")
            .distinct()
        ).all()
        if len(found) != 1:
            raise ExclusionProblem("exclusion.no_class", name=text)
        school = self.session.get_one(School, school_code)
        year = self.session.scalar(
            select(SchoolPlan.school_year)
            .where(SchoolPlan.school_code == school_code, SchoolPlan.school_year != "")
            .order_by(SchoolPlan.id.desc())
            .limit(1)
        )
        told = copied(roster.School, school, kind="")
        return Names(self.settings.naming, told, year or "").class_cohort_id(found[0])

    def _add(self, what: Excluded, pattern: str, school_code: str, reason: str) -> Exclusion:
        same = select(Exclusion).where(
            Exclusion.what == what, Exclusion.pattern == pattern,
            Exclusion.school_code == school_code, Exclusion.ended_at.is_(None),
        )  # fmt: skip
        row = self.session.scalar(same)
        if row is not None:
            return row
        row = Exclusion(
            what=what.value, pattern=pattern, school_code=school_code,
            reason=reason.strip()[:MAX_REASON_LENGTH], made_by=self.scope.actor, made_at=self.now,
        )  # fmt: skip
        self.session.add(row)
        self.session.flush()
        audit.record(
            self.session, AuditAction.EXCLUSION_ADD, at=self.now, actor=self.scope.actor,
            school_code=school_code, id=row.id, what=what.value,
        )  # fmt: skip
        waiting = Drift.state.in_([DriftState.OPEN, DriftState.KEPT])
        drifts = self.session.scalars(select(Drift).where(waiting)).all()
        settle_excluded(self.session, _alone(row), drifts, by=self.scope.actor, now=self.now)
        return row

    def end(self, exclusion_id: int) -> Exclusion:
        """Let plans touch again what was excluded; the next one brings it up to date.

        Raises ``Forbidden``.
        """
        row = self.session.get(Exclusion, exclusion_id)
        if row is None or row.ended_at is not None or not self.may_end(row):
            raise Forbidden("exclusion")
        row.ended_by, row.ended_at = self.scope.actor, self.now
        audit.record(
            self.session, AuditAction.EXCLUSION_END, at=self.now, actor=self.scope.actor,
            school_code=row.school_code, id=row.id, what=row.what,
        )  # fmt: skip
        self.session.flush()
        still = exclusions(self.session, self.settings.moodle)
        open_again(self.session, ended=_alone(row), still=still, now=self.now)
        return row

    def may_end(self, row: Exclusion) -> bool:
        """Tell whether the operator may end this one: it is of a school inside, or they are the
        city."""
        if not row.school_code:
            return self.scope.is_city
        return self.scope.sees(self.session.get(School, row.school_code))


def _alone(row: Exclusion) -> Exclusions:
    """One exclusion by itself: what others exclude is not the operator's."""
    one = Named(what=Excluded(row.what), pattern=row.pattern, school_code=row.school_code)
    return Exclusions([one])


def concerns(scope: Scope) -> ColumnElement[bool]:
    """Return a condition on ``Exclusion``: it counts in plans of a school inside.

    Exclusions for the whole city are shown to everybody, but for those of single people.
    """
    if scope.is_city:
        return true()
    for_all = (Exclusion.school_code == "") & Exclusion.what.not_in(["person", "login"])
    return Exclusion.school_code.in_(scope.codes()) | for_all


def listed(session: Session, scope: Scope, *, ended: bool = False) -> Sequence[Exclusion]:
    """Return the exclusions that concern the scope, newest first."""
    over = Exclusion.ended_at.is_not(None) if ended else Exclusion.ended_at.is_(None)
    query = select(Exclusion).where(concerns(scope), over).order_by(Exclusion.id.desc())
    return session.scalars(query).all()


def people_named(session: Session, scope: Scope, rows: Sequence[Exclusion]) -> dict[str, KnownUser]:
    """Return the people whom exclusions name, as far as the operator sees them, by person id."""
    ids = {row.pattern for row in rows if row.what == Excluded.PERSON}
    if not ids:
        return {}
    found = session.scalars(select(KnownUser).where(KnownUser.person_id.in_(ids), scope.people()))
    return {one.person_id: one for one in found}
