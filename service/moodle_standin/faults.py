"""Faults on demand: what a network or a struggling Moodle does to a call."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
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
    LATE = "late"
    """Close the connection at once, and do the work after `later` further requests were answered:
    the client has given up meanwhile. Moodle looks whether an idnumber is taken when it begins, so
    of two such calls it refuses neither. (Seen on a real 4.5: 14 doubles after one slow hour.)"""
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
    later: int = 1
    status: int = 500


@dataclass
class _Planned:
    """A fault in force and how often it could have struck and has."""

    fault: Fault
    matched: int = 0
    struck: int = 0

    def strikes(self, functions: frozenset[str]) -> bool:
        fault = self.fault
        if fault.function is not None and fault.function not in functions:
            return False
        if fault.times is not None and self.struck >= fault.times:
            return False
        self.matched += 1
        turn = self.matched - fault.skip
        if turn <= 0 or turn % fault.every:
            return False
        self.struck += 1
        return True


class FaultPlan:
    """The faults in force."""

    def __init__(self, faults: Iterable[Fault] = ()) -> None:
        self._lock = threading.Lock()
        self._planned = [_Planned(fault) for fault in faults]

    def add(self, fault: Fault) -> None:
        with self._lock:
            self._planned.append(_Planned(fault))

    def clear(self) -> None:
        with self._lock:
            self._planned.clear()

    def struck(self) -> list[tuple[Fault, int]]:
        """Return the faults and how often each has struck."""
        with self._lock:
            return [(one.fault, one.struck) for one in self._planned]

    def take(self, functions: frozenset[str]) -> list[Fault]:
        """Return the faults that strike a call of these functions now."""
        with self._lock:
            return [one.fault for one in self._planned if one.strikes(functions)]


class LateCalls:
    """Calls whose client has given up, and that are done after some more were answered."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[tuple[int, Callable[[], object]]] = []

    def put_off(self, call: Callable[[], object], later: int) -> None:
        with self._lock:
            self._waiting.append((later, call))

    def answered(self, as_begun_before: Callable[[], AbstractContextManager[None]]) -> None:
        """Count an answer, and do what is due."""
        with self._lock:
            waiting = [(left - 1, call) for left, call in self._waiting]
            self._waiting = [one for one in waiting if one[0] > 0]
            due = [call for left, call in waiting if left <= 0]
        for call in due:
            with as_begun_before():
                call()
