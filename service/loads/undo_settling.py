"""Find out what became of calls of a plan whose answers never came."""

from __future__ import annotations

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from provisioning.apply import apply
from provisioning.changes import Result
from service.application import Application
from service.db import transaction
from service.loads import claims
from service.loads.failures import OVER
from service.loads.plan_work import LOST, PlanWork
from service.models import Load, LoadStatus, PlannedChange, School, SchoolPlan

OVER_OR_STOPPED = (*OVER, LoadStatus.STOPPED)


def settle(application: Application, plan_id: int) -> None:
    """Send again what is in doubt, so that all of it is noted.

    Moodle may have it or not; after this it has it, and the undoing takes it back with the rest.
    The changes were approved. Raises ``MoodleError``.
    """
    settings = application.settings
    with transaction(application.sessions) as session:
        plan = session.get_one(SchoolPlan, plan_id)
        school, load_id = session.get_one(School, plan.school_code), plan.load_id
        load = session.get_one(Load, load_id)
        if plan.known_version != school.known_version:
            return  # another load was planned from what was noted
        if not claims.take(session, load, application.clock(), set(OVER_OR_STOPPED)):
            return
    try:
        with application.moodle() as moodle:
            work = PlanWork(application, plan, school)
            changes = work.in_doubt(moodle.batch_size)
            password = work.first_password if settings.passwords.kept_in == "moodle" else None
            if changes:
                apply(
                    changes, moodle, work, work.record, role_ids=settings.moodle.role_ids,
                    first_password=password, look_first=True, note_doubt=work.doubt,
                    doubted=work.doubted,
                )  # fmt: skip
            work.flush()
            work.settle_doubts(moodle)
    finally:
        with transaction(application.sessions) as session:
            load = session.get_one(Load, load_id)
            if load.claimed_by == claims.own_name():
                claims.release(load)


def is_in_doubt(session: Session, plan: SchoolPlan) -> bool:
    """Tell whether Moodle may have done something of the plan that we do not know of."""
    lost = PlannedChange.code.in_(LOST) | PlannedChange.code.startswith("http_")
    failed = PlannedChange.plan_id == plan.id, PlannedChange.result == Result.FAILED, lost
    return plan.applied_at is None or bool(session.scalar(select(exists().where(*failed))))
