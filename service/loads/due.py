"""What time alone changes about people whom no school lists: planned and applied like a load.

In transit for too long is suspended, suspended for too long is archived, and who is on no roll
though nobody let go of them is in transit from here on (``provisioning/person_states.py``). Whose
time of being entered by hand is over at one school while another lists them only loses the places
at the first. A plan within the limits of its school is approved by itself, another one waits for a
person.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta

from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select, update
from sqlalchemy.orm import Session, aliased

from provisioning.changes import Action, Kind
from provisioning.desired import handed_over
from provisioning.limits import Limit, LimitBreach
from provisioning.person_states import (
    LISTED,
    Deadlines,
    PersonState,
    after_leaving,
    after_time,
)
from provisioning.plan import Plan, make_plan, plan_digest
from provisioning.settings import LimitSettings
from provisioning.state import State
from service import audit
from service.access import Scope
from service.application import Application
from service.db import lock, transaction
from service.loads import claims, operations
from service.loads.emptied import emptied_cohorts
from service.loads.known_state import accounts, places_of
from service.loads.left_alone import Hands
from service.loads.operations import LoadProblem
from service.loads.other_rolls import OtherRolls
from service.loads.plan_storing import store_plan
from service.models import (
    KnownUser,
    Load,
    LoadCause,
    LoadStatus,
    OperatorRole,
    PlanStatus,
    School,
    SchoolMembership,
    SchoolPlan,
)
from service.registry.closing import ended_schools

LOCK = 7_265_402
"""Of the transaction that begins a load, so that no two are begun at once."""

RECENT = timedelta(days=7)
"""So long a plan of a file that waits for its yes keeps its school out: it may know better."""

MOST_AT_ONCE = 1_000
"""So many people are moved on by one load, those who have been away longest first; the next load
follows within the hour. An upgrade finds years of leavers, and summer whole classes."""

SCOPE = Scope(actor=audit.WORKER, role=OperatorRole.CITY)
"""Who makes these loads, and says yes to what is within the limits."""

UNDER_WAY = LoadStatus.RECEIVED, LoadStatus.APPROVED, LoadStatus.APPLYING
"""A load of these states goes on; one that was stopped, only when a time is set for that."""


def schools_with_due(application: Application) -> dict[str, int]:
    """Return how many people are due by school code, where no other plan stands before."""
    now = application.clock()
    with application.sessions() as session:
        return _schools_with_due(session, application, now)


def begin(application: Application) -> int | None:
    """Add a load of what is due, status *received*; None when nothing is, or one is under way."""
    now = application.clock()
    with transaction(application.sessions) as session:
        lock(session, LOCK)
        goes_on = (Load.status == LoadStatus.STOPPED) & Load.go_on_at.is_not(None)
        under_way = Load.cause == LoadCause.DUE, Load.status.in_(UNDER_WAY) | goes_on
        if session.scalar(select(Load.id).where(*under_way).limit(1)) is not None:
            return None
        if not _schools_with_due(session, application, now):
            return None
        load, _folder = operations.new_load(
            session, home=application.settings.home, scope=SCOPE, now=now, cause=LoadCause.DUE
        )
        return load.id


def plan_all(application: Application, load: Load) -> None:
    """Store a plan for each school in which somebody is due, one school in memory at a time.

    What an earlier attempt has left of the load is gone before. No more than ``MOST_AT_ONCE``
    people.
    """
    now = application.clock()
    with application.sessions() as session:
        codes = sorted(_schools_with_due(session, application, now))
    left = MOST_AT_ONCE
    for code in codes:
        if not left:
            return
        with transaction(application.sessions) as session:
            left -= _plan_school(session, application, load.id, code, now, most=left)
            claims.renew(session, load.id, application.clock())


def approve_within_limits(application: Application, load_id: int) -> bool:
    """Say yes to the plans of such a load that are within their limits, and order the rest to wait.

    Returns whether the load may be applied. Other loads are left alone.
    """
    with transaction(application.sessions) as session:
        load = session.get_one(Load, load_id)
        if load.cause != LoadCause.DUE or load.status != LoadStatus.PLANNED:
            return load.cause == LoadCause.DUE and load.status == LoadStatus.APPROVED
        within = [
            plan.school_code
            for plan in load.plans
            if plan.status == PlanStatus.PLANNED and not plan.breaches
        ]
        if not within:
            return False
        now = application.clock()
        try:
            operations.approve(
                session, load_id, scope=SCOPE, now=now, schools=within,
                limits=application.settings.limits,
            )  # fmt: skip
        except LoadProblem:
            return False  # all schools together lose too much today: the city has to say yes
        operations.ready_to_apply(session, load_id, scope=SCOPE, now=now)
        return True


def left_planned(application: Application) -> Sequence[int]:
    """Return the loads that were planned and then left by a process that ended."""
    of_time = Load.cause == LoadCause.DUE, Load.status == LoadStatus.PLANNED
    waiting = select(SchoolPlan.load_id, SchoolPlan.breaches).join(Load)
    with application.sessions() as session:
        rows = session.execute(waiting.where(SchoolPlan.status == PlanStatus.PLANNED, *of_time))
        return sorted({load_id for load_id, breaches in rows if not breaches})


def _schools_with_due(session: Session, application: Application, now: datetime) -> dict[str, int]:
    rows = session.execute(
        select(KnownUser.school_code, func.count())
        .where(_is_due(application, now), KnownUser.school_code.not_in(_kept_out(now)))
        .group_by(KnownUser.school_code)
    )
    counts = dict(rows.all())
    today = now.astimezone(application.zone).date()
    over = (
        select(SchoolMembership.school_code, func.count())
        .where(_is_over(today), SchoolMembership.school_code.not_in(_kept_out(now)))
        .group_by(SchoolMembership.school_code)
    )
    for code, people in session.execute(over):
        counts[code] = counts.get(code, 0) + people
    return counts


def _is_over(today: date) -> ColumnElement[bool]:
    """A condition on ``SchoolMembership``: the last day by hand is over, another school lists."""
    other = aliased(SchoolMembership)
    listed = exists().where(
        other.person_id == SchoolMembership.person_id,
        other.school_code != SchoolMembership.school_code,
        other.until.is_(None) | (other.until >= today),
        other.school_code.not_in(ended_schools(today)),
    )
    return and_(SchoolMembership.until < today, listed.correlate(SchoolMembership))


def _is_due(application: Application, now: datetime) -> ColumnElement[bool]:
    """A condition on ``KnownUser``, as ``after_time`` decides; it uses the index of states."""
    deadlines = Deadlines.at(now, application.settings.people)
    today = now.astimezone(application.zone).date()
    open_, closed = (
        (PersonState.IN_TRANSIT, PersonState.GRADUATE),
        (PersonState.SUSPENDED, PersonState.GRADUATE),
    )
    away = KnownUser.away_since
    too_long_open = and_(
        KnownUser.state.in_(open_), KnownUser.suspended.is_(False), away <= deadlines.suspend
    )
    too_long_closed = and_(KnownUser.state.in_(closed), away <= deadlines.archive)
    # Two schools let go at once, and each took the other's roll for granted; or somebody was
    # entered by hand, and no export has listed them by the last day.
    let_go_by_nobody = KnownUser.state.in_(sorted(LISTED)) & KnownUser.suspended.is_(False)
    holds = SchoolMembership.until.is_(None) | (SchoolMembership.until >= today)
    # A school that has ended lists nobody.
    listed = exists().where(
        SchoolMembership.person_id == KnownUser.person_id, holds,
        SchoolMembership.school_code.not_in(ended_schools(today)),
    )  # fmt: skip
    return and_(
        KnownUser.moodle_id.is_not(None),
        or_(too_long_open, too_long_closed, let_go_by_nobody),
        ~listed.correlate(KnownUser),
    )


def _kept_out(now: datetime) -> Select[str]:
    """Schools of which a plan is being applied, or waits for its yes and may know better.

    A plan of ours over its limits keeps its school out until somebody decides about it, as does
    what is ordered about a whole school.
    """
    begun = SchoolPlan.status == PlanStatus.APPROVED
    waits = SchoolPlan.status == PlanStatus.PLANNED
    # Else the closing of a school would be planned a second time, person by person.
    of_school = Load.operation.is_not(None)
    fresh = (Load.cause == LoadCause.DUE) | (Load.created_at > now - RECENT) | of_school
    return (
        select(SchoolPlan.school_code)
        .join(Load)
        .join(School, School.code == SchoolPlan.school_code)
        .where(
            begun | (waits & fresh),
            SchoolPlan.known_version == School.known_version,
            Load.status != LoadStatus.RECEIVED,
        )
    )


def _plan_school(
    session: Session,
    application: Application,
    load_id: int,
    code: str,
    now: datetime,
    *,
    most: int,
) -> int:
    """Store the plan; return how many people it moves on."""
    settings = application.settings
    school = session.get_one(School, code)
    due = dict(
        session.execute(
            select(KnownUser.person_id, KnownUser.away_since)
            .where(KnownUser.school_code == code, _is_due(application, now))
            .order_by(KnownUser.away_since, KnownUser.person_id)
            .limit(most)
        ).all()
    )
    _give_up_older(session, load_id, code)
    known = State(
        school_code=code, categories={}, cohorts=emptied_cohorts(session, settings.naming, school),
        courses={}, users=accounts(session, code),
        members=frozenset(), enrolments=frozenset(),
    )  # fmt: skip
    members, enrolments = places_of(session, due)
    today = now.astimezone(application.zone).date()
    here = SchoolMembership.school_code == code
    over = session.scalars(select(SchoolMembership.person_id).where(here, _is_over(today))).all()
    members_here, enrolments_here = places_of(session, over, school_code=code)
    known = replace(known, members=members | members_here, enrolments=enrolments | enrolments_here)
    hands = Hands(session, settings, known)
    told = hands.told
    deadlines = Deadlines.at(now, settings.people)
    moved = {}
    for person_id, away_since in due.items():
        user = told.users[person_id]
        if user.state in LISTED or away_since is None:
            state = after_leaving(user.state, grade=None, today=today, settings=settings.people)
            suspended = state == PersonState.SUSPENDED
        else:
            state, suspended = after_time(
                user.state, suspended=user.suspended, away_since=away_since, deadlines=deadlines
            )
        moved[person_id] = replace(user, state=state, suspended=suspended, in_roll=False)
    elsewhere = OtherRolls(session, load_id, [code], today).elsewhere(code) if over else {}
    for person_id in told.users.keys() & set(over) & elsewhere.keys():
        moved[person_id] = handed_over(told.users[person_id], code, elsewhere[person_id])
    users = {**told.users, **moved}
    # Whose people are archived: nobody needs to see the class any more.
    archives = any(one.state == PersonState.ARCHIVED for one in moved.values())
    cohorts = {
        key: replace(one, visible=False) if archives else one for key, one in told.cohorts.items()
    }
    desired = replace(
        told, users=users, cohorts=cohorts, members=frozenset(), enrolments=frozenset()
    )
    stored = SchoolPlan(
        load_id=load_id,
        school_code=code,
        status=PlanStatus.PLANNED,
        keeps_roll=True,
        known_version=school.known_version,
    )
    session.add(stored)
    session.flush()
    known, desired = hands.respected(stored, known, desired)
    plan = make_plan(known, desired, settings.limits)
    store_plan(session, stored, _limited(plan, known, settings.limits))
    return len(due)


def _limited(plan: Plan, known: State, limits: LimitSettings) -> Plan:
    """Limit what closes by itself: so many may have been let go of by mistake.

    A plan of a file counts losses when people leave the roll, and not once more when their time is
    over. But then nobody was asked whether they turned up.
    """
    closing = sum(
        plan.counts.get((Kind.USER, action), 0) for action in (Action.SUSPEND, Action.TRANSIT)
    )
    base = sum(not one.suspended for one in known.users.values())
    if plan.breaches or closing <= max(limits.floor, limits.max_suspended_share * base):
        return plan
    breaches = (LimitBreach(limit=Limit.SUSPENDED, count=closing, base=base),)
    facts = [one.facts for one in breaches]
    digest = plan_digest(plan.school_code, facts, plan.changes)
    return replace(plan, breaches=breaches, digest=digest)


def _give_up_older(session: Session, load_id: int, code: str) -> None:
    """Overtake plans of earlier loads of this kind: another file has come since."""
    of_time = select(Load.id).where(Load.cause == LoadCause.DUE, Load.id != load_id)
    session.execute(
        update(SchoolPlan)
        .where(
            SchoolPlan.school_code == code,
            SchoolPlan.status == PlanStatus.PLANNED,
            SchoolPlan.load_id.in_(of_time),
        )
        .values(status=PlanStatus.SUPERSEDED)
    )
