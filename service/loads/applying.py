"""Apply the approved plans of a load: claim it, send the changes, wait for Moodle, end it.

Everything here is repeatable. A process killed at any moment leaves outcomes that are recorded and
changes that are not; the next one goes on with the latter, and what Moodle already has is adopted.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from itertools import chain
from typing import Any

from sqlalchemy import delete, func, insert, literal, select, update
from sqlalchemy.orm import Session

from provisioning.apply import apply
from provisioning.changes import Result
from provisioning.moodle import MoodleClient, MoodleError, MoodleMisconfigured, MoodleRefused
from provisioning.plan import plan_digest
from provisioning.settings import LimitSettings
from service import audit
from service.application import Application
from service.audit import AuditAction
from service.db import transaction
from service.loads import claims
from service.loads.failures import final_status
from service.loads.plan_work import PAGE, PlanWork, as_change
from service.loads.roll_history import note_roll
from service.models import (
    ClassTeacher,
    Load,
    LoadStatus,
    PlannedChange,
    PlannedClassTeacher,
    PlannedMembership,
    PlanStatus,
    School,
    SchoolMembership,
    SchoolPlan,
)

PATIENCE_SECONDS = (5, 15, 60, 120, 300, 600, 600, 600)
"""Pauses between tries while Moodle does not answer; then the load is stopped and says so.

They begin anew after every change that came through: a long run may meet many short outages.
"""

TRY_AGAIN_AFTER = timedelta(minutes=10)
"""A load that broke off goes on by itself after so long; one whose process ended, at once."""

log = logging.getLogger(__name__)


class PlanAltered(Exception):
    """A stored plan is not the one that somebody approved. Trying again does not help.

    The text is the code of the school, or of several, with commas.
    """


StopCheck = Callable[[], bool]


def apply_load(
    application: Application,
    load_id: int,
    *,
    should_stop: StopCheck = lambda: False,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Apply, or go on applying, a load. Does nothing when it is not approved or already claimed."""
    if not _begin(application, load_id):
        return

    def stop() -> bool:
        return should_stop() or _stop_requested(application, load_id)

    problem, finished, goes_on = "", False, True
    try:
        finished = _apply_patiently(application, load_id, stop, sleep)
    except PlanAltered as altered:
        problem, goes_on = f"plan_altered: {altered}", False
        log.error("a plan is not the approved one", extra={"load": load_id, "problem": problem})
    except MoodleError as error:
        problem = f"moodle.{type(error).__name__}: {error}"
        log.warning("run broke off", extra={"load": load_id, "problem": problem})
    except claims.ClaimLost:
        log.warning("run was taken over", extra={"load": load_id})
        return
    except Exception:
        _end(application, load_id, finished=False, problem="internal")
        raise
    _end(application, load_id, finished=finished, problem=problem, goes_on=goes_on)


def _begin(application: Application, load_id: int) -> bool:
    now = application.clock()
    with transaction(application.sessions) as session:
        load = session.get_one(Load, load_id)
        startable = {LoadStatus.APPROVED, LoadStatus.APPLYING, LoadStatus.STOPPED}
        if load.status not in startable or not claims.take(session, load, now, startable):
            return False
        if load.stop_requested or (load.status == LoadStatus.STOPPED and load.go_on_at is None):
            claims.stop_here(load)
            return False
        load.status, load.problem, load.finished_at = LoadStatus.APPLYING, "", None
    log.info("run begins", extra={"load": load_id})
    return True


def _end(
    application: Application, load_id: int, *, finished: bool, problem: str, goes_on: bool = True
) -> None:
    with transaction(application.sessions) as session:
        load = session.get_one(Load, load_id)
        if load.claimed_by != claims.own_name():
            return  # taken over: the other process says how it ends
        now = application.clock()
        if finished:
            load.status, load.finished_at = final_status(session, load_id), now
            load.problem, load.stop_requested, load.go_on_at = "", False, None
            claims.release(load)
        elif load.stop_requested or not goes_on:
            claims.stop_here(load)
            load.problem, load.stop_requested = problem[:1000], False
        else:
            load.status, load.problem = LoadStatus.STOPPED, (problem or claims.INTERRUPTED)[:1000]
            load.go_on_at = now + TRY_AGAIN_AFTER if problem else now
            claims.release(load)
    log.info("run ends", extra={"load": load_id, "finished": finished})


