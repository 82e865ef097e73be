"""What it costs to start a command: CPU time beside that of a Python that does nothing."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path
from statistics import median

from bench.measuring import Figure
from bench.place import write_city

PYTHON = (sys.executable, "-c", "pass")


def figures(folder: Path, *, rounds: int) -> list[Figure]:
    """Measure the help, the list of loads and the check of a small file."""
    environment = {**os.environ, "SCHOOLBRIDGE_HOME": str(folder / "home")}
    schoolbridge = (sys.executable, "-m", "service")
    subprocess.run([*schoolbridge, "init"], env=environment, check=True, stdout=subprocess.DEVNULL)
    city = write_city(folder / "city", schools=1, people=30)
    commands = {"--help": ("--help",), "loads": ("loads",), "check of 30 people": ("check", city)}
    found = []
    for name, arguments in commands.items():
        costs: tuple[list[float], list[float]] = ([], [])
        for _round in range(rounds):
            costs[0].append(_cpu_seconds((*schoolbridge, *map(str, arguments)), environment))
            costs[1].append(_cpu_seconds(PYTHON, environment))
        ours, reference = map(median, costs)
        found.append(
            Figure(
                name=f"start: schoolbridge {name}",
                ours=f"{ours * 1000:.0f} ms of CPU",
                reference=f"python -c pass {reference * 1000:.0f} ms",
                ratio=ours / reference,
            )
        )
    return found


def _cpu_seconds(command: tuple[str, ...], environment: dict[str, str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
