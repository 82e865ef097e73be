"""The queue and its worker: what runs in the background, and nothing else knows RQ.

A job carries only a run's number and re-reads everything, so running it twice is harmless.
"""

from __future__ import annotations

import ctypes
import logging
import signal
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from types import FrameType
from typing import Any

import psutil
import redis
from rq import Queue, Worker
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from auth.models import LogoutNotice
from service.activity.upkeep import read_moodle as read_activity
from service.activity.upkeep import roll_up as roll_activity_up
from service.application import Application, build
from service.config import Settings
from service.db import transaction
from service.housekeeping import clear_away as delete_what_is_over
from service.loads import claims
from service.loads.applying import apply_load as apply_approved
from service.loads.failures import plan_again_by_itself
from service.loads.planning import plan_load as plan_received
from service.logs import set_up_logging
from service.models import LoadStatus
from service.queue_worker import JobBroken, work_on
from service.redis_link import connect_redis


class Work(StrEnum):
    """Kinds of work. Each has a queue and, under ``serve``, a worker of its own: none waits for
    another."""

    LOADS = "loads"
    """Reading files and applying plans: minutes to hours, one after the other."""
    UPKEEP = "upkeep"
    """Short things that should be done soon: sign-outs to tell, roll-ups, mail."""
    MOODLE = "moodle"
    """Reading activity from Moodle, slowly on purpose."""

    @property
    def queue(self) -> str:
        return f"schoolbridge:{self.value}"


FAILURE_KEPT_SECONDS = 3600
"""How long Redis keeps that a job failed. Our log says of what kind and where."""

CLEARED_AWAY = "schoolbridge:cleared-away"
"""A key of Redis that is there while no worker needs to clear away again."""

CLEAR_AWAY_SECONDS = 3600

ROLLED_UP = "schoolbridge:rolled-up"
"""The same for the roll-ups of activity."""

MOODLE_READ = "schoolbridge:moodle-read"
"""The same for reading Moodle."""

UPKEEP_SECONDS = 60
"""Between two roll-ups, and two readings of Moodle."""

REPORTED = "schoolbridge:reported"
"""The same for what reports do on schedule."""

REPORT_SECONDS = 300

log = logging.getLogger(__name__)


