"""What plans leave alone: what is excluded, and what somebody changed by hand in Moodle."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

from sqlalchemy import delete, exists, select
from sqlalchemy.orm import Session

from provisioning import roster
from provisioning.changes import Change, Kind, Result
from provisioning.exclusions import Excluded, Exclusion, Exclusions, left_out
from provisioning.findings import Finding, rules
from provisioning.naming import Names
from provisioning.settings import MoodleSettings
from provisioning.state import State
from provisioning.stickiness import (
    STAYS,
    Judged,
    Sticky,
    Verdict,
    as_in_moodle,
    as_source_says,
    overlay,
)
from service.db import chunks, copied, insert_rows, rows_among
from service.models import (
    Exclusion as ExclusionRow,
)
from service.models import (
    PlannedChange,
    PlannedMembership,
    PlannedSticky,
    School,
    SchoolPlan,
    StickyField,
)
from service.settings import Settings

STICKY_KEY = StickyField.subject, StickyField.key, StickyField.field


def exclusions(session: Session, settings: MoodleSettings, school_code: str = "") -> Exclusions:
    """Return what is excluded now: in the plans of one school, or everywhere.

    The accounts that the settings name are among them.
    """
    in_force = select(ExclusionRow).where(ExclusionRow.ended_at.is_(None))
    rows = (
        Exclusion(what=Excluded(one.what), pattern=one.pattern, school_code=one.school_code)
        for one in session.scalars(in_force)
    )
    named = (
        Exclusion(what=Excluded.LOGIN, pattern=pattern) for pattern in settings.untouched_logins
    )
    every = Exclusions([*rows, *named])
    return every.at(school_code) if school_code else every


def touches(change: Change, excluded: Exclusions) -> bool:
    """Tell whether a change is about something excluded."""
    values = change.after or change.before
    match change.kind:
        case Kind.USER:
            return excluded.names_person(
                idnumber=change.key, login=change.before.get("username") or values["username"],
                roles=[values["role"]],
            )  # fmt: skip
        case Kind.MEMBER:
            return excluded.names_class(values["cohort"]) or excluded.names_person(
                idnumber=values["person_id"]
            )
        case Kind.ENROLMENT:
            return excluded.names_course(values["course"]) or excluded.names_person(
                idnumber=values["person_id"]
            )
        case Kind.COHORT:
            return excluded.names_class(change.key)
        case Kind.COURSE:
            return excluded.names_course(change.key)
        case _:
            return False


class Hands:
    """What was changed by hand of all that is known of a school, for one plan."""

    def __init__(self, session: Session, settings: Settings, known: State) -> None:
        self._session, self._settings = session, settings
        self._stickies = tuple(_stickies(session, known))
        self._judged: tuple[Judged, ...] = ()
        self.told = as_source_says(known, self._stickies)
        """What is known, as the source told it: what should be there is decided from this."""

    def in_moodle(self, told: State) -> State:
        """Return what Moodle has, of a state of what the source says."""
        return as_in_moodle(told, self._stickies)

    def respected(self, plan: SchoolPlan, known: State, desired: State) -> tuple[State, State]:
        """Return the two states between which the plan may change something.

        How much is left out stands in the plan then, and what it made of the fields that were
        changed by hand (``PlannedSticky``).
        """
        session, settings = self._session, self._settings
        school = session.get_one(School, plan.school_code)
        year = plan.school_year or _newest_year(session, plan.school_code)
        names = Names(settings.naming, copied(roster.School, school, kind=""), year)
        excluded = exclusions(session, settings.moodle, plan.school_code)
        out = left_out(known, desired, excluded, names)
        if out:
            known, desired = out.without(known), out.without(desired)
        rule = settings.moodle.when_both_changed.rule
        desired, self._judged = overlay(desired, self._stickies, rule)
        kept = sum(one.verdict in STAYS for one in self._judged)
        plan.left_out = out.counts | ({"kept": kept} if kept else {})
        _store(session, plan, self._judged)
        return known, desired

    def asked(self, plan: SchoolPlan, desired: State) -> list[Finding]:
        """Return a finding about each field of which a person is to say who is right."""
        asked = [one for one in self._judged if one.verdict is Verdict.ASKED]
        people = [one.sticky.key for one in asked if one.sticky.subject is Kind.USER]
        in_file = select(
            PlannedMembership.person_id, PlannedMembership.file, PlannedMembership.line
        ).where(PlannedMembership.plan_id == plan.id)
        found = rows_among(self._session, in_file, PlannedMembership.person_id, people)
        rows = {person_id: (file, line) for person_id, file, line in found}
        return [_both_changed(one, plan, desired, *rows.get(one.sticky.key, ("", 0)))
                for one in asked]  # fmt: skip


def _both_changed(one: Judged, plan: SchoolPlan, desired: State, file: str, line: int) -> Finding:
    sticky = one.sticky
    user = desired.users.get(sticky.key) if sticky.subject is Kind.USER else None
    rule = "hands.both_changed"
    return Finding(
        rule=rule, severity=rules()[rule], file=file, line=line or None,
        school_code=plan.school_code, sourced_id=user.sourced_id if user else sticky.key,
        person=f"{user.family_name} {user.given_name}" if user else "",
        field_name=sticky.field, value=one.wanted,
    )  # fmt: skip


def _newest_year(session: Session, school_code: str) -> str:
    """The school year of the newest plan that was made of a file; empty without any."""
    of_school = SchoolPlan.school_code == school_code, SchoolPlan.school_year != ""
    newest = select(SchoolPlan.school_year).where(*of_school).order_by(SchoolPlan.id.desc())
    return session.scalar(newest.limit(1)) or ""


def _stickies(session: Session, known: State) -> Iterator[Sticky]:
    """Yield the fields that were changed by hand, of what a state is about; there are few."""
    objects: dict[str, Collection[str]] = {
        Kind.CATEGORY: known.categories,
        Kind.COHORT: known.cohorts,
        Kind.COURSE: known.courses,
        Kind.USER: known.users,
    }
    about: dict[str, set[str]] = {}
    for subject, key in session.execute(select(StickyField.subject, StickyField.key)):
        if subject in objects:
            is_here = key in objects[subject]
        else:
            first, person_id = key.split("|")[:2]
            is_here = person_id in known.users and (
                first in known.cohorts or first in known.courses
            )
        if is_here:
            about.setdefault(subject, set()).add(key)
    for subject, keys in sorted(about.items()):
        for some in chunks(sorted(keys)):
            mine = StickyField.subject == subject, StickyField.key.in_(some)
            for row in session.scalars(select(StickyField).where(*mine).order_by(*STICKY_KEY)):
                yield as_sticky(row)


def as_sticky(row: StickyField) -> Sticky:
    return Sticky(
        subject=Kind(row.subject), key=row.key, field=row.field, value=row.value,
        source_value=row.source_value, ends=row.ends,
    )  # fmt: skip


def _store(session: Session, plan: SchoolPlan, judged: Iterable[Judged]) -> None:
    rows = (
        {
            "plan_id": plan.id,
            "subject": one.sticky.subject.value,
            "key": one.sticky.key,
            "field": one.sticky.field,
            "value": one.sticky.value,
            "wanted": one.wanted,
            "verdict": one.verdict.value,
        }
        for one in judged
    )
    insert_rows(session, PlannedSticky, rows)


def settle(session: Session, plan: SchoolPlan) -> None:
    """Let the fields that an applied plan decided about be as it decided.

    Where the source has won, or says the same by now, the field is like any other again. A field
    that was changed by hand once more since the plan was made stays as it is.
    """
    for planned in session.scalars(
        select(PlannedSticky).where(
            PlannedSticky.plan_id == plan.id,
            PlannedSticky.verdict.in_([Verdict.AGREED, Verdict.SOURCE, Verdict.MOODLE]),
        )
    ):
        identity = planned.subject, planned.key, planned.field
        row = session.get(StickyField, identity)
        if row is None or row.value != planned.value:
            continue
        if planned.verdict == Verdict.MOODLE:
            row.source_value = planned.wanted
        elif planned.verdict == Verdict.AGREED or _is_done(session, planned):
            session.delete(row)


def _is_done(session: Session, planned: PlannedSticky) -> bool:
    change = exists().where(
        PlannedChange.plan_id == planned.plan_id,
        PlannedChange.kind == planned.subject,
        PlannedChange.key == planned.key,
        PlannedChange.result == Result.DONE,
    )
    return bool(session.scalar(select(change)))


def forget_sticky(session: Session, subject: Kind, keys: Sequence[str]) -> None:
    """Forget fields of things that are there no more."""
    for some in chunks(keys):
        session.execute(
            delete(StickyField).where(StickyField.subject == subject, StickyField.key.in_(some))
        )