def _stop_requested(application: Application, load_id: int) -> bool:
    with application.sessions() as session:
        return bool(session.scalar(select(Load.stop_requested).where(Load.id == load_id)))


def _apply_patiently(
    application: Application, load_id: int, stop: StopCheck, sleep: Callable[[float], None]
) -> bool:
    """Apply all plans; while Moodle does not answer, wait and go on where it stopped."""
    with application.moodle() as moodle:
        pauses = iter(PATIENCE_SECONDS)
        while True:
            tried_before = _last_tried(application, load_id)
            try:
                return _apply_plans(application, load_id, moodle, stop)
            except (MoodleMisconfigured, MoodleRefused):
                raise
            except MoodleError as error:
                if _last_tried(application, load_id) != tried_before:
                    pauses = iter(PATIENCE_SECONDS)
                pause = next(pauses, None)
                if pause is None:
                    raise
                log.warning("Moodle does not answer", extra={"load": load_id, "pause": pause})
                _note_problem(application, load_id, f"moodle.{type(error).__name__}: {error}")
                for _second in range(pause):
                    if stop():
                        return False
                    sleep(1)
                    with transaction(application.sessions) as session:
                        claims.renew(session, load_id, application.clock())


def _apply_plans(
    application: Application, load_id: int, moodle: MoodleClient, stop: StopCheck
) -> bool:
    """Apply each plan; False when it was stopped on the way.

    Raises ``PlanAltered`` after the last one for those that were left out.
    """
    altered = []
    for plan_id in _approved_plans(application, load_id):
        try:
            if not _apply_plan(application, plan_id, moodle, stop):
                return False
        except PlanAltered as error:
            altered.append(str(error))
    if altered:
        raise PlanAltered(", ".join(altered))
    return True


def _last_tried(application: Application, load_id: int) -> datetime | None:
    """When the newest outcome of the load was recorded."""
    with application.sessions() as session:
        return session.scalar(
            select(func.max(PlannedChange.tried_at))
            .join(SchoolPlan, SchoolPlan.id == PlannedChange.plan_id)
            .where(SchoolPlan.load_id == load_id)
        )


def _note_problem(application: Application, load_id: int, problem: str) -> None:
    with transaction(application.sessions) as session:
        session.execute(update(Load).where(Load.id == load_id).values(problem=problem[:1000]))


def _approved_plans(application: Application, load_id: int) -> list[int]:
    """Approved ones, and applied ones with changes that can be tried again."""
    retry = select(PlannedChange.plan_id).where(
        PlannedChange.result.in_([Result.FAILED, Result.SKIPPED])
    )
    with application.sessions() as session:
        return list(
            session.scalars(
                select(SchoolPlan.id)
                .where(
                    SchoolPlan.load_id == load_id,
                    (SchoolPlan.status == PlanStatus.APPROVED)
                    | ((SchoolPlan.status == PlanStatus.APPLIED) & SchoolPlan.id.in_(retry)),
                )
                .order_by(SchoolPlan.school_code)
            )
        )


