"""Faults on demand: what a network or a struggling Moodle does to a call."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from enum import StrEnum
from functools import cache


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
    of two such calls it refuses neither. (Seen on a real 4.5: doubles.)"""
    HANG = "hang"
    """No answer until the faults are taken back; nothing is done."""
    DRIP = "drip"
    """An answer of which a byte comes now and then; nothing is done."""
    REFUSE = "refuse"
    """Moodle's own error with this `code`, without one when that is empty; nothing is done."""
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
    code: str = "codingerror"
    about: str = ""
    """It strikes calls only that have this field with this value, as "userid=7"."""
    status: int = 500


@dataclass
class _Planned:
    """A fault in force and how often it could have struck and has."""

    fault: Fault
    matched: int = 0
    struck: int = 0

    def strikes(self, functions: frozenset[str], values: Callable[[], frozenset[str]]) -> bool:
        fault = self.fault
        if fault.function is not None and fault.function not in functions:
            return False
        if fault.about and fault.about not in values():
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
        self.taken_back = threading.Event()

    def add(self, fault: Fault) -> None:
        with self._lock:
            self._planned.append(_Planned(fault))
            self.taken_back.clear()

    def clear(self) -> None:
        with self._lock:
            self._planned.clear()
            self.taken_back.set()

    def struck(self) -> list[tuple[Fault, int]]:
        """Return the faults and how often each has struck."""
        with self._lock:
            return [(one.fault, one.struck) for one in self._planned]

    def take(self, functions: frozenset[str], given: object = None) -> list[Fault]:
        """Return the faults of the line that strike a call of these functions now; `given` are its
        fields."""
        return self._take(functions, given, is_refusal=False)

    def refusal(self, function: str, given: object) -> Fault | None:
        """Return the fault for which Moodle itself refuses this call."""
        found = self._take(frozenset([function]), given, is_refusal=True)
        return found[0] if found else None

    def _take(self, functions: frozenset[str], given: object, *, is_refusal: bool) -> list[Fault]:
        values = cache(lambda: frozenset(_values("", given)))
        with self._lock:
            return [
                one.fault
                for one in self._planned
                if (one.fault.kind is FaultKind.REFUSE) is is_refusal
                and one.strikes(functions, values)
            ]


def _values(name: str, given: object) -> Iterator[str]:
    """Yield `field=value` of every value, also of those in the JSON of combined calls."""
    if isinstance(given, Mapping):
        for key, value in given.items():
            yield from _values(str(key), value)
    elif isinstance(given, list):
        for value in given:
            yield from _values(name, value)
    elif name == "arguments" and isinstance(given, str):
        with suppress(ValueError):
            yield from _values("", json.loads(given))
    else:
        yield f"{name}={given}"


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
