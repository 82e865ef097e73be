"""The queue of background jobs, which it names and does not import: they are in ``jobs``.

A job carries only a load's number and re-reads everything, so running it twice is harmless.
"""

from __future__ import annotations

import logging
import socket
from enum import StrEnum
from typing import Literal

import psutil
import redis
from rq import Queue, Worker

from service.redis_link import connect_redis
from service.settings import Settings


class Work(StrEnum):
    """Kinds of work. Each has a queue and, under ``serve``, a worker of its own: none waits for
    another."""

    LOADS = "loads"
    """Reading files and applying plans: minutes to hours, one after the other."""
    UPKEEP = "upkeep"
    """Short things that should be done soon: sign-outs to tell, roll-ups, mail."""
    MOODLE = "moodle"
    """What takes long and no account waits for: reading Moodle, slowly on purpose; rehearsals."""

    @property
    def queue(self) -> str:
        return f"schoolbridge:{self.value}"


FAILURE_KEPT_SECONDS = 3600
"""How long Redis keeps that a job failed. Our log says of what kind and where."""

JobName = Literal[
    "plan_load", "apply_load", "tell_signed_out", "clear_away", "roll_up", "send_reports",
    "read_moodle", "plan_due", "look_at_moodle", "look_asked", "rehearse", "adopt",
]  # fmt: skip
"""A function of ``service.jobs``."""

log = logging.getLogger(__name__)


class JobQueue:
    """The queue as the rest of the application sees it.

    What has its work in the database as well outlives a missing Redis: workers look there.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def plan_load(self, load_id: int) -> None:
        self._enqueue_if_possible(Work.LOADS, "plan_load", load_id)

    def apply_load(self, load_id: int) -> None:
        self._enqueue_if_possible(Work.LOADS, "apply_load", load_id)

    def look_asked(self) -> None:
        """Queue the looks into Moodle that operators have asked for."""
        self._enqueue_if_possible(Work.MOODLE, "look_asked")

    def rehearse(self, rehearsal_id: int) -> bool:
        """Queue a rehearsal; False when Redis does not answer: nobody would look for it later."""
        return self._enqueue_if_possible(Work.MOODLE, "rehearse", rehearsal_id)

    def adopt(self, run_id: int) -> bool:
        """Queue what is next of taking over accounts; False when Redis does not answer."""
        return self._enqueue_if_possible(Work.MOODLE, "adopt", run_id)

    def tell_signed_out(self) -> None:
        """Queue what tells applications of sign-outs."""
        self._enqueue_if_possible(Work.UPKEEP, "tell_signed_out")

    def _enqueue_if_possible(self, work: Work, job: JobName, *arguments: int) -> bool:
        try:
            self._enqueue(work, job, *arguments)
            return True
        except redis.RedisError as error:
            name = " ".join(map(str, (job, *arguments)))
            log.warning("a job waits for Redis", extra={"job": name, "error": type(error).__name__})
            return False

    def enqueue_now_and_then(self, work: Work, job: JobName, *, seconds: int) -> None:
        """Queue the job at most once in so many seconds, whichever worker asks."""
        with connect_redis(self._settings) as connection:
            is_due = connection.set(f"schoolbridge:last:{job}", "1", nx=True, ex=seconds)
        if is_due:
            self._enqueue(work, job)

    def _enqueue(self, work: Work, job: JobName, *arguments: int) -> None:
        """Unless the same waits already: a queue that nobody works on must not grow.

        No time limit: a large school is applied for hours, and a dead job loses its claim.
        """
        name = f"service.jobs.{job}"
        with connect_redis(self._settings) as connection:
            queue = Queue(work.queue, connection=connection)
            waiting = {(job.func_name, tuple(job.args)) for job in queue.get_jobs()}
            if (name, arguments) not in waiting:
                queue.enqueue_call(
                    name, arguments, timeout=-1, result_ttl=0, failure_ttl=FAILURE_KEPT_SECONDS
                )


def live_workers(connection: redis.Redis, kind: Work = Work.LOADS) -> list[str]:
    """Names of the workers for this work that are really there: a killed one stays registered for
    minutes."""
    queue = Queue(kind.queue, connection=connection)
    return [
        worker.name
        for worker in Worker.all(queue=queue)
        if worker.hostname != socket.gethostname() or psutil.pid_exists(worker.pid or 0)
    ]
