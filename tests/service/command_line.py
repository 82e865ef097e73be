"""Runs commands inside the test's own process; what they need around them, and what they left."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy.orm import Session

from service.application import build
from service.cli import main
from service.config import load_settings
from service.data_folder import locked
from service.db import transaction
from service.processes import neighbours
from tests.waiting import WAIT_SECONDS

TRACE = "Traceback"


@dataclass(frozen=True, kw_only=True)
class Ended:
    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        return json.loads(self.out)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def run(*arguments: object, home: Path, code: int | None = None, **variables: str | None) -> Ended:
    """One command in English on a data folder; an exception that escapes is the test's failure,
    and so is another exit code than ``code``.

    ``variables`` are further environment variables without their ``SCHOOLBRIDGE_``.
    """
    env = {
        "SCHOOLBRIDGE_HOME": str(home),
        "SCHOOLBRIDGE_LANG": "en",
        "SCHOOLBRIDGE_CONFIG": None,
        **{f"SCHOOLBRIDGE_{name}": value for name, value in variables.items()},
    }
    result = CliRunner(catch_exceptions=False).invoke(main, [*map(str, arguments)], env=env)
    assert code in (None, result.exit_code), result.output
    return Ended(code=result.exit_code, out=result.stdout, err=result.stderr)


def environment(home: Path, **variables: str) -> dict[str, str]:
    """Of a process on a data folder, in English; ``variables``: as of ``run``."""
    kept = {name: value for name, value in os.environ.items() if "SCHOOLBRIDGE" not in name}
    ours = {"HOME": str(home), "LANG": "en", **variables}
    return kept | {f"SCHOOLBRIDGE_{name}": value for name, value in ours.items()}


def python(*arguments: object, home: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """What has become of a Python process of its own."""
    return subprocess.run(
        [sys.executable, *map(str, arguments)], env=environment(home, **variables),
        capture_output=True, text=True, timeout=WAIT_SECONDS,
    )  # fmt: skip


def command(*arguments: object) -> list[str]:
    """The command for a process of its own."""
    return [sys.executable, "-m", "service", *map(str, arguments)]


@contextmanager
def rows_of(home: Path) -> Iterator[Session]:
    """One transaction in the database of a data folder."""
    application = build(load_settings(None, {"SCHOOLBRIDGE_HOME": str(home)}))
    with transaction(application.sessions) as session:
        yield session
    application.engine.dispose()


@contextmanager
def at_work(home: Path, **variables: str) -> Iterator[None]:
    """Make a data folder, and keep worker, Redis and stand-in up. ``variables``: as of ``run``.

    Its lock is held as by serve: commands use what is at work, and leave it at work.
    """
    variables |= {"HOME": str(home), "SERVER_STANDIN_PORT": str(free_port())}
    with pytest.MonkeyPatch.context() as environment:
        environment.delenv("SCHOOLBRIDGE_CONFIG", raising=False)
        for name, value in variables.items():
            environment.setenv(f"SCHOOLBRIDGE_{name}", value)
        assert run("init", home=home).code == 0
        settings = load_settings()
        with neighbours(settings), locked(settings, "serve"):
            yield


def below_a_file(folder: Path) -> Path:
    """A path that nobody can make, not even root."""
    (folder / "a-file").write_text("")
    return folder / "a-file" / "home"