def _apply_plan(
    application: Application, plan_id: int, moodle: MoodleClient, stop: StopCheck
) -> bool:
    """Apply one school's plan; False when it was stopped on the way. Raises ``PlanAltered``."""
    is_approved = _is_as_approved(application, plan_id)
    with transaction(application.sessions) as session:
        plan = session.get_one(SchoolPlan, plan_id)
        # Locked, so that of two plans begun at the same moment the second sees the first.
        school = session.get_one(School, plan.school_code, with_for_update=True)
        if not _is_current(plan, school):
            if plan.status == PlanStatus.APPROVED:  # an applied one stays applied
                plan.status = PlanStatus.SUPERSEDED
            return True
        if plan.status not in (PlanStatus.APPROVED, PlanStatus.APPLIED):
            return True  # somebody said no since the plans were listed
        if not plan.started:
            if not is_approved:
                raise PlanAltered(plan.school_code)
            _take_over_roll(session, plan, school, application.clock())
    work = PlanWork(application, plan, school)
    settings = application.settings
    changes = work.changes()
    first = next(changes, None)
    # apply() asks Moodle what it can do even when there is nothing to do.
    done = first is None or apply(
        chain([first], changes),
        moodle,
        work,
        work.record,
        role_ids=settings.moodle.role_ids,
        first_password=work.first_password if settings.passwords.kept_in == "moodle" else None,
        should_stop=stop,
    )
    work.flush()
    if not done:
        return False
    now = application.clock()
    with transaction(application.sessions) as session:
        plan = session.get_one(SchoolPlan, plan_id)
        school = session.get_one(School, plan.school_code)
        plan.status, plan.applied_at = PlanStatus.APPLIED, now
        school.last_applied_at = now
        _supersede_others(plan, school)
        audit.record(
            session, AuditAction.PLAN_APPLY, at=now, actor=audit.WORKER, load_id=plan.load_id,
            school_code=plan.school_code, digest=plan.digest,
        )  # fmt: skip
    return True


def _is_as_approved(application: Application, plan_id: int) -> bool:
    """Whether the stored plan is the one whose digest was approved, limits and all."""
    with application.sessions() as session:
        plan = session.get_one(SchoolPlan, plan_id)
        if plan.started:
            return True
        if plan.breaches and not plan.limits_confirmed:
            return False
        for breaches in _as_hashed(plan.breaches, application.settings.limits):
            rows = session.scalars(
                select(PlannedChange)
                .where(PlannedChange.plan_id == plan_id)
                .order_by(PlannedChange.position)
                .execution_options(yield_per=PAGE)
            )
            if plan_digest(plan.school_code, breaches, map(as_change, rows)) == plan.digest:
                return True
    return False


def _as_hashed(
    breaches: list[dict[str, Any]], limits: LimitSettings
) -> Iterator[list[dict[str, Any]]]:
    """Yield the breaches as digests have them, then as those of earlier versions had them.

    An earlier version hashed the allowed share too, and did not store it.
    """
    yield breaches
    shares = {"suspended": limits.max_suspended_share, "updated": limits.max_updated_share}
    if breaches and all(one["limit"] in shares for one in breaches):
        yield [{**one, "allowed_share": shares[one["limit"]]} for one in breaches]


def _is_current(plan: SchoolPlan, school: School) -> bool:
    """Whether nothing else of this school was applied since the plan was made (or begun)."""
    return plan.known_version == school.known_version


def _take_over_roll(session: Session, plan: SchoolPlan, school: School, now: datetime) -> None:
    """From here on the file's roll is the school's roll, and older files are refused."""
    note_roll(session, plan, now)
    session.execute(
        delete(SchoolMembership).where(SchoolMembership.school_code == plan.school_code)
    )
    columns = ["school_code", "person_id", "role", "class_id", "class_title"]
    values = select(
        literal(plan.school_code),
        PlannedMembership.person_id,
        PlannedMembership.role,
        PlannedMembership.class_id,
        PlannedMembership.class_title,
    ).where(PlannedMembership.plan_id == plan.id)
    session.execute(insert(SchoolMembership).from_select(columns, values))
    _take_over_class_teachers(session, plan)
    school.last_exported_at = plan.exported_at
    plan.started = True
    _supersede_others(plan, school)


def _take_over_class_teachers(session: Session, plan: SchoolPlan) -> None:
    """What the file says of a class replaces what was known; other classes stay as they are."""
    planned = PlannedClassTeacher
    named = select(planned.class_id).where(planned.plan_id == plan.id)
    session.execute(
        delete(ClassTeacher).where(
            ClassTeacher.school_code == plan.school_code, ClassTeacher.class_id.in_(named)
        )
    )
    values = select(literal(plan.school_code), planned.class_id, planned.person_id).where(
        planned.plan_id == plan.id, planned.person_id != ""
    )
    columns = ["school_code", "class_id", "person_id"]
    session.execute(insert(ClassTeacher).from_select(columns, values))


def _supersede_others(plan: SchoolPlan, school: School) -> None:
    """What is known has changed: a plan made before, or on the way, was made against less."""
    school.known_version += 1
    plan.known_version = school.known_version
