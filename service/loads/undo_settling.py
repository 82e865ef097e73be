"""Find out what became of the last call of a plan that was broken off before it could be noted."""

from __future__ import annotations

from provisioning.apply import apply
from service.application import Application
from service.db import transaction
from service.loads import claims
from service.loads.plan_work import PlanWork
from service.models import Load, LoadStatus, School, SchoolPlan


def settle(application: Application, plan_id: int) -> None:
    """Send the batch again with which a plan broke off, so that all of it is noted.

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
        if not claims.take(session, load, application.clock(), {LoadStatus.STOPPED}):
            return
    try:
        with application.moodle() as moodle:
            work = PlanWork(application, plan, school)
            batch = work.first_batch(moodle.batch_size)
            password = work.first_password if settings.passwords.kept_in == "moodle" else None
            if batch:
                apply(
                    batch, moodle, work, work.record, role_ids=settings.moodle.role_ids,
                    first_password=password,
                )  # fmt: skip
            work.flush()
    finally:
        with transaction(application.sessions) as session:
            load = session.get_one(Load, load_id)
            if load.claimed_by == claims.own_name():
                claims.release(load)
