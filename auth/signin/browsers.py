"""What a browser keeps of its people: the session, a random cookie that points to a sign-in, and
device cookies, by which a browser in which somebody signed in before is known again.

OWASP, "Slow Down Online Guessing Attacks with Device Cookies": such a browser has a counter of its
own, so failures elsewhere, also at the same network address, do not keep its person out. The cookie
proves an earlier sign-in and nothing else; it names nobody and is worth nothing for another login.
"""

from __future__ import annotations

import hmac
import secrets
from datetime import datetime, timedelta

from flask import Request
from sqlalchemy import Connection, Engine, bindparam, delete, select
from werkzeug.wrappers import Response

from auth.cookies import host_cookie
from auth.models import SignIn, digest, table_of

MAX_AGE = timedelta(days=180)
MAX_PEOPLE = 8
"""The number of people of one browser who are known again: a family, or the last at a school."""

_SIGN_INS = table_of(SignIn)
_FIND = select(_SIGN_INS).where(_SIGN_INS.c.cookie_hash == bindparam("cookie"))
_FORGET = (
    delete(_SIGN_INS).where(_SIGN_INS.c.cookie_hash == bindparam("cookie")).returning(*_SIGN_INS.c)
)


class Sessions:
    """Sign-ins by cookie. The cookie names nobody; before a sign-in it has no row at all."""

    def __init__(self, engine: Engine, *, issuer: str) -> None:
        self._engine = engine
        self.cookie = host_cookie("signin", secure=issuer.startswith("https:"))

    def current(self, request: Request, now: datetime) -> SignIn | None:
        """Return the browser's sign-in, if it still counts."""
        cookie = self.cookie.read(request)
        if not cookie:
            return None
        with self._engine.connect() as db:
            row = db.execute(_FIND, {"cookie": digest(cookie)}).one_or_none()
        return SignIn(**row._mapping) if row and row.expires_at > now else None

    def forget(self, db: Connection, request: Request) -> SignIn | None:
        """End the browser's sign-in and return it."""
        cookie = self.cookie.read(request)
        row = db.execute(_FORGET, {"cookie": digest(cookie)}).one_or_none()
        return SignIn(**row._mapping) if row else None


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
