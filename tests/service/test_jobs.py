"""Kinds of work do not wait for each other."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
from redis import Redis
from rq import Queue

from service import jobs
from service.application import Application
from service.db import transaction
from service.jobs import read_moodle, upkeep
from service.loads import operations
from service.models import LoadStatus
from service.queue import JobName, JobQueue, Work, live_workers
from service.redis_link import connect_redis
from service.sample import City, write_sample
from tests.service.command_line import command
from tests.service.installation import SCOPE, environment, find_run, installation, running_redis
from tests.waiting import WAIT_SECONDS


@pytest.fixture
def application(tmp_path: Path) -> Iterator[Application]:
    with installation(tmp_path) as application, running_redis(application.settings):
        yield application


def worker(application: Application, kind: str) -> str:
    """Do this kind of work until there is none; what the worker printed."""
    done = subprocess.run(
        command("worker", kind, "--burst"), env=environment(application.settings), check=True,
        timeout=WAIT_SECONDS, capture_output=True, text=True,
    )  # fmt: skip
    return done.stdout + done.stderr


def waiting(redis: Redis) -> dict[Work, int]:
    """Jobs in each queue."""
    return {kind: Queue(kind.queue, connection=redis).count for kind in Work}


def test_a_load_does_not_wait_for_what_reads_moodle_for_hours(application: Application) -> None:
    folder = application.settings.home / "sample"
    write_sample(folder, City(schools=1, people_per_school=20), layout="roster-1")
    with transaction(application.sessions) as session:
        run = operations.receive(
            session, home=application.settings.home, paths=[(folder.name, folder)], scope=SCOPE,
            expected_school="", now=application.clock(),
        )  # fmt: skip
    with connect_redis(application.settings) as redis:
        Queue(Work.MOODLE.queue, connection=redis).enqueue_call(read_moodle, timeout=-1)
        JobQueue(application.settings).plan_load(run.id)
        worker(application, "loads")
        assert find_run(application, run.id).status == LoadStatus.PLANNED
        assert waiting(redis)[Work.MOODLE] == 1
        worker(application, "moodle")
        assert waiting(redis)[Work.MOODLE] == 0


def test_upkeep_is_queued_once_and_each_job_where_it_belongs(application: Application) -> None:
    queue = JobQueue(application.settings)
    upkeep(application, queue)
    upkeep(application, queue)
    with connect_redis(application.settings) as redis:
        assert waiting(redis) == {Work.LOADS: 0, Work.UPKEEP: 4, Work.MOODLE: 2}
        worker(application, "upkeep")
        assert waiting(redis)[Work.UPKEEP] == 0
        assert live_workers(redis, Work.UPKEEP) == []


def test_what_comes_back_again_and_again_waits_once(application: Application) -> None:
    queue = JobQueue(application.settings)
    with connect_redis(application.settings) as redis:
        for _minute in range(3):
            upkeep(application, queue)
            for mark in redis.keys("schoolbridge:*"):  # their time is over
                redis.delete(mark)
        for load_id in (1, 1, 2):
            queue.tell_signed_out()
            queue.plan_load(load_id)
        assert waiting(redis) == {Work.LOADS: 2, Work.UPKEEP: 5, Work.MOODLE: 2}


SECRET = "text-that-quotes-a-person"
BREAKS_OFF = f"int({SECRET[::-1]!r}[::-1])"
"""Its error quotes the text, which stands nowhere before."""


def test_neither_redis_nor_the_log_keeps_the_text_of_a_failure(application: Application) -> None:
    with connect_redis(application.settings) as redis:
        queue = Queue(Work.LOADS.queue, connection=redis)
        job = queue.enqueue_call("builtins.eval", (BREAKS_OFF,), timeout=-1, failure_ttl=3600)
        printed = worker(application, "loads")
        job.refresh()
        assert job.is_failed
        kept = b"".join(redis.dump(key) or b"" for key in redis.keys("*"))
        result = job.latest_result()
    assert SECRET.encode() not in kept
    assert result is not None
    assert SECRET not in str(result.exc_string)
    assert SECRET not in printed
    assert "ValueError" in printed
    worker(application, "loads")  # what is left of a failure is forgotten by the next
    with connect_redis(application.settings) as redis:
        assert not redis.exists(job.key)


def test_every_job_that_can_be_queued_is_there() -> None:
    assert [name for name in get_args(JobName) if not hasattr(jobs, name)] == []
