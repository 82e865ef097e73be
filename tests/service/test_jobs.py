"""Kinds of work do not wait for each other."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from rq import Queue

from service.application import Application
from service.db import transaction
from service.jobs import Jobs, Work, live_workers, read_moodle
from service.loads import operations
from service.models import LoadStatus
from service.redis_link import connect_redis
from service.sample import City, write_sample
from tests.service.installation import SCOPE, environment, find_run, installation, running_redis


@pytest.fixture
def application(tmp_path: Path) -> Iterator[Application]:
    with installation(tmp_path) as application, running_redis(application.settings):
        yield application


def worker(application: Application, *arguments: str) -> None:
    command = [sys.executable, "-m", "service", "worker", *arguments, "--burst"]
    subprocess.run(command, env=environment(application.settings), check=True, timeout=120)


def test_a_load_does_not_wait_for_what_reads_moodle_for_hours(application: Application) -> None:
    folder = application.settings.home / "sample"
    write_sample(folder, City(schools=1, people_per_school=20), layout="roster-1")
    with transaction(application.sessions) as session:
        run = operations.receive(
            session,
            home=application.settings.home,
            paths=[(path.name, path) for path in folder.iterdir()],
            scope=SCOPE,
            expected_school="",
            now=application.clock(),
        )
    with connect_redis(application.settings) as redis:
        Queue(Work.MOODLE.queue, connection=redis).enqueue_call(read_moodle, timeout=-1)
        Jobs(application.settings).plan_load(run.id)
        worker(application, "loads")
        assert find_run(application, run.id).status == LoadStatus.PLANNED
        assert Queue(Work.MOODLE.queue, connection=redis).count == 1
        worker(application, "moodle")
        assert Queue(Work.MOODLE.queue, connection=redis).count == 0


def test_upkeep_is_queued_once_and_each_job_where_it_belongs(application: Application) -> None:
    jobs = Jobs(application.settings)
    jobs.upkeep()
    jobs.upkeep()
    with connect_redis(application.settings) as redis:
        counts = {kind: Queue(kind.queue, connection=redis).count for kind in Work}
        assert counts == {Work.LOADS: 0, Work.UPKEEP: 3, Work.MOODLE: 1}
        worker(application, "upkeep")
        assert Queue(Work.UPKEEP.queue, connection=redis).count == 0
        assert live_workers(redis, Work.UPKEEP) == []
