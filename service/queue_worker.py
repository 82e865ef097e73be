"""RQ's worker as ours: it lives through a lost or emptied Redis, and keeps no text of a failure.

What a job left undone is in the database, so nothing here is worth ending the worker for.
"""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from threading import Event
from types import FrameType
from typing import Any

import redis
from rq import Queue, Worker, worker_registration
from rq.exceptions import DeserializationError, StopRequested
from rq.job import Job
from rq.utils import as_text

from service.processes import ENDING, signals_wait

RECONNECT_SECONDS = 1.0

log = logging.getLogger(__name__)


class JobBroken(Exception):
    """A fault of ours. The cause is in our log already."""


def work_on(
    queues: Sequence[str],
    connect: Callable[[], redis.Redis],
    look: Callable[[], None],
    *,
    seconds: int,
    burst: bool,
) -> None:
    """Work on the queues until SIGTERM, or with ``burst`` until they are empty.

    ``look`` is called at the beginning and then every ``seconds`` between two jobs. Whatever
    happens to Redis, this goes on as soon as it answers.
    """
    told = Event()
    while not told.is_set():
        # A signal reaches the worker of the round before until the next one begins to work.
        with suppress(StopRequested):
            with _outliving_redis("the worker lost Redis"):
                worker = _make_worker(queues, connect(), seconds)
                worker.look, worker.told = look, told
                worker.forget_failures()
                try:
                    worker.work(burst=burst, logging_level="WARNING")
                finally:
                    if worker.horse_pid:
                        worker.wait_for_horse()
            if burst:
                return
            told.wait(RECONNECT_SECONDS)


def _make_worker(queues: Sequence[str], connection: redis.Redis, seconds: int) -> _Worker:
    worker = _Worker(
        [Queue(name, connection=connection) for name in queues],
        connection=connection,
        maintenance_interval=seconds,
        # It waits for a job 15 seconds less than that, and only then looks at the clock.
        worker_ttl=seconds + 15,
        job_monitoring_interval=seconds,
    )
    worker.log_job_description = False
    return worker


@contextmanager
def _outliving_redis(what: str) -> Iterator[None]:
    try:
        yield
    except redis.RedisError as error:
        log.warning("%s: %s", what, type(error).__name__)


class _Worker(Worker):
    look: Callable[[], None]
    told: Event
    """Set when it was told to stop.

    The exception by which RQ says so can be lost: Python drops one that arrives inside a finalizer,
    and libraries suppress any while they close connections. So this is asked too.
    """
    forking = False
    max_connection_wait_time = 5.0

    def forget_failures(self) -> None:
        """What earlier versions kept of failed jobs, with the texts of exceptions, for a year."""
        for queue in self.queues:
            failed = queue.failed_job_registry
            for job in failed.get_job_ids(cleanup=False):
                self.connection.delete(Job.key_for(job), f"rq:results:{job}")
                failed.remove(job)

    def run_maintenance_tasks(self) -> None:
        super().run_maintenance_tasks()  # type: ignore[no-untyped-call]
        self.look()

    def request_stop(self, signum: int, frame: FrameType | None) -> None:
        """Being told to stop also tells the job, which ends at a batch."""
        self.told.set()
        if self.forking:  # no exception now: the job would be lost from sight
            return
        if self.horse_pid:
            self._tell_job()
        # It writes to Redis that it was told; without Redis it waits for its job all the same.
        with suppress(redis.RedisError):
            super().request_stop(signum, frame)  # type: ignore[no-untyped-call]

    def heartbeat(self, timeout: int | None = None, pipeline: Any = None) -> None:
        if pipeline is not None:
            super().heartbeat(timeout, pipeline)
            return
        if self.told.is_set() and not self.horse_pid:
            raise StopRequested
        with _outliving_redis("the worker cannot say that it lives"):
            super().heartbeat(timeout)
            self._register_again()

    def fork_work_horse(self, job: Job, queue: Queue) -> None:
        """A signal in the middle of it is passed on to the job; there it waits for its handler."""
        self.forking = True
        try:
            with signals_wait():
                super().fork_work_horse(job, queue)
        finally:
            self.forking = False
        if self.told.is_set():
            self._tell_job()

    def _tell_job(self) -> None:
        with suppress(ProcessLookupError):
            os.kill(self.horse_pid, signal.SIGTERM)

    def setup_work_horse_signals(self) -> None:
        super().setup_work_horse_signals()  # type: ignore[no-untyped-call]
        signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING)

    def maintain_heartbeats(self, job: Job, execution: Any) -> None:
        """While a job is at work, which goes on whether Redis is there or not."""
        with _outliving_redis("the worker cannot say that it lives"):
            super().maintain_heartbeats(job, execution)
            self._register_again()

    def _register_again(self) -> None:
        """A worker registers once, and an emptied Redis knows nothing of it."""
        registered = self.connection.smembers(self.redis_workers_keys)
        if self.key in {as_text(key) for key in registered}:
            return
        with self.connection.pipeline() as pipeline:
            pipeline.hset(self.key, mapping=self.serialize())
            worker_registration.register(self, pipeline)
            pipeline.expire(self.key, self.worker_ttl + 60)
            pipeline.execute()
        log.warning("the worker registered again: Redis was emptied")

    def execute_job(self, job: Job, queue: Queue) -> None:
        try:
            super().execute_job(job, queue)
        except redis.RedisError as error:
            log.warning("Redis was lost during a job: %s", type(error).__name__)
            if self.horse_pid:
                self.wait_for_horse()
                self._horse_pid = 0

    def handle_exception(self, job: Job, *exc_info: Any) -> None:
        """Our log takes type and place; RQ's own would have the text, which may quote people."""
        if exc_info[0] is JobBroken:
            return
        try:
            name = job.func_name
        except DeserializationError:
            name = "unreadable"
        log.error("job broke", exc_info=exc_info, extra={"job": name})

    def handle_job_failure(self, job: Job, queue: Queue, *args: Any, **options: Any) -> None:
        options["exc_string"] = "see the log of the worker"
        super().handle_job_failure(job, queue, *args, **options)
