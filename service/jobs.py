"""Background jobs, each a function that ``queue`` names, and the worker that runs them."""

from __future__ import annotations

import logging
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import Event

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from auth.models import LogoutNotice
from service.activity.upkeep import read_moodle as read_activity
from service.activity.upkeep import roll_up as roll_activity_up
from service.application import Application, build
from service.db import transaction
from service.housekeeping import clear_away as delete_what_is_over
from service.loads import claims, closings, due, years, years_ahead
from service.loads.applying import apply_load as apply_approved
from service.loads.failures import plan_again_by_itself
from service.loads.planning import plan_load as plan_received
from service.logs import set_up_logging
from service.models import LoadStatus
from service.processes import end_with_parent
from service.queue import JobName, JobQueue, Work
from service.queue_worker import JobBroken, work_on
from service.redis_link import connect_redis
from service.settings import Settings

UPKEEP: tuple[tuple[Work, JobName, int], ...] = (
    (Work.UPKEEP, "clear_away", 3600),
    (Work.UPKEEP, "roll_up", 59),
    (Work.UPKEEP, "send_reports", 300),
    (Work.UPKEEP, "plan_due", 3600),
    (Work.MOODLE, "read_moodle", 59),
    (Work.MOODLE, "look_at_moodle", 600),
)
"""What comes back again and again: where, which job, at most once in so many seconds."""

OF_TIME = (
    (due.begin, due.left_planned, due.approve_within_limits),
    (years.begin, years.left_planned, years.approve_confirmed),
    (years_ahead.begin, years_ahead.left_planned, years_ahead.approve),
)
"""Loads that time alone begins: what begins one, which were left planned, what says yes to one."""

log = logging.getLogger(__name__)


def _stop_flag() -> Callable[[], bool]:
    """Let SIGTERM end a job between two batches instead of inside one; tells whether it came."""
    told = Event()
    signal.signal(signal.SIGTERM, lambda _number, _frame: told.set())
    # A killed worker must not leave its job running unseen.
    end_with_parent()
    return told.is_set


def plan_load(load_id: int) -> None:
    """Job: read the files of a received load and store its plans."""
    with _told_without_values(f"load {load_id}"):
        application = build()
        with claims.kept_fresh(application.sessions, load_id, application.clock):
            plan_received(application, load_id)
        if any(approve(application, load_id) for _begin, _left, approve in OF_TIME):
            JobQueue(application.settings).apply_load(load_id)


def apply_load(load_id: int) -> None:
    """Job: apply the approved plans of a load."""
    with _told_without_values(f"load {load_id}"):
        application, should_stop = build(), _stop_flag()
        with claims.kept_fresh(application.sessions, load_id, application.clock):
            apply_approved(application, load_id, should_stop=should_stop)
        queue = JobQueue(application.settings)
        if (again := plan_again_by_itself(application, load_id)) is not None:
            queue.plan_load(again)
        # Who was suspended is signed out of applications too.
        _tell_if_waiting(application, queue)


def rehearse(rehearsal_id: int) -> None:
    """Job: carry out an ordered rehearsal."""
    # Only this job pays for the stand-in.
    from service.loads.rehearsals import carry_out

    with _told_without_values(f"rehearsal {rehearsal_id}"):
        application, should_stop = build(), _stop_flag()
        carry_out(application, rehearsal_id, should_stop=should_stop)


def adopt(run_id: int) -> None:
    """Job: go on with looking at accounts that others made in Moodle, or with taking them over."""
    # Only this job pays for what compares accounts.
    from service.portal.adopt import go_on

    with _told_without_values(f"adoption {run_id}"):
        application, should_stop = build(), _stop_flag()
        load_id = go_on(application, run_id, should_stop=should_stop)
        if load_id is not None:
            JobQueue(application.settings).plan_load(load_id)


plan_run, apply_run = plan_load, apply_load
"""The names under which jobs of an earlier version may still wait in Redis."""


def clear_away() -> None:
    """Job: delete what has expired."""
    with _told_without_values("clearing away"):
        delete_what_is_over(build())


def roll_up() -> None:
    """Job: roll up new sign-ins."""
    with _told_without_values("rolling up"):
        roll_activity_up(build())


