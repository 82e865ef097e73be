"""Find out what became of calls of a plan whose answers never came.

Only of these: after a clean stop nothing more of a load that is to be undone reaches Moodle.
"""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from provisioning.apply import apply
from provisioning.moodle import MoodleError, MoodlePaused
from service import moodle_gate
from service.application import Application
from service.db import transaction
from service.loads import claims
from service.loads.failures import OVER
from service.loads.plan_work import PlanWork, answer_was_lost
from service.models import Load, LoadStatus, PlannedChange, School, SchoolPlan

OVER_OR_STOPPED = (*OVER, LoadStatus.STOPPED)

TRY_AGAIN_AFTER = timedelta(minutes=10)
"""An undoing that Moodle does not let us settle is planned again after so long."""

_BROKEN_OFF = ("internal", "moodle.MoodleUncertain")
"""Problems of a load, beside an ended process, after which its last call may have come through."""


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
        problem, broke_off = load.problem, _broke_off(plan)
        if not claims.take(session, load, application.clock(), set(OVER_OR_STOPPED)):
            return
    try:
        with application.moodle() as moodle:
            work = PlanWork(application, plan, school)
            changes = work.in_doubt(moodle.batch_size if broke_off else 0)
            password = work.first_password if settings.passwords.kept_in == "moodle" else None
            if changes:
                apply(
                    changes, moodle, work, work.record, role_ids=settings.moodle.role_ids,
                    first_password=password, look_first=True, note_doubt=work.doubt,
                    doubted=work.doubted,
                )  # fmt: skip
            work.flush()
            work.settle_doubts(moodle)
        problem = "" if broke_off else problem
    finally:
        with transaction(application.sessions) as session:
            load = session.get_one(Load, load_id)
            if load.claimed_by == claims.own_name():
                load.problem = problem  # as long as it is not settled it is in doubt
                claims.release(load)


def is_in_doubt(session: Session, plan: SchoolPlan) -> bool:
    """Tell whether Moodle may have done something of the plan that we do not know of."""
    lost = PlannedChange.plan_id == plan.id, answer_was_lost()
    return _broke_off(plan) or bool(session.scalar(select(exists().where(*lost))))


def _broke_off(plan: SchoolPlan) -> bool:
    """Tell whether the plan's last call was broken off, so that nobody noted what came of it."""
    problem = plan.load.problem
    is_broken = problem == claims.INTERRUPTED or problem.startswith(_BROKEN_OFF)
    return plan.applied_at is None and is_broken


def put_off(application: Application, load_id: int, error: MoodleError) -> None:
    """Let an undoing that cannot be settled now wait, saying why; a worker plans it again."""
    now = application.clock()
    with transaction(application.sessions) as session:
        claims.renew(session, load_id, now)
        load = session.get_one(Load, load_id)
        load.problem = f"moodle.{type(error).__name__}: {error}"[:1000]
        load.go_on_at = now + TRY_AGAIN_AFTER
        closed = moodle_gate.closed(session, application.settings.quiet, application.zone, now)
        if isinstance(error, MoodlePaused) and closed is not None:
            until = closed.until and f"{closed.until.astimezone(application.zone):%d.%m.%Y %H:%M}"
            load.problem = f"{moodle_gate.GOES_ON_BY_ITSELF}.{closed.why}: {until or ''}"
            load.go_on_at = closed.until or load.go_on_at
        claims.release(load)
