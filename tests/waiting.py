"""Waiting until something is so, for as long as a busy machine may need."""

from __future__ import annotations

import time
from collections.abc import Callable

WAIT_SECONDS = 300.0
"""Only a test that fails waits so long."""


def until(happens: Callable[[], bool], told: Callable[[], str] = lambda: "") -> None:
    """Return when ``happens`` says so; when it never does, fail with the text of ``told``."""
    give_up_at = time.monotonic() + WAIT_SECONDS
    while not happens():
        assert time.monotonic() < give_up_at, told() or "it did not happen in time"
        time.sleep(0.05)
