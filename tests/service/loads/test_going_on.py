"""What no person stopped goes on by itself, whatever happened to its process, worker or Redis.

A worker killed at any moment leaves a load that the next one finishes, with nothing twice.
"""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
from sqlalchemy import ColumnElement, func, select

from service.application import Application
from service.db import transaction
from service.loads import operations
from service.models import AuditEntry, LoadStatus, PlannedChange
from service.moodle_standin import create_standin
from service.processes import Child, redis_child, wait_ready
from service.queue import JobQueue, live_workers
from service.redis_link import connect_redis, redis_answers
from service.sample import City
from tests.service.installation import SCOPE, ask, environment, find_run, installation, load
from tests.service.outcome import in_moodle, planned
from tests.soak import SOAK, soak
from tests.waiting import WAIT_SECONDS, until
from tests.web import running_app

pytestmark = soak


SMALL = City(schools=1, people_per_school=60)

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


class Gate:
    """Stands before the stand-in; closed, it lets some calls through and holds the next ones.

    Moodle has done what a held call asked for and its answer waits; but for a ``lost`` one, which
    Moodle never sees.
    """

    def __init__(self, app: Any) -> None:
        self._app = app
        self._lock = threading.Lock()
        self._calls_left, self._lost = -1, False
        self._open = threading.Event()
        self._open.set()
        self.reached = threading.Event()

    def close_after(self, calls: int, *, lost: bool = False) -> None:
        with self._lock:
            self._open.clear()
            self.reached.clear()
            self._calls_left, self._lost = calls, lost

    def open(self) -> None:
        with self._lock:
            self._calls_left = -1
        self._open.set()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        with self._lock:
            held, lost = self._calls_left == 0, self._lost
            self._calls_left -= self._calls_left > 0
        answer: list[bytes] = []
        if not (held and lost):
            answer = list(self._app(environ, start_response))
        if held:
            self.reached.set()
            self._open.wait(WAIT_SECONDS)
            if lost:
                start_response("503 Service Unavailable", [("Content-Length", "0")])
        return answer


@dataclass(kw_only=True)
class Site:
    """An installation with its own Redis, before a Moodle that can be held."""

    application: Application
    gate: Gate
    storage: Path
    redis: Child
    load_id: int

    @contextmanager
    def worker(self, *kinds: str) -> Iterator[psutil.Popen]:
        settings = self.application.settings
        with (settings.home / "log" / "worker.log").open("ab") as log:
            worker = psutil.Popen(
                [sys.executable, "-m", "service.worker", *(kinds or ("loads",))],
                env={**environment(settings), "SCHOOLBRIDGE_SERVER_RESUME_SECONDS": "1"},
                stdout=log,
                stderr=log,
            )
        try:
            yield worker
        finally:
            self.gate.open()
            for process in [*_children(worker), worker]:
                if process.is_running():
                    process.kill()
            worker.wait()

    @contextmanager
    def held_worker(self) -> Iterator[tuple[psutil.Popen, psutil.Process]]:
        """A worker and the process of its job, which waits in a call to Moodle."""
        self.gate.close_after(4)
        with self.worker() as worker:
            self.ask_to_apply()
            yield worker, self.until_held(worker)

    def ask_to_apply(self) -> None:
        """As a person does; the queue hears nothing of it."""
        ask(self.application, operations.ready_to_apply, self.load_id)

    def load_next_month(self) -> None:
        self.load_id = load(self.application, SMALL, month=1)
        ask(self.application, operations.approve, self.load_id, over_limits=True)
        self.ask_to_apply()

    def until_held(self, worker: psutil.Popen) -> psutil.Process:
        """The process of the job, which waits in a call to Moodle with some changes done."""
        assert self.gate.reached.wait(WAIT_SECONDS)
        (job,) = _children(worker)
        return job

    def status(self) -> LoadStatus:
        return LoadStatus(find_run(self.application, self.load_id).status)

    def until(self, happens: Callable[[], bool]) -> None:
        until(happens, self.log)

    def until_applied(self) -> None:
        self.until(lambda: self.status() == LoadStatus.APPLIED)
        assert in_moodle(self.storage) == planned(self.application)
        assert find_run(self.application, self.load_id).problem == ""

    def log(self) -> str:
        return (self.application.settings.home / "log" / "worker.log").read_text("utf-8")[-3000:]

    def count(self, condition: ColumnElement[bool]) -> int:
        with self.application.sessions() as session:
            return session.scalars(select(func.count()).where(condition)).one()


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.NoSuchProcess:
        return []