class Jobs:
    """The queue as the rest of the application sees it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def plan_load(self, load_id: int) -> None:
        self._enqueue_run(plan_load, load_id)

    def apply_load(self, load_id: int) -> None:
        self._enqueue_run(apply_load, load_id)

    def _enqueue_run(self, job: Callable[[int], None], load_id: int) -> None:
        """Without Redis the run waits, as the database says, for ``resume``."""
        try:
            self._enqueue(Work.LOADS, job, load_id)
        except redis.RedisError as error:
            log.warning(
                "a run waits for Redis", extra={"load": load_id, "error": type(error).__name__}
            )

    def _enqueue(self, work: Work, job: Callable[..., None], *arguments: int) -> None:
        """Unless the same waits already: a queue that nobody works on must not grow.

        No time limit: a large school is applied for hours, and a dead job loses its claim.
        """
        with connect_redis(self._settings) as connection:
            queue = Queue(work.queue, connection=connection)
            name = f"{job.__module__}.{job.__qualname__}"
            if (name, arguments) in _waiting(queue):
                return
            queue.enqueue_call(
                job, arguments, timeout=-1, result_ttl=0, failure_ttl=FAILURE_KEPT_SECONDS
            )

    def _enqueue_now_and_then(
        self, work: Work, job: Callable[[], None], *, key: str, seconds: int
    ) -> None:
        """At most once in so many seconds among all workers."""
        with connect_redis(self._settings) as connection:
            is_due = connection.set(key, "1", nx=True, ex=seconds)
        if is_due:
            self._enqueue(work, job)

    def tell_signed_out(self) -> None:
        """Queue what tells applications of sign-outs. Without Redis it waits for ``upkeep``."""
        try:
            self._enqueue(Work.UPKEEP, tell_signed_out)
        except redis.RedisError as error:
            log.warning("sign-outs wait to be told: %s", type(error).__name__)

    def upkeep(self) -> None:
        """What a worker asks for every few seconds."""
        for work, job, key, seconds in (
            (Work.UPKEEP, clear_away, CLEARED_AWAY, CLEAR_AWAY_SECONDS),
            (Work.UPKEEP, roll_up, ROLLED_UP, UPKEEP_SECONDS - 1),
            (Work.UPKEEP, send_reports, REPORTED, REPORT_SECONDS),
            (Work.MOODLE, read_moodle, MOODLE_READ, UPKEEP_SECONDS - 1),
        ):
            self._enqueue_now_and_then(work, job, key=key, seconds=seconds)
        application = build(self._settings)
        self.tell_if_waiting(application)
        application.engine.dispose()

    def tell_if_waiting(self, application: Application) -> None:
        """``tell_signed_out`` when there is anything to tell."""
        due = LogoutNotice.next_try_at <= application.clock()
        with application.sessions() as session:
            waiting = session.scalar(select(LogoutNotice.id).where(due).limit(1))
        if waiting is not None:
            self.tell_signed_out()

    def resume(self, application: Application) -> None:
        """Queue again what nobody works on though no person stopped it.

        Only the database is asked: what Redis remembers may be lost.
        """
        with transaction(application.sessions) as session:
            left = claims.abandoned(session, application.clock())
        for run in left:
            (self.plan_load if run.status == LoadStatus.RECEIVED else self.apply_load)(run.id)


class _StopFlag:
    """Set by SIGTERM, so that a job ends between two batches instead of inside one."""

    def __init__(self) -> None:
        self.is_set = False
        signal.signal(signal.SIGTERM, self._set)
        # A killed worker must not leave its job running unseen.
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG

    def _set(self, _number: int, _frame: FrameType | None) -> None:
        self.is_set = True

    def __call__(self) -> bool:
        return self.is_set


def plan_load(load_id: int) -> None:
    """Job: read the files of a received run and store its plans."""
    with _told_without_values(f"run {load_id}"):
        application = build()
        with claims.kept_fresh(application.sessions, load_id, application.clock):
            plan_received(application, load_id)


def apply_load(load_id: int) -> None:
    """Job: apply the approved plans of a run."""
    with _told_without_values(f"run {load_id}"):
        application, should_stop = build(), _StopFlag()
        with claims.kept_fresh(application.sessions, load_id, application.clock):
            apply_approved(application, load_id, should_stop=should_stop)
        jobs = Jobs(application.settings)
        if (again := plan_again_by_itself(application, load_id)) is not None:
            jobs.plan_load(again)
        # Who was suspended is signed out of applications too.
        jobs.tell_if_waiting(application)


def clear_away() -> None:
    """Job: delete what counts no more."""
    with _told_without_values("clearing away"):
        delete_what_is_over(build())


def roll_up() -> None:
    """Job: roll up new sign-ins."""
    with _told_without_values("rolling up"):
        roll_activity_up(build())


def read_moodle() -> None:
    """Job: read from Moodle what is due."""
    with _told_without_values("reading Moodle"):
        read_activity(build())


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
    from service.reports.scheduled import publish_due

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
    jobs = Jobs(settings)

    def look() -> None:
        try:
            if Work.MOODLE not in kinds or len(kinds) > 1:
                application = build(settings)
                jobs.resume(application)
                application.engine.dispose()
            if Work.UPKEEP in kinds:
                jobs.upkeep()
        except SQLAlchemyError as error:
            log.warning("the database does not answer", extra={"error": type(error).__name__})

    work_on(
        [kind.queue for kind in kinds],
        lambda: connect_redis(settings),
        look,
        seconds=settings.server.resume_seconds,
        burst=burst,
    )


def _waiting(queue: Queue) -> set[tuple[str | None, tuple[Any, ...]]]:
    """What waits in the queue, each as the name of its function and its arguments."""
    return {(job.func_name, tuple(job.args)) for job in queue.get_jobs()}


def live_workers(connection: redis.Redis, kind: Work = Work.LOADS) -> list[str]:
    """Names of the workers for this work that are really there: a killed one stays registered for
    minutes."""
    queue = Queue(kind.queue, connection=connection)
    return [
        worker.name
        for worker in Worker.all(queue=queue)
        if worker.hostname != socket.gethostname() or psutil.pid_exists(worker.pid or 0)
    ]