def plan_due() -> None:
    """Job: plan what time alone changes; what is within the limits is applied too."""
    with _told_without_values("what is due"):
        application = build()
        queue = JobQueue(application.settings)
        for _begin, left_planned, approve in OF_TIME:
            for load_id in left_planned(application):
                if approve(application, load_id):
                    queue.apply_load(load_id)
        for load_id in closings.begin(application):
            queue.apply_load(load_id)
        for begin, _left, _approve in OF_TIME:
            if (begun := begin(application)) is not None:
                queue.plan_load(begun)


def read_moodle() -> None:
    """Job: read from Moodle what is due."""
    with _told_without_values("reading Moodle"):
        read_activity(build())


def look_at_moodle() -> None:
    """Job: look into Moodle for what was changed there by hand, when such a look is due."""
    # Only this job pays for what compares and plans.
    from service.portal.asking import take_asked
    from service.portal.schedule import look_if_due

    with _told_without_values("looking into Moodle"):
        application, should_stop = build(), _stop_flag()
        take_asked(application, should_stop=should_stop)
        if (load_id := look_if_due(application, should_stop=should_stop)) is not None:
            JobQueue(application.settings).apply_load(load_id)


def look_asked() -> None:
    """Job: take the looks into Moodle that operators have asked for."""
    from service.portal.asking import take_asked

    with _told_without_values("looking into Moodle"):
        take_asked(build(), should_stop=_stop_flag())


def tell_signed_out() -> None:
    """Job: tell applications who signed out."""
    # Only this job pays for what signs and sends the notices.
    from service.signin.provider import tell_signed_out as tell_applications

    with _told_without_values("telling of sign-outs"):
        tell_applications(build())


def send_reports() -> None:
    """Job: publish the reports that are due, and send the mail that waits."""
    # Only this job pays for the reports.
    from service.mailing.rounds import send_round
    from service.reports.publishing import publish_due

    with _told_without_values("reports on schedule"):
        application = build()
        publish_due(application)
        send_round(application)


@contextmanager
def _told_without_values(work: str) -> Iterator[None]:
    try:
        yield
    except Exception:
        log.exception("job broke", extra={"job": work})
    else:
        return
    raise JobBroken(f"{work}: see the log")


def work(settings: Settings, kinds: Sequence[Work] = tuple(Work), *, burst: bool = False) -> None:
    """Do these kinds of work until SIGTERM; with ``burst`` until there is none left.

    A worker for loads or upkeep looks for loads that nobody works on; one for upkeep also says
    when it is time for what comes back again and again.
    """
    set_up_logging()
    queue = JobQueue(settings)

    def look() -> None:
        try:
            if set(kinds) == {Work.MOODLE}:
                return
            application = build(settings)
            resume(application, queue)
            if Work.UPKEEP in kinds:
                upkeep(application, queue)
            application.engine.dispose()
        except SQLAlchemyError as error:
            log.warning("the database does not answer", extra={"error": type(error).__name__})

    work_on(
        [kind.queue for kind in kinds],
        lambda: connect_redis(settings),
        look,
        seconds=settings.server.resume_seconds,
        burst=burst,
    )


def upkeep(application: Application, queue: JobQueue) -> None:
    """Queue what is due. A worker asks every few seconds."""
    for kind, job, seconds in UPKEEP:
        queue.enqueue_now_and_then(kind, job, seconds=seconds)
    _tell_if_waiting(application, queue)


def resume(application: Application, queue: JobQueue) -> None:
    """Queue again what nobody works on though no person stopped it.

    Only the database is asked: what Redis remembers may be lost.
    """
    with transaction(application.sessions) as session:
        left = claims.abandoned(session, application.clock())
    for load in left:
        (queue.plan_load if load.status == LoadStatus.RECEIVED else queue.apply_load)(load.id)


def _tell_if_waiting(application: Application, queue: JobQueue) -> None:
    """Queue what tells applications of sign-outs when one of them is to be told."""
    due = LogoutNotice.next_try_at <= application.clock()
    with application.sessions() as session:
        waiting = session.scalar(select(LogoutNotice.id).where(due).limit(1))
    if waiting is not None:
        queue.tell_signed_out()
