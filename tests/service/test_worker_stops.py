"""A worker that was told to stop ends, also where the exception that says so is lost."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from rq import Queue

from service.queue import Work
from service.redis_link import connect_redis
from tests.service.installation import environment, installation, running_redis
from tests.waiting import WAIT_SECONDS

IN_A_FINALIZER = """
class Link:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGTERM)

def look():
    Link()
"""
IN_A_FORK = """
def look():
    pass

os.register_at_fork(before=lambda: os.kill(os.getpid(), signal.SIGTERM))
"""
WORKER = """
import os, signal
from service.config import load_settings
from service.queue import Work
from service.queue_worker import work_on
from service.redis_link import connect_redis
{told}
settings = load_settings(None, os.environ)
work_on([Work.LOADS.queue], lambda: connect_redis(settings), look, seconds=1, burst=False)
"""


@pytest.mark.parametrize(
    "told", [IN_A_FINALIZER, IN_A_FORK], ids=["in a finalizer", "in the middle of a fork"]
)
def test_a_worker_ends_though_the_exception_of_its_signal_is_lost(
    told: str, tmp_path: Path
) -> None:
    with installation(tmp_path) as application, running_redis(application.settings):
        with connect_redis(application.settings) as redis:
            # Nobody but the worker can end this job.
            Queue(Work.LOADS.queue, connection=redis).enqueue_call(
                "time.sleep", (3600,), timeout=-1
            )
        done = subprocess.run(
            [sys.executable, "-c", WORKER.format(told=told)],
            env=environment(application.settings), timeout=WAIT_SECONDS, check=False,
        )  # fmt: skip
    assert done.returncode == 0
