"""Runs commands inside the test's own process, and free ports for those that serve."""

from __future__ import annotations

import json
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from service.cli import main

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


def run(*arguments: object, home: Path, **variables: str | None) -> Ended:
    """One command in English on a data folder; an exception that escapes is the test's failure.

    ``variables`` are further environment variables without their ``SCHOOLBRIDGE_``.
    """
    env = {
        "SCHOOLBRIDGE_HOME": str(home),
        "SCHOOLBRIDGE_LANG": "en",
        "SCHOOLBRIDGE_CONFIG": None,
        **{f"SCHOOLBRIDGE_{name}": value for name, value in variables.items()},
    }
    result = CliRunner(catch_exceptions=False).invoke(
        main, [str(one) for one in arguments], env=env
    )
    return Ended(code=result.exit_code, out=result.stdout, err=result.stderr)


def below_a_file(folder: Path) -> Path:
    """A path that nobody can make, not even root."""
    (folder / "a-file").write_text("")
    return folder / "a-file" / "home"
