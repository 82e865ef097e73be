"""A command loads what it uses: nothing heavy for help, no database for a check of files."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROSTER = Path(__file__).parents[2] / "data" / "roster-1"
LOADED = """
import sys
from service.cli import main
try:
    main(sys.argv[1:], standalone_mode=False)
finally:
    print(*sorted({name.partition(".")[0] for name in sys.modules}))
"""


def loaded_by(home: Path, *arguments: str) -> set[str]:
    """The top-level packages that are in memory when the command has ended."""
    ended = subprocess.run(
        [sys.executable, "-c", LOADED, *arguments], env={**os.environ, "SCHOOLBRIDGE_HOME": home},
        capture_output=True, text=True,
    )  # fmt: skip
    return set(ended.stdout.splitlines()[-1].split())


@pytest.mark.parametrize(
    ("arguments", "unused"),
    [
        (["--help"], {"alembic", "authlib", "flask", "lxml", "provisioning", "sqlalchemy"}),
        (["check", str(ROSTER)], {"alembic", "authlib", "flask", "http", "requests", "sqlalchemy"}),
        (["loads"], {"alembic", "authlib", "flask"}),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_a_command_loads_what_it_uses(
    initialised_home: Path, arguments: list[str], unused: set[str]
) -> None:
    found = loaded_by(initialised_home, *arguments)
    assert {"click", "service"} <= found
    assert not found & {*unused, "redis", "rq"}
