"""Faults on demand: what a system asked to go wrong, so that its developer can see it cope."""

from __future__ import annotations

import uuid
from collections.abc import Iterable

from auth.esia.errors import CATALOGUE, REST_CATALOGUE
from auth.settings import EsiaSystem

SLOW_SECONDS = 30.0
"""More than most clients wait."""

KINDS = {
    "ac": {*CATALOGUE, "wrong_state"},
    "te": {
        *CATALOGUE,
        "html",
        "slow",
        "wrong_state",
        "expired_token",
        "wrong_audience",
        "changed_certificate",
    },
    "rs": {*REST_CATALOGUE, "html", "slow"},
}
"""Where it goes wrong (authorization, tokens, REST) -> what can; a code is that error."""


class HtmlFault(Exception):
    """A page is to be answered where JSON is due, as ЕСИА does at times."""


def check_faults(faults: Iterable[str]) -> None:
    """Raises ``ValueError`` for a fault there is not."""
    for fault in faults:
        place, _, kind = fault.partition(":")
        if kind not in KINDS.get(place, ()):
            raise ValueError(f"no fault {fault}; docs/esia.md lists them")


def faults_at(system: EsiaSystem, place: str) -> set[str]:
    """What goes wrong at ``ac``, ``te`` or ``rs``."""
    return {
        kind
        for where, _, kind in (fault.partition(":") for fault in system.faults)
        if where == place
    }


def first_code(faults: set[str]) -> str | None:
    """The error to answer with, if any."""
    return min((fault for fault in faults if fault.isdigit()), default=None)


def another_state() -> str:
    return str(uuid.uuid4())
