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

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from provisioning.apply import apply
from provisioning.changes import Result
from provisioning.moodle import (
    MoodleClient,
    MoodleError,
    MoodleMisconfigured,
    MoodlePaused,
    MoodleRefused,
    MoodleStopped,
    MoodleUnavailable,
)
from provisioning.plan import plan_digest
from provisioning.settings import LimitSettings
from service import audit, moodle_gate
from service.application import Application
from service.audit import AuditAction
from service.db import transaction
from service.loads import city_day, claims, replanning, rosters, school_changes, undo_taking_over
from service.loads.failures import final_status
from service.loads.left_alone import settle
from service.loads.plan_work import PAGE, PlanWork, as_change
from service.loads.roll_history import end_places
from service.loads.taking_over import supersede_others, take_over_roll
from service.models import (
    Load,
    LoadCause,
    LoadStatus,
    PlannedChange,
    PlanStatus,
    School,
    SchoolPlan,
)

PATIENCE_SECONDS = (5, 15, 60, 120, 300, 600, 600, 600)
"""Pauses between tries while Moodle does not answer; then the load is stopped and says so.

They begin anew after every change that came through: a long load may meet many short outages.
"""

LONGEST_ASKED_SECONDS = 3600
"""Moodle may ask for a longer pause (Retry-After), up to this."""

LOOK_SECONDS = 3
"""During a long pause it is looked so often whether somebody wants the load to stop."""

LOOK_AT_GATE_AFTER = timedelta(minutes=1)
"""A load waits so long before it looks again at a gate that nobody said when to open."""

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
    applying = _Applying(application, load_id, should_stop)
    if not applying.begin():
        return
    problem, finished, goes_on = "", False, True
    try:
        finished = applying.apply_patiently(sleep)
    except MoodlePaused:
        applying.wait_at_gate()
        return
    except PlanAltered as altered:
        problem, goes_on = f"plan_altered: {altered}", False
        log.error("a plan is not the approved one", extra={"load": load_id, "problem": problem})
    except MoodleError as error:
        problem = _problem_of(error)
        log.warning("load broke off", extra={"load": load_id, "problem": problem})
    except claims.ClaimLost:
        log.warning("load was taken over", extra={"load": load_id})
        return
    except Exception:
        applying.end(finished=False, problem="internal")
        raise
    applying.end(finished=finished, problem=problem, goes_on=goes_on)


def _problem_of(error: MoodleError) -> str:
    return f"moodle.{type(error).__name__}: {error}"


