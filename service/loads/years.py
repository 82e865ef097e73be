"""The year's turn: rolls of the next school year wait for their day, and are planned again then.

A file of the next year that comes before the day is planned to be looked at: nothing of it counts
yet, and files of the year that ends go on. On the day the rows that were kept are planned like any
others. A school whose turn somebody has said yes to is applied by itself, unless more is taken
away by then than that person saw.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select, update
from sqlalchemy.orm import Session, aliased

from provisioning.changes import LETTING_GO, Kind
from provisioning.findings import Finding
from provisioning.roster import Roster
from provisioning.year_turn import TurnDay, turn_day, waits_until
from service import audit
from service.access import Forbidden, Scope
from service.application import Application
from service.audit import AuditAction
from service.db import lock, transaction
from service.loads import operations
from service.loads.due import LOCK, SCOPE, UNDER_WAY
from service.loads.operations import LoadProblem
from service.models import (
    Load,
    LoadCause,
    LoadStatus,
    OperatorRole,
    PlannedChange,
    PlanStatus,
    School,
    SchoolPlan,
    YearTurn,
)
from service.registry.loads import about_school

MOST_AT_ONCE = 50
"""So many schools turn in one load; the next load follows when it is planned."""


def current_year(session: Session, school_code: str) -> str:
    """Return the school year of the school's roll; empty when nothing was applied yet."""
    newest = select(func.max(SchoolPlan.school_year)).where(
        SchoolPlan.school_code == school_code,
        SchoolPlan.started.is_(True),
        SchoolPlan.status != PlanStatus.UNDONE,
    )
    return session.scalar(newest) or ""


def day_of_turn(
    session: Session, application: Application, school_year: str, *, district: str, code: str
) -> date | None:
    """Return the day on which a school turns to this year; None: at once."""
    said = session.scalars(select(YearTurn).where(YearTurn.school_year == school_year))
    days = [TurnDay(one.turn_on, one.district, one.school_code) for one in said]
    return turn_day(school_year, application.settings.years, days, district=district, code=code)


def waiting_day(
    session: Session, application: Application, roster: Roster, today: date
) -> date | None:
    """Return the day for which a file waits because it is of the next year; None: it counts."""
    current = current_year(session, roster.school.code)
    if roster.school_year <= current or not current:
        return None
    school = session.get(School, roster.school.code)
    district = school.district if school else roster.school.district
    day = day_of_turn(
        session, application, roster.school_year, district=district, code=roster.school.code
    )
    return waits_until(roster.school_year, current, day, today)


def about_last_year(session: Session, roster: Roster) -> list[Finding]:
    """Stop a file of the year that has ended for this school: it would put everybody back."""
    current = current_year(session, roster.school.code)
    if not roster.school_year or roster.school_year >= current:
        return []
    about = {"expected": current}
    return [about_school(roster, "school_year.other", "school_year", roster.school_year, **about)]


def is_turning(session: Session, school_code: str, school_year: str) -> bool:
    """Tell whether a roll of this year is the school's first after one of another year."""
    current = current_year(session, school_code)
    return bool(current) and school_year > current


def keep_waiting(session: Session, plan: SchoolPlan, day: date) -> None:
    """Let the plan wait for the day instead of an older one of the school."""
    plan.status, plan.begins_on = PlanStatus.PENDING, day
    session.flush()
    newest = _newest_pending(session, plan.school_code) or plan
    session.execute(
        update(SchoolPlan)
        .where(
            SchoolPlan.school_code == plan.school_code,
            SchoolPlan.status == PlanStatus.PENDING,
            SchoolPlan.id != newest.id,
        )
        .values(status=PlanStatus.SUPERSEDED)
    )


def _newest_pending(session: Session, school_code: str) -> SchoolPlan | None:
    return session.scalars(
        select(SchoolPlan)
        .where(SchoolPlan.school_code == school_code, SchoolPlan.status == PlanStatus.PENDING)
        .order_by(SchoolPlan.school_year.desc(), SchoolPlan.exported_at.desc(),
                  SchoolPlan.id.desc())
        .limit(1)
    ).first()  # fmt: skip


def follow_the_yes(session: Session, plan: SchoolPlan) -> None:
    """Let the yes to the pending plan hold for the one that was made on the day.

    Not when somebody leaves the roll who did not in the pending plan, as who came after its file,
    or when a limit is exceeded by more: nobody has seen that.
    """
    pending = _newest_pending(session, plan.school_code)
    if pending is None or not pending.year_confirmed:
        return
    is_seen = all(any(_covers(seen, one) for seen in pending.breaches) for one in plan.breaches)
    lost = set(session.scalars(_let_go(plan.id)))
    plan.year_confirmed = is_seen and lost <= set(session.scalars(_let_go(pending.id)))


def _covers(seen: Mapping[str, Any], found: Mapping[str, Any]) -> bool:
    """Tell whether a breach that was seen says all that this one says."""
    same = seen["limit"] == found["limit"] and seen.get("among") == found.get("among")
    classes = set(found.get("classes", ())) <= set(seen.get("classes", ()))
    return same and classes and seen["count"] >= found["count"]


def _let_go(plan_id: int) -> Select[str]:
    return select(PlannedChange.key).where(
        PlannedChange.plan_id == plan_id,
        PlannedChange.kind == Kind.USER,
        PlannedChange.action.in_(LETTING_GO),
    )


def end_waiting(session: Session, plan: SchoolPlan) -> None:
    """Supersede what waits of the school for a year that has begun with this plan."""
    session.execute(
        update(SchoolPlan)
        .where(
            SchoolPlan.school_code == plan.school_code,
            SchoolPlan.status == PlanStatus.PENDING,
            SchoolPlan.school_year <= plan.school_year,
        )
        .values(status=PlanStatus.SUPERSEDED)
        .execution_options(synchronize_session=False)
    )


