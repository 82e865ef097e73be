"""Device cookies: a browser in which somebody signed in before is known again, for the throttle.

OWASP, "Slow Down Online Guessing Attacks with Device Cookies": such a browser has a counter of its
own, so failures elsewhere, also at the same network address, do not keep its person out. The cookie
proves an earlier sign-in and nothing else; it names nobody and is worth nothing for another login.
"""

from __future__ import annotations

import hmac
import secrets
from datetime import datetime, timedelta

from flask import Request
from werkzeug.wrappers import Response

from auth.cookies import host_cookie

MAX_AGE = timedelta(days=180)
MAX_PEOPLE = 8
"""The number of people of one browser who are known again: a family, or the last at a school."""


class Devices:
    """Reads and writes the cookie: ``<days until>.<random>.<mark>`` for each person, joined by
    ``~``. The mark is a keyed hash of all of it with the login."""

    def __init__(self, secret: bytes, *, secure: bool) -> None:
        self._secret = hmac.digest(secret, b"device cookie", "sha256")
        self._cookie = host_cookie("device", secure=secure)

    def recognise(self, request: Request, username: str, now: datetime) -> str:
        """Return the name of this browser for the person with this login; empty if unknown."""
        for entry in self._entries(request):
            if name := self._check(entry, username, now):
                return name
        return ""

    def remember(self, request: Request, response: Response, username: str, now: datetime) -> None:
        """Note in the browser that this person signed in, under a fresh name."""
        others = [one for one in self._entries(request) if not self._check(one, username, now)]
        until = int((now + MAX_AGE).timestamp() // 86_400)
        name = f"{until}.{secrets.token_urlsafe(12)}"
        entries = [f"{name}.{self._mark(name, username)}", *others][:MAX_PEOPLE]
        self._cookie.write(response, "~".join(entries), max_age=MAX_AGE)

    def _entries(self, request: Request) -> list[str]:
        return [entry for entry in self._cookie.read(request).split("~")[:MAX_PEOPLE] if entry]

    def _check(self, entry: str, username: str, now: datetime) -> str:
        name, _dot, mark = entry.rpartition(".")
        until = name.partition(".")[0]
        if not hmac.compare_digest(self._mark(name, username).encode(), mark.encode()):
            return ""
        return name if int(until) * 86_400 > now.timestamp() else ""

    def _mark(self, name: str, username: str) -> str:
        return hmac.digest(self._secret, f"{name} {username}".encode(), "sha256").hex()[:32]
