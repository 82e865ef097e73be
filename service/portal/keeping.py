"""Keep what somebody changed by hand in Moodle, and take the source's value again.

What is kept is a ``StickyField``, and what we know of Moodle says from then on what Moodle has:
changes of other fields never overwrite it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, delete, exists, func, select
from sqlalchemy.orm import Session

from provisioning.changes import Kind
from provisioning.stickiness import (
    ABSENT,
    FIELDS,
    THERE,
    Verdict,
    as_text,
    from_text,
    link_of,
)
from service import audit
from service.access import Forbidden, Scope
from service.audit import AuditAction
from service.db import rows_among, upsert
from service.loads.recording import LINKS
from service.loads.replanning import plan_from_kept_rows, supersede
from service.models import (
    CohortMember,
    Identity,
    KnownEnrolment,
    KnownObject,
    KnownUser,
    Load,
    LoadCause,
    PlannedChange,
    PlannedSticky,
    PlanStatus,
    School,
    SchoolPlan,
    StickyField,
    TakenLogin,
)
from service.problems import Problem
from service.settings import Settings

OBJECTS = {Kind.CATEGORY, Kind.COHORT, Kind.COURSE}


class KeepingProblem(Problem):
    """A field cannot stay as it is in Moodle."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """One field of one thing, as ``StickyField`` names it."""

    subject: Kind
    key: str
    field: str

    @property
    def identity(self) -> tuple[str, str, str]:
        return (self.subject.value, self.key, self.field)


@dataclass(frozen=True, kw_only=True)
class Keeping:
    """The use cases of one operator, with what all of them need.

    The caller has checked that the operator sees what it is about.
    """

    session: Session
    settings: Settings
    scope: Scope
    now: datetime

    def keep(self, place: Place, value: str, *, drift_id: int | None = None) -> None:
        """Let a field stay as Moodle has it: ``value``, a text of ``stickiness.as_text``.

        Raises ``KeepingProblem``: ``keep.no_field`` for what cannot stay, as an idnumber;
        ``keep.login_taken`` for a login that somebody else of ours has.
        """
        if place.field not in FIELDS[place.subject]:
            raise KeepingProblem("keep.no_field")
        if place.field == "username":
            self._check_login(place.key, value)
        known, school_code = self._known(place)
        row = self.session.get(StickyField, place.identity)
        source = row.source_value if row else known
        self._put(place, value, school_code)
        if row is not None and value == source:
            self.session.delete(row)
        elif row is not None:
            row.value, row.since, row.kept_by, row.ends = value, self.now, self._actor, False
            row.drift_id = drift_id
        elif value != source:
            self.session.add(
                StickyField(
                    subject=place.subject.value, key=place.key, field=place.field, value=value,
                    source_value=source, since=self.now, kept_by=self._actor, drift_id=drift_id,
                )
            )  # fmt: skip
        self.session.flush()
        audit.record(
            self.session, AuditAction.FIELD_KEEP, at=self.now, actor=self._actor,
            school_code=school_code, subject=place.subject.value, key=place.key,
            field=place.field,
        )  # fmt: skip
        self._plan_waiting_again(place, school_code)

    def end(self, place: Place) -> None:
        """Let the next plan bring back what the source says. Raises ``Forbidden``."""
        row = self.find(place)
        row.ends = True
        self._record_end(place)

    def agree(self, place: Place) -> None:
        """Let Moodle be right although the source has changed too: until it changes once more.

        Raises ``Forbidden`` for a field of which no plan asks that.
        """
        row = self.find(place)
        asked = self.session.scalar(
            select(PlannedSticky)
            .where(
                PlannedSticky.subject == row.subject, PlannedSticky.key == row.key,
                PlannedSticky.field == row.field, PlannedSticky.verdict == Verdict.ASKED,
            )
            .order_by(PlannedSticky.plan_id.desc())
            .limit(1)
        )  # fmt: skip
        if asked is None:
            raise Forbidden("field")
        row.source_value, row.ends, row.kept_by = asked.wanted, False, self._actor
        audit.record(
            self.session, AuditAction.FIELD_KEEP, at=self.now, actor=self._actor,
            subject=row.subject, key=row.key, field=row.field,
        )  # fmt: skip

    def find(self, place: Place) -> StickyField:
        """Return the field. Raises ``Forbidden`` when it is like any other, or not the operator's
        to see."""
        row = self.session.get(StickyField, place.identity)
        if row is None or not sees(self.session, self.scope, place):
            raise Forbidden("field")
        return row

    @property
    def _actor(self) -> str:
        return self.scope.actor

    def _record_end(self, place: Place) -> None:
        audit.record(
            self.session, AuditAction.FIELD_END, at=self.now, actor=self._actor,
            subject=place.subject.value, key=place.key, field=place.field,
        )  # fmt: skip

    def _known(self, place: Place) -> tuple[str, str]:
        """The text that we hold, and the school it is of. Raises ``keep.no_field`` for nothing."""
        if place.subject is Kind.USER:
            user = self.session.get(KnownUser, place.key)
            if user is None or user.moodle_id is None:
                raise KeepingProblem("keep.no_field")
            return as_text(getattr(user, place.field)), user.school_code
        if place.subject in OBJECTS:
            one = self.session.get(KnownObject, (place.subject.value, place.key))
            if one is None:
                raise KeepingProblem("keep.no_field")
            # Rows of an earlier version do not tell it.
            seen = True if place.field == "visible" else ""
            return as_text(one.fields.get(place.field, seen)), one.school_code
        table: type[CohortMember] | type[KnownEnrolment] = LINKS[place.subject]
        row: Any = self.session.get(table, _link_identity(place))
        if row is not None:
            return THERE, row.school_code
        key = place.key.split("|")[0]
        kind = Kind.COHORT if place.subject is Kind.MEMBER else Kind.COURSE
        group = self.session.get(KnownObject, (kind.value, key))
        return ABSENT, group.school_code if group else ""

    def _put(self, place: Place, text: str, school_code: str) -> None:
        """Note what Moodle has."""
        if place.subject is Kind.USER:
            user = self.session.get_one(KnownUser, place.key)
            if place.field == "username":
                self._take_login(user, text)
            setattr(user, place.field, from_text(place.field, text))
            return
        if place.subject in OBJECTS:
            one = self.session.get_one(KnownObject, (place.subject.value, place.key))
            one.fields = one.fields | {place.field: from_text(place.field, text)}
            return
        table = LINKS[place.subject]
        link = _link_values(place)
        if text == ABSENT:
            same = (getattr(table, name) == value for name, value in link.items())
            self.session.execute(delete(table).where(*same))
        else:
            upsert(self.session, table, [link | {"school_code": school_code}])

    def _check_login(self, person_id: str, login: str) -> None:
        for table in (KnownUser, Identity):
            others = select(table.person_id).where(
                table.username == login, table.person_id != person_id
            )
            if self.session.scalar(others):
                raise KeepingProblem("keep.login_taken")

    def _take_login(self, user: KnownUser, login: str) -> None:
        """Let the person sign in with the login that Moodle has; nobody else gets the old one."""
        upsert(self.session, TakenLogin, [{"username": user.username, "seen_at": self.now}])
        identity = self.session.get(Identity, user.person_id)
        if identity is not None:
            identity.username = login

    def _plan_waiting_again(self, place: Place, school_code: str) -> None:
        """Let no plan be applied that was made before and changes the same thing."""
        waiting = self.session.execute(
            select(SchoolPlan.id, SchoolPlan.school_code)
            .join(Load)
            .join(PlannedChange, PlannedChange.plan_id == SchoolPlan.id)
            .where(
                PlannedChange.kind == place.subject,
                PlannedChange.key == place.key,
                SchoolPlan.status.in_([PlanStatus.PLANNED, PlanStatus.APPROVED]),
                SchoolPlan.started.is_(False),
                Load.cause.in_([LoadCause.FILE, LoadCause.ROWS]),
            )
        ).all()
        if waiting:
            supersede(self.session, [plan_id for plan_id, _code in waiting])
            schools = {code for _plan_id, code in waiting}
            plan_from_kept_rows(
                self.session, home=self.settings.home, schools=schools, scope=self.scope,
                now=self.now,
            )  # fmt: skip


def _link_values(place: Place) -> dict[str, Any]:
    link = link_of(place.subject, place.key)
    return {name: as_text(getattr(link, name)) for name in link.__slots__}


def _link_identity(place: Place) -> tuple[Any, ...]:
    values = _link_values(place)
    first = "cohort" if place.subject is Kind.MEMBER else "course"
    more = () if place.subject is Kind.MEMBER else (values["role"],)
    return (values[first], values["person_id"], *more)


def sees(session: Session, scope: Scope, place: Place) -> bool:
    """Tell whether the operator sees what a field is of."""
    if scope.is_city:
        return True
    if place.subject in OBJECTS:
        one = session.get(KnownObject, (place.subject.value, place.key))
        school = session.get(School, one.school_code) if one and one.school_code else None
        return school is not None and scope.sees(school)
    if place.subject in (Kind.MEMBER, Kind.ENROLMENT):
        kind = Kind.COHORT if place.subject is Kind.MEMBER else Kind.COURSE
        return sees(session, scope, Place(subject=kind, key=place.key.split("|")[0], field=""))
    person = select(KnownUser.person_id).where(KnownUser.person_id == place.key, scope.people())
    return session.scalar(person) is not None


def listed(scope: Scope) -> Select[StickyField]:
    """Return the query of all fields that stay as Moodle has them, newest first."""
    query = select(StickyField).order_by(
        StickyField.since.desc(), StickyField.subject, StickyField.key, StickyField.field
    )
    if scope.is_city:
        return query
    people = select(KnownUser.person_id).where(scope.people())
    objects = select(KnownObject.key).where(KnownObject.school_code.in_(scope.codes()))
    begins = func.substr(StickyField.key, 1, func.length(KnownObject.key) + 1)
    in_objects = exists().where(
        KnownObject.kind.in_([Kind.COHORT, Kind.COURSE]),
        KnownObject.school_code.in_(scope.codes()),
        begins == KnownObject.key.concat("|"),
    )
    return query.where(
        ((StickyField.subject == Kind.USER) & StickyField.key.in_(people))
        | (StickyField.subject.in_(OBJECTS) & StickyField.key.in_(objects))
        | (StickyField.subject.in_([Kind.MEMBER, Kind.ENROLMENT]) & in_objects)
    )


def _person_id(row: StickyField) -> str:
    if row.subject == Kind.USER:
        return row.key
    return row.key.split("|")[1] if row.subject in (Kind.MEMBER, Kind.ENROLMENT) else ""


def people_of(
    session: Session, scope: Scope, rows: Sequence[StickyField]
) -> dict[tuple[str, str], KnownUser]:
    """Return whose fields they are, as far as the operator sees them, by subject and key."""
    ids = {_person_id(row) for row in rows} - {""}
    query = select(KnownUser).where(scope.people())
    found = {one.person_id: one for (one,) in rows_among(session, query, KnownUser.person_id, ids)}
    return {
        (row.subject, row.key): found[_person_id(row)] for row in rows if _person_id(row) in found
    }


def objects_of(session: Session, rows: Sequence[StickyField]) -> dict[str, str]:
    """Return the name of each category, cohort and course that the rows are about, by idnumber."""
    keys = {row.key.split("|")[0] for row in rows if row.subject != Kind.USER}
    query = select(KnownObject.key, KnownObject.fields)
    return {
        key: str(fields.get("fullname") or fields.get("name") or key)
        for key, fields in rows_among(session, query, KnownObject.key, keys)
    }


def of_person(session: Session, person_id: str) -> Sequence[StickyField]:
    """Return the fields of a person's account that stay as Moodle has them."""
    mine = StickyField.subject == Kind.USER, StickyField.key == person_id
    query = select(StickyField).where(*mine).order_by(StickyField.field)
    return session.scalars(query).all()


def asked_of(session: Session, rows: Sequence[StickyField]) -> Mapping[tuple[str, str, str], str]:
    """Return what the source says now of those fields about which a newest plan asks a person."""
    found: dict[tuple[str, str, str], str] = {}
    for row in rows:
        newest = session.scalar(
            select(PlannedSticky)
            .where(
                PlannedSticky.subject == row.subject, PlannedSticky.key == row.key,
                PlannedSticky.field == row.field,
            )
            .order_by(PlannedSticky.plan_id.desc())
            .limit(1)
        )  # fmt: skip
        is_open = newest is not None and newest.verdict == Verdict.ASKED
        if newest is not None and is_open and newest.wanted != row.source_value:
            found[row.subject, row.key, row.field] = newest.wanted
    return found