BOTH = ["sqlite", "postgresql"]
on_both_databases = pytest.mark.parametrize("site", BOTH, indirect=True)
"""For what a killed process leaves in the database."""
with_many_kills = pytest.mark.parametrize(
    ("site", "kills"),
    [("sqlite", KILLS), ("postgresql", KILLS_ON_POSTGRESQL)],
    indirect=["site"],
)


@pytest.fixture
def kills() -> int:
    """Of workers, while the load is applied."""
    return 0


@pytest.fixture(params=BOTH if SOAK > 1 else BOTH[:1])
def site(request: pytest.FixtureRequest, tmp_path: Path, kills: int) -> Iterator[Site]:
    """Schools whose plan is approved, and that nobody asked to apply yet."""
    url = request.getfixturevalue("fresh_postgres_url") if request.param == "postgresql" else ""
    city = City(schools=2, people_per_school=PEOPLE_FOR_EACH * kills // 2) if kills else SMALL
    standin = create_standin(tmp_path / "moodle.sqlite")
    gate = Gate(standin.wsgi_app)
    standin.wsgi_app = gate  # type: ignore[method-assign]
    with (
        running_app(standin) as moodle,
        installation(tmp_path / "home", moodle_url=moodle, database_url=url) as application,
    ):
        load_id = load(application, city)
        ask(application, operations.approve, load_id)
        redis = redis_child(application.settings)
        redis.start()
        wait_ready(redis, lambda: redis_answers(application.settings))
        yield Site(
            application=application,
            gate=gate,
            storage=tmp_path / "moodle.sqlite",
            redis=redis,
            load_id=load_id,
        )
        redis.stop()


@with_many_kills
def test_kills_leave_exactly_the_desired_state(site: Site, kills: int) -> None:
    chance = random.Random(7)
    for number in range(kills):
        early = number < EARLY_KILLS
        before_it = 1 if early else chance.randrange(CALLS_TO_LIVE)
        site.gate.close_after(before_it, lost=not early and chance.choice([True, False]))
        with site.worker() as worker:
            site.ask_to_apply()
            JobQueue(site.application.settings).apply_load(site.load_id)
            job = site.until_held(worker)
            # A job whose worker alone is killed is told so by the kernel and ends after its batch.
            for process in [worker, job] if number % 4 else [worker]:
                process.kill()
            site.gate.open()
            assert psutil.wait_procs([worker, job], timeout=WAIT_SECONDS)[1] == []
        assert site.status() in {LoadStatus.APPLYING, LoadStatus.STOPPED}, number
    with site.worker():
        site.ask_to_apply()
        site.until_applied()


@on_both_databases
def test_a_job_process_killed_alone_is_followed_by_another(site: Site) -> None:
    with site.held_worker() as (worker, job):
        job.kill()
        site.gate.open()
        site.until_applied()
        assert worker.is_running()
    assert site.count(AuditEntry.action == "load.interrupt") == 1


@on_both_databases
def test_of_two_workers_one_goes_on_with_what_the_other_lost(site: Site) -> None:
    with site.held_worker() as (first, job), site.worker("loads", "upkeep"):
        site.until(lambda: len(_live(site)) == 2)
        for process in (first, job):
            process.kill()
        site.gate.open()
        site.until_applied()


def _live(site: Site) -> list[str]:
    with connect_redis(site.application.settings) as connection:
        return live_workers(connection)


def test_an_emptied_redis_loses_neither_job_nor_worker(site: Site) -> None:
    with connect_redis(site.application.settings) as connection:
        site.ask_to_apply()
        JobQueue(site.application.settings).apply_load(site.load_id)
        connection.flushall()
        site.gate.close_after(4)
        with site.worker() as worker:
            site.until_held(worker)
            connection.flushall()
            site.until(lambda: len(_live(site)) == 1)
            site.gate.open()
            site.until_applied()
            connection.flushall()
            site.until(lambda: len(_live(site)) == 1)


def test_a_worker_told_to_stop_leaves_a_run_that_says_so_and_goes_on(site: Site) -> None:
    with site.held_worker() as (worker, _job):
        worker.send_signal(signal.SIGTERM)
        site.gate.open()
        assert worker.wait(WAIT_SECONDS) == 0
    run = find_run(site.application, site.load_id)
    assert (run.status, run.problem) == (LoadStatus.STOPPED, "interrupted")
    with site.worker():
        site.until_applied()


def test_a_killed_redis_ends_neither_the_job_nor_the_worker(site: Site) -> None:
    with site.held_worker() as (worker, _job):
        site.redis.kill()
        site.gate.open()
        site.until_applied()
        site.redis.start()
        site.until(lambda: redis_answers(site.application.settings))
        site.until(lambda: len(_live(site)) == 1)
        assert worker.is_running()
        site.load_next_month()
        site.until(lambda: site.status() == LoadStatus.APPLIED)
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(WAIT_SECONDS) == 0


DONE = PlannedChange.result == "done"


def test_what_a_person_stopped_waits_for_a_person(site: Site) -> None:
    with site.held_worker() as (worker, job):
        ask(site.application, operations.request_stop, site.load_id)
        job.kill()  # before it could obey
        site.gate.open()
        site.until(lambda: site.status() == LoadStatus.STOPPED)
        done = site.count(DONE)
        JobQueue(site.application.settings).apply_load(site.load_id)  # an old job of the queue
        with connect_redis(site.application.settings) as connection:
            site.until(lambda: not connection.exists("rq:queue:schoolbridge:loads"))
        site.until(lambda: not _children(worker))
        assert (site.status(), site.count(DONE)) == (LoadStatus.STOPPED, done)
        site.ask_to_apply()
        site.until_applied()


def test_a_file_whose_reading_was_killed_is_read_by_the_next(site: Site) -> None:
    with transaction(site.application.sessions) as session:
        run = operations.find(session, site.load_id, SCOPE)
        run.status, run.claimed_by = LoadStatus.RECEIVED, "nowhere/0/0"
        run.claimed_at = site.application.clock()
    with site.worker():
        site.until(lambda: site.status() == LoadStatus.PLANNED)


@on_both_databases
def test_a_run_that_kills_every_process_is_tried_a_few_times_and_then_seldom(site: Site) -> None:
    killed = 0
    with site.worker() as worker:
        site.gate.close_after(0)
        site.ask_to_apply()
        while killed < 5:
            site.until_held(worker).kill()
            killed += 1
            site.gate.reached.clear()
        site.until(lambda: find_run(site.application, site.load_id).problem == "interrupted")
        # Another run is applied meanwhile by the same worker.
        site.gate.open()
        first = site.load_id
        site.load_next_month()
        site.until(lambda: site.status() == LoadStatus.APPLIED)
        site.load_id = first
        assert site.status() == LoadStatus.APPLYING


def test_a_worker_started_without_redis_waits_for_it(site: Site) -> None:
    site.redis.kill()
    site.ask_to_apply()
    with site.worker() as worker:
        site.until(lambda: "the worker lost Redis" in site.log())
        site.redis.start()
        site.until_applied()
        assert worker.poll() is None


def test_the_command_worker_goes_on_as_well(site: Site) -> None:
    site.ask_to_apply()
    command = [sys.executable, "-m", "service", "worker", "loads", "--burst"]
    subprocess.run(
        command, env=environment(site.application.settings), check=True, timeout=WAIT_SECONDS
    )
    site.until_applied()