def begin(application: Application) -> int | None:
    """Add a load of the schools whose day has come, status *received*; None when there is none.

    One at a time, of at most ``MOST_AT_ONCE`` schools.
    """
    now = application.clock()
    with transaction(application.sessions) as session:
        lock(session, LOCK)
        goes_on = (Load.status == LoadStatus.STOPPED) & Load.go_on_at.is_not(None)
        under_way = Load.cause == LoadCause.YEAR, Load.status.in_(UNDER_WAY) | goes_on
        if session.scalar(select(Load.id).where(*under_way).limit(1)) is not None:
            return None
        codes = _schools_to_turn(session, application, now)[:MOST_AT_ONCE]
        if not codes:
            return None
        load, _folder = operations.new_load(
            session, home=application.settings.home, scope=SCOPE, now=now, cause=LoadCause.YEAR,
            only_schools=codes,
        )  # fmt: skip
        return load.id


def _schools_to_turn(session: Session, application: Application, now: datetime) -> list[str]:
    """Schools whose day has come, without those that have a plan for it or a no."""
    today = now.astimezone(application.zone).date()
    later, cause = aliased(SchoolPlan), aliased(Load)
    decided: ColumnElement[bool] = later.status.in_([PlanStatus.REJECTED, PlanStatus.BLOCKED])
    current = and_(
        later.status.in_([PlanStatus.PLANNED, PlanStatus.APPROVED]),
        later.known_version == School.known_version,
    )
    has_one = exists().where(
        later.school_code == SchoolPlan.school_code,
        later.id > SchoolPlan.id,
        later.load_id == cause.id,
        cause.cause == LoadCause.YEAR,
        or_(decided, current, later.started),
    )
    waiting = session.execute(
        select(SchoolPlan.school_code, SchoolPlan.school_year, School.district)
        .join(School, School.code == SchoolPlan.school_code)
        .where(SchoolPlan.status == PlanStatus.PENDING, ~has_one.correlate(SchoolPlan, School))
        .order_by(SchoolPlan.school_code)
    )
    found = []
    for code, year, district in waiting.all():
        day = day_of_turn(session, application, year, district=district, code=code)
        if day is None or day <= today:
            found.append(code)
    return found


def approve_confirmed(application: Application, load_id: int) -> bool:
    """Say yes to the plans of a year's turn that somebody has said yes to before the day.

    Returns whether the load may be applied. Other loads are left alone.
    """
    with transaction(application.sessions) as session:
        load = session.get_one(Load, load_id)
        if load.cause != LoadCause.YEAR or load.status != LoadStatus.PLANNED:
            return load.cause == LoadCause.YEAR and load.status == LoadStatus.APPROVED
        confirmed = [
            plan.school_code
            for plan in load.plans
            if plan.status == PlanStatus.PLANNED and plan.year_confirmed
        ]
        if not confirmed:
            return False
        now = application.clock()
        try:
            operations.approve(
                session, load_id, scope=SCOPE, now=now, schools=confirmed, over_limits=True,
                city_day=False, limits=application.settings.limits,
            )  # fmt: skip
        except LoadProblem:
            return False  # all schools together lose too much today: the city has to say yes
        operations.ready_to_apply(session, load_id, scope=SCOPE, now=now)
        return True


def left_planned(application: Application) -> Sequence[int]:
    """Return the loads that were planned and then left by a process that ended."""
    with application.sessions() as session:
        left = (
            select(SchoolPlan.load_id)
            .join(Load)
            .where(
                SchoolPlan.status == PlanStatus.PLANNED,
                SchoolPlan.year_confirmed.is_(True),
                Load.cause == LoadCause.YEAR,
                Load.status == LoadStatus.PLANNED,
            )
        )
        return sorted(set(session.scalars(left)))


def set_day(
    session: Session,
    *,
    scope: Scope,
    school_year: str,
    turn_on: date,
    district: str = "",
    school_code: str = "",
    now: datetime,
) -> None:
    """Let the city, a district or a school turn on another day.

    Raises ``Forbidden`` outside of the scope, ``LoadProblem``: ``years.no_such_district``, or
    ``years.not_of_the_year`` for a day more than half a year from the first of September.
    """
    if school_code:
        district = ""
    _check_place(session, scope, district, school_code)
    if district and not session.scalar(select(exists().where(School.district == district))):
        raise LoadProblem("years.no_such_district", district=district)
    first = date(int(school_year[:4]), 9, 1)
    if abs((turn_on - first).days) > _HALF_A_YEAR_DAYS:
        raise LoadProblem("years.not_of_the_year", year=school_year)
    key = school_year, district, school_code
    row = session.get(YearTurn, key)
    if row is None:
        row = YearTurn(school_year=school_year, district=district, school_code=school_code)
        session.add(row)
    row.turn_on, row.set_by, row.set_at = turn_on, scope.actor, now
    audit.record(
        session, AuditAction.YEAR_TURN_SET, at=now, actor=scope.actor, school_year=school_year,
        district=district, school_code=school_code, turn_on=turn_on.isoformat(),
    )  # fmt: skip


_HALF_A_YEAR_DAYS = 183


def _check_place(session: Session, scope: Scope, district: str, school_code: str) -> None:
    if school_code:
        school = session.get(School, school_code)
        if school is None or not scope.sees(school):
            raise Forbidden
    elif scope.role == OperatorRole.DISTRICT and district:
        if district not in scope.items:
            raise Forbidden
    elif not scope.is_city:
        raise Forbidden
