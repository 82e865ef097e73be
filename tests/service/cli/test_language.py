"""Help of the commands in English: no text is left in Russian, whenever it was made."""

from __future__ import annotations

import os
import re
import subprocess
import sys

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


def test_help_of_every_command_is_english() -> None:
    shown = subprocess.run(
        [sys.executable, "-c", HELP], env={**os.environ, "SCHOOLBRIDGE_LANG": "en"},
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert shown.count("--json") > 10
    left = NAMES.sub("", shown)
    assert [line for line in left.splitlines() if re.search("[А-Яа-яЁё]", line)] == []
