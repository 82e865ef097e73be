"""Faults on demand: they let a developer see how a system copes with them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import timedelta
from typing import TYPE_CHECKING

from flask import Response, g
from werkzeug.http import http_date

from auth.esia.protocol.errors import CATALOGUE, REST_CATALOGUE
from auth.settings import EsiaSystem

if TYPE_CHECKING:
    from auth.esia.standin import RegisteredSystem, Standin

SLOW_SECONDS = 30.0
"""The pause of ``slow``: more than most clients wait."""
CLOCK_SHIFT_HOURS = 3
"""The shift of ``clock_shift`` without a number: Moscow time taken for UTC."""

_EVERYWHERE = {"html", "slow", "clock_shift"}
_IN_TOKENS = {"expired_token", "wrong_audience", "changed_certificate"}
KINDS = {
    "ac": {*CATALOGUE, *_EVERYWHERE, "wrong_state"},
    "te": {*CATALOGUE, *_EVERYWHERE, "wrong_state", *_IN_TOKENS},
    "rs": {*REST_CATALOGUE, *_EVERYWHERE},
}
"""Place (authorization, tokens, REST) -> the faults it can have; a code is that error."""

_CLOCK_SHIFT = re.compile(r"clock_shift(?::([+-]?\d{1,2}))?", re.ASCII)


class HtmlFault(Exception):
    """The answer is to be a page where JSON or a redirect is due, as ЕСИА does at times."""


def check_faults(faults: Iterable[str]) -> None:
    """Raise ``ValueError`` for an unknown fault."""
    for fault in faults:
        place, _, kind = fault.partition(":")
        if _CLOCK_SHIFT.fullmatch(kind):
            kind = "clock_shift"
        if kind not in KINDS.get(place, ()):
            raise ValueError(f"no fault {fault}; docs/esia.md lists them")


def faults_at(system: EsiaSystem, place: str) -> set[str]:
    """Return the faults of a system at ``ac``, ``te`` or ``rs``."""
    return {
        kind
        for where, _, kind in (fault.partition(":") for fault in system.faults)
        if where == place
    }


def strike(system: RegisteredSystem, place: str, standin: Standin) -> set[str]:
    """Let the faults ``slow`` and ``html`` of ``place`` happen; return all for the caller.

    Raises ``HtmlFault``.
    """
    faults = faults_at(system.settings, place)
    if "slow" in faults:
        standin.sleep(SLOW_SECONDS)
    g.esia_clock_shift, g.esia_now = clock_shift(faults), standin.clock()
    if "html" in faults:
        raise HtmlFault
    return faults


def clock_shift(faults: Iterable[str]) -> timedelta:
    """Return how far our clock is to be ahead; negative for behind."""
    for fault in faults:
        if found := _CLOCK_SHIFT.fullmatch(fault):
            return timedelta(hours=int(found[1] or CLOCK_SHIFT_HOURS))
    return timedelta(0)


def shift_date(response: Response) -> Response:
    """Write the ``Date`` that a shifted clock shows: some clients set their own by it (openam)."""
    if shift := g.get("esia_clock_shift"):
        response.headers["Date"] = http_date(g.esia_now + shift)
    return response


def html_page(_fault: HtmlFault) -> Response:
    body = "<!doctype html><title>ESIA</title><h1>Service Temporarily Unavailable</h1>"
    return Response(body, status=503, mimetype="text/html")


def first_code(faults: set[str]) -> str | None:
    """Return the code of the error to answer with, or None."""
    return min((fault for fault in faults if fault.isdigit()), default=None)
