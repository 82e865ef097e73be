"""A worker killed at any moment leaves a run that the next one finishes, with nothing twice."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import psutil
import pytest

from service.application import Application
from service.db import transaction
from service.loads import operations
from service.models import LoadStatus
from service.moodle_standin import create_standin
from service.queue import JobQueue
from service.sample import City
from tests.service.installation import (
    SCOPE,
    approve,
    ask,
    environment,
    find_run,
    installation,
    load,
    running_redis,
)
from tests.service.outcome import in_moodle, planned
from tests.soak import SOAK, soak
from tests.waiting import WAIT_SECONDS
from tests.web import running_app

EARLY_KILLS = 8
"""These come right after a worker's first write, so that every kind of thing is met; its first call
asks Moodle what it can do."""
KILLS = EARLY_KILLS + 2 * SOAK
KILLS_ON_POSTGRESQL = 3 * SOAK
"""What is met is the same; only what is remembered of it is written elsewhere."""
CALLS_TO_LIVE = 5
"""A worker dies within its first calls, so that there is work left for all the others."""
PEOPLE_FOR_EACH = 100
"""More than a worker sends before it dies."""


class Killer:
    """Stands before the stand-in and kills the worker when it makes a certain call.

    ``before``: Moodle never sees the call. ``after``: Moodle has done it and nobody hears of it.
    """

    def __init__(self, app: Any) -> None:
        self._app = app
        self._lock = threading.Lock()
        self._worker: subprocess.Popen[bytes] | None = None
        self._calls_left, self._when, self._whole_tree = -1, "", True
        self.victims: list[psutil.Process] = []

    def arm(self, worker: subprocess.Popen[bytes], calls: int, when: str, *, tree: bool) -> None:
        with self._lock:
            self._worker, self._calls_left = worker, calls
            self._when, self._whole_tree = when, tree

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        with self._lock:
            self._calls_left -= 1
            fires = self._calls_left == 0
        if fires and self._when == "before":
            self._kill()
            start_response("503 Service Unavailable", [("Content-Length", "0")])
            return []
        answer: list[bytes] = list(self._app(environ, start_response))
        if fires:
            self._kill()
        return answer

    def _kill(self) -> None:
        assert self._worker is not None
        worker = psutil.Process(self._worker.pid)
        jobs = worker.children(recursive=True)
        self.victims = [worker, *jobs]
        # A job whose worker alone is killed is told so by the kernel and ends after its batch.
        for process in self.victims if self._whole_tree else [worker]:
            process.kill()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    if request.param == "sqlite":
        return ""
    url: str = request.getfixturevalue("fresh_postgres_url")
    return url


@soak
def test_kills_leave_exactly_the_desired_state(tmp_path: Path, database_url: str) -> None:
    standin = create_standin(tmp_path / "moodle.sqlite")
    killer = Killer(standin.wsgi_app)
    standin.wsgi_app = killer  # type: ignore[method-assign]
    chance = random.Random(7)
    kills = KILLS_ON_POSTGRESQL if database_url else KILLS
    with (
        running_app(standin) as url,
        installation(tmp_path / "home", moodle_url=url, database_url=database_url) as application,
    ):
        load_id = load(application, City(schools=2, people_per_school=PEOPLE_FOR_EACH * kills // 2))
        approve(application, load_id)
        with running_redis(application.settings):
            for number in range(kills):
                worker = _start_worker(application)
                early = number < EARLY_KILLS
                calls = 2 if early else chance.randint(1, CALLS_TO_LIVE)
                when = "after" if early else chance.choice(["before", "after"])
                killer.arm(worker, calls, when, tree=number % 4 != 0)
                _apply(application, load_id)
                assert worker.wait(WAIT_SECONDS) == -signal.SIGKILL
                assert psutil.wait_procs(killer.victims, timeout=WAIT_SECONDS)[1] == []
                status = find_run(application, load_id).status
                assert status in {LoadStatus.APPLYING, LoadStatus.STOPPED}, number
            worker = _start_worker(application, "--burst")
            _apply(application, load_id)
            assert worker.wait(WAIT_SECONDS) == 0
        run = find_run(application, load_id)
        assert (run.status, run.problem) == (LoadStatus.APPLIED, "")
        assert in_moodle(tmp_path / "moodle.sqlite") == planned(application)


def _start_worker(application: Application, *options: str) -> subprocess.Popen[bytes]:
    with (application.settings.home / "log" / "worker.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "service", "worker", "loads", *options],
            env=environment(application.settings),
            stdout=log,
            stderr=log,
        )


def _apply(application: Application, load_id: int) -> None:
    """What the command ``apply`` does before it watches."""
    ask(application, operations.ready_to_apply, load_id)
    JobQueue(application.settings).apply_load(load_id)


def test_a_new_worker_plans_what_a_killed_one_left(tmp_path: Path) -> None:
    with installation(tmp_path / "home") as application:
        load_id = load(application, City(schools=1, people_per_school=30))
        with transaction(application.sessions) as session:
            run = operations.find(session, load_id, SCOPE)
            run.status, run.claimed_by = LoadStatus.RECEIVED, "nowhere/0/0"
        with running_redis(application.settings):
            assert _start_worker(application, "--burst").wait(WAIT_SECONDS) == 0
        assert find_run(application, load_id).status == LoadStatus.PLANNED
