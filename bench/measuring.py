"""How a figure is measured: in turns with its reference, or alone in a child process."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from statistics import median


@dataclass(frozen=True, kw_only=True, slots=True)
class Figure:
    """One line of the table."""

    name: str
    ours: str
    reference: str = ""
    ratio: float | None = None
    """Ours to the reference, in time: 2.0 is twice as long."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Cost:
    seconds: float
    peak_mb: float
    """The most memory that the process ever held, imports included."""


def in_turns(rounds: int, *contestants: Callable[[], object]) -> list[float]:
    """The median seconds of each, measured A B A B: a slow spell of the machine hits both."""
    seconds: list[list[float]] = [[] for _ in contestants]
    for _ in range(rounds):
        for number, contestant in enumerate(contestants):
            seconds[number].append(seconds_of(contestant))
    return [median(each) for each in seconds]


def seconds_of(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def children_in_turns(rounds: int, *calls: tuple[str, ...]) -> list[Cost]:
    """Like ``in_turns``; each call is ``module:function`` and its arguments, in a new process."""
    costs = [[in_child(*call) for call in calls] for _ in range(rounds)]
    return [
        Cost(
            seconds=median(cost.seconds for cost in column),
            peak_mb=max(cost.peak_mb for cost in column),
        )
        for column in zip(*costs, strict=True)
    ]


def in_child(function: str, *arguments: str) -> Cost:
    """Call ``module:function`` with texts in a process of its own."""
    command = [sys.executable, "-m", "bench.measuring", function, *arguments]
    answer = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    return Cost(**json.loads(answer.stdout.splitlines()[-1]))


def peak_mb() -> float:
    """Of this process. Not ``ru_maxrss``: a child inherits that from the process that made it."""
    for line in Path("/proc/self/status").read_text("ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("this system does not tell the peak memory of a process")


def _main() -> None:
    function, *arguments = sys.argv[1:]
    module, _, name = function.partition(":")
    work = getattr(import_module(module), name)
    seconds = seconds_of(lambda: work(*arguments))
    print(json.dumps({"seconds": seconds, "peak_mb": peak_mb()}))


if __name__ == "__main__":
    _main()
