"""The browser's session: a random cookie and the sign-in it points to."""

from __future__ import annotations

from datetime import datetime

from flask import Request
from sqlalchemy import Connection, Engine, bindparam, delete, select

from auth.cookies import host_cookie
from auth.models import SignIn, digest, table_of

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
