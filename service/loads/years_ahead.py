"""Making a new school year ready before its day: categories, cohorts and hidden courses.

Some days before a school turns, what its pending plan will create is created hidden, and its
teachers are let in: they can prepare while pupils see nothing. Nobody's place, account or roll
changes. On the day the courses are shown.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta

from sqlalchemy import exists, select
from sqlalchemy.orm import Session, aliased

from provisioning.changes import Action, Change, Kind
from provisioning.plan import Plan, plan_digest
from provisioning.state import CourseRole
from service.application import Application
from service.db import lock, rows_among, transaction
from service.loads import claims, operations
from service.loads.due import LOCK, SCOPE, UNDER_WAY
from service.loads.operations import LoadProblem
from service.loads.plan_storing import store_plan
from service.loads.plan_work import as_change
from service.loads.years import MOST_AT_ONCE, current_year
from service.models import (
    KnownUser,
    Load,
    LoadCause,
    LoadStatus,
    PlannedChange,
    PlanStatus,
    School,
    SchoolPlan,
)

_MADE = (Kind.CATEGORY, Kind.COHORT, Kind.COURSE)


def begin(application: Application) -> int | None:
    """Add a load of the schools that are to be made ready now; None when there is none.

    Only schools whose turn somebody has said yes to; each pending plan once.
    """
    days = application.settings.years.prepare_days
    now = application.clock()
    today = now.astimezone(application.zone).date()
    if not days:
        return None
    with transaction(application.sessions) as session:
        lock(session, LOCK)
        goes_on = (Load.status == LoadStatus.STOPPED) & Load.go_on_at.is_not(None)
        under_way = Load.cause == LoadCause.YEAR_AHEAD, Load.status.in_(UNDER_WAY) | goes_on
        if session.scalar(select(Load.id).where(*under_way).limit(1)) is not None:
            return None
        codes = _schools(session, today + timedelta(days=days))[:MOST_AT_ONCE]
        if not codes:
            return None
        load, _folder = operations.new_load(
            session, home=application.settings.home, scope=SCOPE, now=now,
            cause=LoadCause.YEAR_AHEAD, only_schools=codes,
        )  # fmt: skip
        return load.id


def _schools(session: Session, until: date) -> list[str]:
    later, ahead = aliased(SchoolPlan), aliased(Load)
    is_ready = exists().where(
        later.school_code == SchoolPlan.school_code, later.id > SchoolPlan.id,
        later.load_id == ahead.id, ahead.cause == LoadCause.YEAR_AHEAD,
    )  # fmt: skip
    return list(
        session.scalars(
            select(SchoolPlan.school_code)
            .where(
                SchoolPlan.status == PlanStatus.PENDING, SchoolPlan.year_confirmed.is_(True),
                SchoolPlan.begins_on <= until, ~is_ready.correlate(SchoolPlan),
            )
            .order_by(SchoolPlan.school_code)
        )
    )  # fmt: skip


def plan_all(application: Application, load: Load) -> None:
    """Store a plan for each school of the load, made of what its pending plan will create."""
    for code in sorted(load.only_schools or ()):
        with transaction(application.sessions) as session:
            _plan_school(session, load.id, code)
            claims.renew(session, load.id, application.clock())


def _plan_school(session: Session, load_id: int, code: str) -> None:
    waits = SchoolPlan.school_code == code, SchoolPlan.status == PlanStatus.PENDING
    pending = session.scalars(select(SchoolPlan).where(*waits)).first()
    if pending is None:
        return
    school = session.get_one(School, code)
    stored = SchoolPlan(
        load_id=load_id, school_code=code, status=PlanStatus.PLANNED, keeps_roll=True,
        known_version=school.known_version, school_year=current_year(session, code),
    )  # fmt: skip
    session.add(stored)
    session.flush()
    changes = [*_made(session, pending.id), *_teachers(session, pending.id)]
    counts: dict[tuple[Kind, Action], int] = {}
    for one in changes:
        counts[one.kind, one.action] = counts.get((one.kind, one.action), 0) + 1
    plan = Plan(
        school_code=code, changes=changes, digest=plan_digest(code, [], changes), counts=counts,
        breaches=(), losses={},
    )  # fmt: skip
    store_plan(session, stored, plan)


def _changes(session: Session, plan_id: int, kind: Kind, action: Action) -> Iterator[Change]:
    rows = session.scalars(
        select(PlannedChange)
        .where(
            PlannedChange.plan_id == plan_id,
            PlannedChange.kind == kind,
            PlannedChange.action == action,
        )
        .order_by(PlannedChange.position)
    )
    return map(as_change, rows)


def _made(session: Session, plan_id: int) -> Iterator[Change]:
    for kind in _MADE:
        for one in _changes(session, plan_id, kind, Action.CREATE):
            hidden = {"visible": False} if kind == Kind.COURSE else {}
            yield replace(one, after={**one.after, **hidden})


def _teachers(session: Session, plan_id: int) -> Iterator[Change]:
    """Yield the places of teachers who have an account in the courses that are made."""
    made = {one.key for one in _changes(session, plan_id, Kind.COURSE, Action.CREATE)}
    places = [
        one
        for one in _changes(session, plan_id, Kind.ENROLMENT, Action.ADD)
        if one.after["course"] in made and one.after["role"] == CourseRole.EDITING_TEACHER
    ]
    has_account = select(KnownUser.person_id).where(KnownUser.moodle_id.is_not(None))
    people = sorted({one.after["person_id"] for one in places})
    known = {who for (who,) in rows_among(session, has_account, KnownUser.person_id, people)}
    return (one for one in places if one.after["person_id"] in known)


def approve(application: Application, load_id: int) -> bool:
    """Say yes to such a load: it takes nothing away. Returns whether it may be applied."""
    with transaction(application.sessions) as session:
        load = session.get_one(Load, load_id)
        if load.cause != LoadCause.YEAR_AHEAD or load.status != LoadStatus.PLANNED:
            return load.cause == LoadCause.YEAR_AHEAD and load.status == LoadStatus.APPROVED
        now = application.clock()
        try:
            operations.approve(
                session, load_id, scope=SCOPE, now=now, limits=application.settings.limits
            )
        except LoadProblem:
            return False
        operations.ready_to_apply(session, load_id, scope=SCOPE, now=now)
        return True


def left_planned(application: Application) -> list[int]:
    """Return the loads that were planned and then left by a process that ended."""
    with application.sessions() as session:
        left = Load.cause == LoadCause.YEAR_AHEAD, Load.status == LoadStatus.PLANNED
        return sorted(session.scalars(select(Load.id).where(*left)))
