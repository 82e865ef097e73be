"""The start of a command: it loads what it uses, and says its help in the chosen language."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.service.command_line import python

ROSTER = Path(__file__).parents[2] / "data" / "roster-1"
LOADED = """
import sys
from service.cli import main
try:
    main(sys.argv[1:], standalone_mode=False)
finally:
    print(*sorted({name.partition(".")[0] for name in sys.modules}))
"""


@pytest.mark.parametrize(
    ("arguments", "unused"),
    [
        (["--help"], {"alembic", "authlib", "flask", "lxml", "provisioning", "sqlalchemy"}),
        (["check", str(ROSTER)], {"alembic", "authlib", "flask", "http", "requests", "sqlalchemy"}),
        (["loads"], {"alembic", "authlib", "flask", "lxml"}),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_a_command_loads_what_it_uses(home: Path, arguments: list[str], unused: set[str]) -> None:
    ended = python("-c", LOADED, *arguments, home=home)
    found = set(ended.stdout.splitlines()[-1].split())
    assert {"click", "service"} <= found
    assert not found & {*unused, "redis", "rq"}


HELP = """
import click
from service.cli import Later, main

def show(command, name):
    command = command.load() if isinstance(command, Later) else command
    print(command.get_help(click.Context(command, info_name=name, max_content_width=1000)))
    for inner, one in getattr(command, "commands", {}).items():
        show(one, inner)

show(main, "schoolbridge")
"""

NAMES = re.compile("ЕСИА|Сферум|Госуслуги|ЦОС")
"""They have no other form in English texts."""


def test_help_of_every_command_is_english(tmp_path: Path) -> None:
    done = python("-c", HELP, home=tmp_path)
    assert done.returncode == 0, done.stderr
    shown = done.stdout
    assert shown.count("--json") > 10
    left = NAMES.sub("", shown)
    assert [line for line in left.splitlines() if re.search("[А-Яа-яЁё]", line)] == []
