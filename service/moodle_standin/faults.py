"""Faults on demand: what a network or a struggling Moodle does to a call."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class FaultKind(StrEnum):
    SLOW = "slow"
    """Wait `seconds`, then answer as usual."""
    SERVER_ERROR = "server-error"
    """HTTP `status` with an HTML page; nothing is done."""
    UNAVAILABLE = "unavailable"
    """503 with `Retry-After: seconds`; nothing is done."""
    DROP_BEFORE = "drop-before"
    """Close the connection; nothing is done."""
    DROP_AFTER = "drop-after"
    """Do the work, then close the connection without an answer."""
    HTML = "html"
    """200 with an HTML page instead of JSON; nothing is done."""


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One fault and when it strikes."""

    kind: FaultKind
    function: str | None = None
    """The function whose calls it strikes, alone or inside a combined call; None for any call."""
    skip: int = 0
    """Matching calls to let through first."""
    every: int = 1
    """It strikes each nth matching call after that."""
    times: int | None = 1
    """How often it strikes in all; None for without end."""
    seconds: float = 0.0
    status: int = 500


class FaultPlan:
    """The faults in force and how often each has struck."""

    def __init__(self, faults: Iterable[Fault] = ()) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = list(faults)
        self._matched: list[int] = [0] * len(self._faults)
        self._struck: list[int] = [0] * len(self._faults)

    def add(self, fault: Fault) -> None:
        with self._lock:
            self._faults.append(fault)
            self._matched.append(0)
            self._struck.append(0)

    def clear(self) -> None:
        with self._lock:
            self._faults.clear()
            self._matched.clear()
            self._struck.clear()

    def struck(self) -> list[tuple[Fault, int]]:
        with self._lock:
            return list(zip(self._faults, self._struck, strict=True))

    def take(self, functions: frozenset[str]) -> list[Fault]:
        """Return the faults that strike a call of these functions now."""
        with self._lock:
            return [
                fault
                for number, fault in enumerate(self._faults)
                if self._strikes(number, fault, functions)
            ]

    def _strikes(self, number: int, fault: Fault, functions: frozenset[str]) -> bool:
        if fault.function is not None and fault.function not in functions:
            return False
        if fault.times is not None and self._struck[number] >= fault.times:
            return False
        self._matched[number] += 1
        turn = self._matched[number] - fault.skip
        if turn <= 0 or turn % fault.every:
            return False
        self._struck[number] += 1
        return True