class _Applying:
    """One process at work on one load."""

    def __init__(self, application: Application, load_id: int, should_stop: StopCheck) -> None:
        self._application = application
        self._sessions = application.sessions
        self._load_id = load_id
        self._should_stop = should_stop

    def begin(self) -> bool:
        now = self._application.clock()
        with transaction(self._sessions) as session:
            load = session.get_one(Load, self._load_id)
            startable = {LoadStatus.APPROVED, LoadStatus.APPLYING, LoadStatus.STOPPED}
            if load.status not in startable or not claims.take(session, load, now, startable):
                return False
            if load.stop_requested or (load.status == LoadStatus.STOPPED and load.go_on_at is None):
                claims.stop_here(load)
                return False
            if self._waits_at_gate(session, load, now):
                return False
            load.status, load.problem, load.finished_at = LoadStatus.APPLYING, "", None
        log.info("load begins", extra={"load": self._load_id})
        return True

    def wait_at_gate(self) -> None:
        """End for now, because nothing may be written to Moodle; a worker goes on later."""
        now = self._application.clock()
        with transaction(self._sessions) as session:
            load = session.get_one(Load, self._load_id)
            if load.claimed_by != claims.own_name():
                return
            if load.stop_requested:
                claims.stop_here(load)
                load.stop_requested, load.problem = False, ""
            elif not self._waits_at_gate(session, load, now):
                # Opened in this moment.
                load.status, load.problem, load.go_on_at = LoadStatus.STOPPED, "", now
                claims.release(load)
            load.waits_until = None

    def _waits_at_gate(self, session: Session, load: Load, now: datetime) -> bool:
        """Tell whether the gate is closed; then the load says so, and is nobody's."""
        application = self._application
        closed = moodle_gate.closed(session, application.settings.quiet, application.zone, now)
        if closed is None:
            return False
        if load.status == LoadStatus.APPLYING:
            load.status = LoadStatus.STOPPED
        until = closed.until and f"{closed.until.astimezone(application.zone):%d.%m.%Y %H:%M}"
        load.problem = f"{moodle_gate.GOES_ON_BY_ITSELF}.{closed.why}: {until or ''}"
        load.go_on_at = closed.until or now + LOOK_AT_GATE_AFTER
        load.beginnings = 0
        claims.release(load)
        log.info("load waits, nothing may be written", extra={"load": load.id})
        return True

    def end(self, *, finished: bool, problem: str, goes_on: bool = True) -> None:
        with transaction(self._sessions) as session:
            load = session.get_one(Load, self._load_id)
            if load.claimed_by != claims.own_name():
                return  # taken over: the other process says how it ends
            now = self._application.clock()
            load.problem, load.waits_until = problem[:1000], None
            if finished:
                load.status, load.finished_at = final_status(session, self._load_id), now
                load.stop_requested, load.go_on_at = False, None
                claims.release(load)
            elif load.stop_requested or not goes_on:
                claims.stop_here(load)
                load.stop_requested = False
            else:
                load.status, load.problem = LoadStatus.STOPPED, load.problem or claims.INTERRUPTED
                load.go_on_at = now + TRY_AGAIN_AFTER if problem else now
                claims.release(load)
        log.info("load ends", extra={"load": self._load_id, "finished": finished})

    def _stop(self) -> bool:
        if self._should_stop():
            return True
        with self._sessions() as session:
            wish = select(Load.stop_requested).where(Load.id == self._load_id)
            return bool(session.scalar(wish))

    def apply_patiently(self, sleep: Callable[[float], None]) -> bool:
        """Apply all plans; while Moodle does not answer, wait and go on where it stopped."""
        with self._application.moodle() as moodle:
            moodle.stop_waiting_if(self._stop)
            pauses = iter(PATIENCE_SECONDS)
            while True:
                tried_before = self._last_tried()
                try:
                    return self._apply_plans(moodle)
                except MoodleStopped:
                    return False
                except (MoodleMisconfigured, MoodlePaused, MoodleRefused):
                    raise
                except MoodleError as error:
                    if self._last_tried() != tried_before:
                        pauses = iter(PATIENCE_SECONDS)
                    pause = next(pauses, None)
                    if pause is None:
                        raise
                    if isinstance(error, MoodleUnavailable):
                        asked = int(error.retry_after_seconds or 0)
                        pause = max(pause, min(asked, LONGEST_ASKED_SECONDS))
                    if not self._wait(pause, _problem_of(error), sleep):
                        return False

    def _wait(self, seconds: int, problem: str, sleep: Callable[[float], None]) -> bool:
        """Wait, and say why and until when; False when it is to stop."""
        log.warning("Moodle does not answer", extra={"load": self._load_id, "pause": seconds})
        with transaction(self._sessions) as session:
            load = session.get_one(Load, self._load_id)
            load.problem = problem[:1000]
            load.waits_until = self._application.clock() + timedelta(seconds=seconds)
        step = 1 if seconds < 60 else LOOK_SECONDS
        for _step in range(0, seconds, step):
            if self._stop():
                return False
            sleep(step)
            with transaction(self._sessions) as session:
                claims.renew(session, self._load_id, self._application.clock())
        with transaction(self._sessions) as session:
            session.get_one(Load, self._load_id).waits_until = None
        return True

    def _last_tried(self) -> datetime | None:
        """Return when Moodle did something of the load for the last time."""
        newest = select(func.max(PlannedChange.tried_at)).join(SchoolPlan)
        mine = SchoolPlan.load_id == self._load_id, PlannedChange.result == Result.DONE
        with self._sessions() as session:
            return session.scalar(newest.where(*mine))

    def _apply_plans(self, moodle: MoodleClient) -> bool:
        """Apply the approved plans, and applied ones with changes that can be tried again.

        False when it was stopped on the way. Raises ``PlanAltered`` after the last plan for those
        that were left out.
        """
        retry = select(PlannedChange.plan_id).where(
            PlannedChange.result.in_([Result.FAILED, Result.SKIPPED])
        )
        is_open = (SchoolPlan.status == PlanStatus.APPROVED) | (
            (SchoolPlan.status == PlanStatus.APPLIED) & SchoolPlan.id.in_(retry)
        )
        plans = select(SchoolPlan.id).where(SchoolPlan.load_id == self._load_id, is_open)
        with self._sessions() as session:
            plan_ids = session.scalars(plans.order_by(SchoolPlan.school_code)).all()
        altered = []
        for plan_id in plan_ids:
            try:
                if not self._apply_plan(plan_id, moodle):
                    return False
            except PlanAltered as error:
                altered.append(str(error))
        if altered:
            raise PlanAltered(", ".join(altered))
        return True

    def _apply_plan(self, plan_id: int, moodle: MoodleClient) -> bool:
        """Apply one school's plan; False when it was stopped on the way. Raises ``PlanAltered``."""
        application, settings = self._application, self._application.settings
        is_approved, begun_before = self._is_as_approved(plan_id), True
        with transaction(self._sessions) as session:
            plan = session.get_one(SchoolPlan, plan_id, with_for_update=True)
            of_rows = plan.load.cause == LoadCause.ROWS
            # Locked, so that of two plans begun at the same moment the second sees the first.
            school = session.get_one(School, plan.school_code, with_for_update=True)
            is_overtaken = school_changes.is_overtaken(session, plan) or (
                not plan.started
                and (
                    replanning.is_awaited(session, plan)
                    or (of_rows and rosters.is_overtaken(session, plan))
                    or undo_taking_over.is_overtaken(session, plan)
                )
            )
            if plan.known_version != school.known_version or is_overtaken:
                # Another plan was applied since.
                if plan.status == PlanStatus.APPROVED:  # an applied one stays applied
                    plan.status = PlanStatus.SUPERSEDED
                return True
            if plan.status not in (PlanStatus.APPROVED, PlanStatus.APPLIED):
                return True  # somebody said no since the plans were listed
            if not plan.started:
                begun_before = False
                if not is_approved:
                    raise PlanAltered(plan.school_code)
                if self._is_too_much_for_a_day(session, plan):
                    return True
                take_over_roll(session, plan, school, application.clock())
                school_changes.take_over(session, plan, application.clock())
                if plan.load.cause == LoadCause.DUE:
                    now = application.clock()
                    if end_places(session, plan, now, now.astimezone(application.zone).date()):
                        supersede_others(plan, school)
        work = PlanWork(application, plan, school)
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
            should_stop=self._stop,
            look_first=begun_before,
            note_doubt=work.doubt,
            doubted=work.doubted,
        )
        work.flush()
        if not done:
            return False
        work.settle_doubts(moodle)
        now = application.clock()
        with transaction(self._sessions) as session:
            plan = session.get_one(SchoolPlan, plan_id)
            school = session.get_one(School, plan.school_code)
            plan.status, plan.applied_at = PlanStatus.APPLIED, now
            settle(session, plan)
            if not plan.keeps_roll:
                school.last_applied_at = now
                supersede_others(plan, school)
            audit.record(
                session, AuditAction.PLAN_APPLY, at=now, actor=audit.WORKER, load_id=plan.load_id,
                school_code=plan.school_code, digest=plan.digest,
            )  # fmt: skip
        return True

    def _is_too_much_for_a_day(self, session: Session, plan: SchoolPlan) -> bool:
        """Count the plan from now on; one that is too much goes back and waits for the city."""
        now, limits = self._application.clock(), self._application.settings.limits
        plan.counted_at = now
        session.flush()  # before the others are read: it keeps other workers out
        city_day.hold(session)
        if plan.city_confirmed or not city_day.over(session, [plan], limits, now).concerns(plan):
            return False
        plan.status, plan.counted_at, plan.limits_confirmed = PlanStatus.PLANNED, None, False
        audit.record(
            session, AuditAction.PLAN_HOLD, at=now, actor=audit.WORKER, load_id=plan.load_id,
            school_code=plan.school_code,
        )  # fmt: skip
        log.warning("a plan waits for the city", extra={"load": plan.load_id})
        return True

    def _is_as_approved(self, plan_id: int) -> bool:
        """Tell whether the stored plan is the one whose digest was approved, limits and all."""
        with self._sessions() as session:
            plan = session.get_one(SchoolPlan, plan_id)
            if plan.started:
                return True
            if plan.breaches and not plan.limits_confirmed:
                return False
            for breaches in _as_hashed(plan.breaches, self._application.settings.limits):
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
