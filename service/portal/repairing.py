"""Plans the repair of drifts: what Moodle has becomes what we hold, school by school.

The load is planned, approved within its limits, and applied like any other.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import exists, select, update
from sqlalchemy.orm import Session

from provisioning.changes import Change, Kind
from provisioning.drift import BY_REMEDY, FULL_NAME, ROLES, DriftKind, by_plan
from provisioning.plan import Plan, make_plan, plan_digest
from provisioning.settings import LimitSettings
from provisioning.state import CourseEnrolment, CourseRole, Member, MoodleUser, State
from service import audit
from service.access import Scope
from service.audit import AuditAction
from service.db import copied, rows_among
from service.loads import operations
from service.loads.known_state import accounts
from service.loads.operations import LoadProblem
from service.loads.plan_storing import store_plan
from service.models import (
    Drift,
    DriftState,
    KnownObject,
    KnownUser,
    Load,
    LoadCause,
    LoadStatus,
    OperatorRole,
    PlanStatus,
    School,
    SchoolPlan,
)
from service.portal import held, standing

MOST_AT_ONCE = 20_000
"""Drifts that one load repairs; what is left is planned when that load is over."""

SCHEDULE = Scope(actor=audit.WORKER, role=OperatorRole.CITY)
"""Who plans repairs by rule, and says yes to what is within the limits."""

_CLOSED = {DriftKind.ACCOUNT_SUSPENDED: True, DriftKind.ACCOUNT_REOPENED: False}
"""Whether Moodle has the account suspended."""


def is_repairable(row: Drift) -> bool:
    """Tell whether a plan can repair it; else its remedy says what an administrator does."""
    role = row.key.rpartition("|")[2] if row.subject == Kind.ENROLMENT else ""
    return by_plan(DriftKind(row.kind), row.key, role)


def open_drifts(
    session: Session,
    scope: Scope,
    *,
    school: str = "",
    kinds: Collection[str] = (),
    by_rule: Collection[str] | None = None,
) -> list[int]:
    """Return the numbers of the drifts that can be repaired now.

    ``kinds``: those that somebody named, kept ones too. ``by_rule``: the kinds that repair
    themselves; what was planned once and is still there is left to a person, unless a newer load
    has overtaken that plan.
    """
    states = {DriftState.OPEN} | ({DriftState.KEPT} if kinds else set())
    query = select(Drift).where(Drift.state.in_(states))
    query = query.where(standing.visible(scope))
    if school:
        query = query.where(Drift.school_code == school)
    if kinds:
        query = query.where(Drift.kind.in_(kinds))
    if by_rule is not None:
        overtaken = exists().where(
            SchoolPlan.load_id == Drift.load_id,
            SchoolPlan.school_code == Drift.school_code,
            SchoolPlan.status == PlanStatus.SUPERSEDED,
        )
        untried = Drift.load_id.is_(None) | overtaken.correlate(Drift)
        query = query.where(Drift.kind.in_(by_rule), untried)
    query = query.where(Drift.kind.not_in(BY_REMEDY)).order_by(Drift.id).limit(MOST_AT_ONCE)
    return [row.id for row in session.scalars(query) if is_repairable(row)]


def plan_repair(
    session: Session,
    drift_ids: Sequence[int],
    *,
    home: Path,
    scope: Scope,
    now: datetime,
    limits: LimitSettings,
) -> Load | None:
    """Return a new load, status *planned*, that repairs these drifts; None where nothing can be.

    A kept drift that is named here is open again. Older plans of this kind for the same schools
    that still wait are overtaken. Drifts that what we hold now has overtaken are settled.
    """
    chosen, overtaken = standing.apart(session, _chosen(session, drift_ids))
    for row in overtaken:
        row.state, row.decided_at = DriftState.SETTLED, now
    session.flush()
    by_school = _by_school(session, chosen)
    if not by_school:
        return None
    load, _folder = operations.new_load(
        session, home=home, scope=scope, now=now, cause=LoadCause.REPAIR
    )
    for code, rows in sorted(by_school.items()):
        _plan_school(session, load, code, rows, limits)
        for row in rows:
            row.load_id, row.state = load.id, DriftState.OPEN
    load.status, load.planned_at = LoadStatus.PLANNED, now
    session.flush()
    audit.record(
        session, AuditAction.DRIFT_REPAIR, at=now, actor=scope.actor, load_id=load.id,
        drifts=sum(map(len, by_school.values())), schools=len(by_school),
    )  # fmt: skip
    return load


def repair_by_rule(
    session: Session, *, home: Path, kinds: Collection[str], now: datetime, limits: LimitSettings
) -> Load | None:
    """Plan what repairs itself and say yes to the plans within their limits.

    Returns the load, *approved* when a worker may apply it and *planned* when it waits for a
    person; None when there is nothing to repair.
    """
    found = open_drifts(session, SCHEDULE, by_rule=kinds)
    load = plan_repair(session, found, home=home, scope=SCHEDULE, now=now, limits=limits)
    if load is None:
        return None
    session.refresh(load, ["plans"])
    within = [plan.school_code for plan in load.plans if not plan.breaches]
    if not within:
        return load
    try:
        operations.approve(session, load.id, scope=SCHEDULE, now=now, schools=within, limits=limits)
        operations.ready_to_apply(session, load.id, scope=SCHEDULE, now=now)
    except LoadProblem:
        pass  # all schools together lose too much today: the city has to say yes
    return load


def _chosen(session: Session, drift_ids: Iterable[int]) -> list[Drift]:
    standing = Drift.state.in_([DriftState.OPEN, DriftState.KEPT])
    rows = rows_among(session, select(Drift).where(standing), Drift.id, drift_ids)
    return [row for (row,) in rows if is_repairable(row)]


def _by_school(session: Session, drifts: Sequence[Drift]) -> dict[str, list[Drift]]:
    """Return the drifts by the school whose plan can repair them: that of the account, cohort or
    course as of now, and for a shared category any school below it."""
    people = {row.person_id for row in drifts if row.subject == Kind.USER}
    query = select(KnownUser.person_id, KnownUser.school_code)
    of_people = dict(rows_among(session, query, KnownUser.person_id, people))
    of_objects: dict[tuple[Kind, str], str] = {}
    for kind in (Kind.CATEGORY, Kind.COHORT, Kind.COURSE):
        keys = {row.place for row in drifts if _object_kind(row) is kind}
        found = held.schools_of(session, kind, keys)
        of_objects |= {(kind, key): code for key, code in found.items()}
    result: dict[str, list[Drift]] = defaultdict(list)
    below: dict[str, str] | None = None
    for row in drifts:
        place = _object_kind(row)
        if place is None:
            code = of_people.get(row.person_id)
        else:
            code = of_objects.get((place, row.place))
            if code == "":
                below = _schools_below(session) if below is None else below
                code = below.get(row.place)
        if code:
            result[code].append(row)
    return result


def _object_kind(row: Drift) -> Kind | None:
    """Return the kind of the object that a drift is about or lies in; None for one of people."""
    return {
        Kind.USER: None, Kind.MEMBER: Kind.COHORT, Kind.ENROLMENT: Kind.COURSE,
    }.get(Kind(row.subject), Kind(row.subject))  # fmt: skip


def _schools_below(session: Session) -> dict[str, str]:
    """Return a school below each shared category."""
    rows = session.scalars(select(KnownObject).where(KnownObject.kind == Kind.CATEGORY)).all()
    parents = {row.key: row.fields.get("parent", "") for row in rows}
    found: dict[str, str] = {}
    for row in sorted(rows, key=lambda row: row.school_code, reverse=True):
        above = row.school_code and row.key
        while above:
            found[above] = row.school_code
            above = parents.get(above, "")
    return found


@dataclass(kw_only=True)
class _Side:
    """One side of a plan while it is put together."""

    objects: dict[Kind, dict[str, Any]] = field(
        default_factory=lambda: {Kind.CATEGORY: {}, Kind.COHORT: {}, Kind.COURSE: {}}
    )
    users: dict[str, MoodleUser] = field(default_factory=dict)
    members: set[Member] = field(default_factory=set)
    enrolments: set[CourseEnrolment] = field(default_factory=set)

    def state(self, code: str) -> State:
        return State(
            school_code=code,
            categories=self.objects[Kind.CATEGORY],
            cohorts=self.objects[Kind.COHORT],
            courses=self.objects[Kind.COURSE],
            users=self.users,
            members=frozenset(self.members),
            enrolments=frozenset(self.enrolments),
        )


def _plan_school(
    session: Session, load: Load, code: str, drifts: Sequence[Drift], limits: LimitSettings
) -> None:
    _give_up_older(session, load.id, code)
    users = accounts(session, code)
    known, desired = _Side(users=dict(users)), _Side(users=dict(users))
    _put_users(session, drifts, known, desired)
    _put_objects(session, drifts, known, desired)
    _put_links(session, drifts, known, desired)
    school = session.get_one(School, code)
    stored = SchoolPlan(
        load_id=load.id, school_code=code, status=PlanStatus.PLANNED, keeps_roll=True,
        known_version=school.known_version,
    )  # fmt: skip
    session.add(stored)
    session.flush()
    plan = make_plan(known.state(code), desired.state(code), limits)
    store_plan(session, stored, _under_our_ids(plan))


def _put_users(session: Session, drifts: Sequence[Drift], known: _Side, desired: _Side) -> None:
    gone = {row.person_id: row for row in drifts if row.kind == DriftKind.ACCOUNT_DELETED}
    query = select(KnownUser).where(KnownUser.moodle_id.is_(None))
    for (person,) in rows_among(session, query, KnownUser.person_id, gone):
        desired.users[person.person_id] = copied(MoodleUser, person)
        places = gone[person.person_id].places or {}
        for cohort in places.get("cohorts", ()):
            desired.members.add(Member(cohort=cohort, person_id=person.person_id))
        for course, role in places.get("courses", ()):
            desired.enrolments.add(_enrolment(course, person.person_id, role))
    for row in drifts:
        there = known.users.get(row.person_id)
        if row.subject != Kind.USER or there is None:
            continue
        if (closed := _CLOSED.get(DriftKind(row.kind))) is not None:
            known.users[row.person_id] = replace(there, suspended=closed)
        elif row.kind == DriftKind.ACCOUNT_RENAMED:
            changed: dict[str, Any] = {row.field: row.theirs}
            if row.field == FULL_NAME:
                # Which of the two names is another one nobody can see: both are written.
                changed = {"firstname": row.theirs, "lastname": ""}
            known.users[row.person_id] = replace(there, **changed)


def _enrolment(course: str, person_id: str, role: str) -> CourseEnrolment:
    return CourseEnrolment(course=course, person_id=person_id, role=CourseRole(role))


def _put_objects(session: Session, drifts: Sequence[Drift], known: _Side, desired: _Side) -> None:
    for kind in (Kind.CATEGORY, Kind.COHORT, Kind.COURSE):
        mine = [row for row in drifts if row.subject == kind]
        ours = held.objects(session, kind, {row.key for row in mine})
        deleted = {row.key for row in mine if row.kind == DriftKind.OBJECT_DELETED}
        for key, one in ours.items():
            desired.objects[kind][key] = one.record
            if key not in deleted:
                known.objects[kind][key] = one.record
        for row in mine:
            there = known.objects[kind].get(row.key)
            if there is not None and row.field in there.__slots__:
                value: Any = row.theirs == "1" if row.field == "visible" else row.theirs
                known.objects[kind][row.key] = replace(there, **{row.field: value})
        _put_everybody(session, kind, deleted & ours.keys(), desired)


def _put_everybody(session: Session, kind: Kind, deleted: Collection[str], desired: _Side) -> None:
    """Put who was in a cohort or course that is made anew back into it."""
    if kind is Kind.COHORT:
        in_cohorts = held.members(session, deleted)
        there = _with_account(session, in_cohorts.values())
        for cohort, people in in_cohorts.items():
            desired.members |= {Member(cohort=cohort, person_id=who) for who in people & there}
    if kind is Kind.COURSE:
        in_courses = held.roles(session, deleted)
        there = _with_account(session, in_courses.values())
        for course, roles in in_courses.items():
            desired.enrolments |= {
                _enrolment(course, who, role)
                for who, those in roles.items()
                if who in there
                for role in those
            }


def _with_account(session: Session, groups: Iterable[Iterable[str]]) -> set[str]:
    people = {who for group in groups for who in group}
    return set(held.accounts(session, (), people).values())


def _put_links(session: Session, drifts: Sequence[Drift], known: _Side, desired: _Side) -> None:
    changed = {row.place for row in drifts if row.kind == DriftKind.ROLE_CHANGED}
    held_now = held.roles(session, changed)
    for row in drifts:
        place, role = row.place, row.key.rpartition("|")[2]
        if row.subject == Kind.MEMBER:
            member = Member(cohort=place, person_id=row.person_id)
            gone = row.kind == DriftKind.MEMBER_GONE
            (desired if gone else known).members.add(member)
        if row.subject == Kind.ENROLMENT:
            link = _enrolment(place, row.person_id, role)
            added = row.kind == DriftKind.ENROLMENT_ADDED
            (known if added else desired).enrolments.add(link)
            if row.kind == DriftKind.ROLE_CHANGED:
                ours = held_now[place].get(row.person_id, frozenset())
                for other in (set(row.theirs.split(", ")) & ROLES) - ours:
                    known.enrolments.add(_enrolment(place, row.person_id, other))


def _under_our_ids(plan: Plan) -> Plan:
    """Let what has another idnumber in Moodle be known by ours: that is where its number is."""
    changes = _Changes(plan.changes)
    facts = [one.facts for one in plan.breaches]
    return replace(plan, changes=changes, digest=plan_digest(plan.school_code, facts, changes))


@dataclass(frozen=True, slots=True)
class _Changes:
    """The changes of a plan, made one by one, each time they are read."""

    made: Iterable[Change]

    def __iter__(self) -> Iterator[Change]:
        for change in self.made:
            ours: Mapping[str, Any] = change.after
            key = ours.get("person_id") if change.kind is Kind.USER else ours.get("idnumber")
            yield replace(change, key=key) if key else change


def _give_up_older(session: Session, load_id: int, code: str) -> None:
    older = select(Load.id).where(Load.cause == LoadCause.REPAIR, Load.id != load_id)
    session.execute(
        update(SchoolPlan)
        .where(
            SchoolPlan.school_code == code,
            SchoolPlan.status == PlanStatus.PLANNED,
            SchoolPlan.load_id.in_(older),
        )
        .values(status=PlanStatus.SUPERSEDED)
    )
