"""The browser's session: a random cookie and the sign-in it points to."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from flask import Request
from sqlalchemy import Connection, Engine, bindparam, delete, insert, select
from werkzeug.wrappers import Response

from auth.cookies import host_cookie
from auth.models import Method, SignIn, digest, table_of

_SIGN_INS = table_of(SignIn)
_FIND = select(_SIGN_INS).where(_SIGN_INS.c.cookie_hash == bindparam("cookie"))
_FORGET = (
    delete(_SIGN_INS).where(_SIGN_INS.c.cookie_hash == bindparam("cookie")).returning(*_SIGN_INS.c)
)
_BEGIN = insert(_SIGN_INS)


@dataclass(frozen=True, kw_only=True, slots=True)
class Begun:
    """A new sign-in."""

    cookie: str = field(repr=False)
    sign_in: SignIn
    over: SignIn | None
    """The earlier sign-in of somebody else in this browser, which it ended."""


class Sessions:
    """Sign-ins by cookie. The cookie names nobody; before a sign-in it has no row at all."""

    def __init__(self, engine: Engine, *, issuer: str) -> None:
        self._engine = engine
        self.cookie = host_cookie("signin", secure=issuer.startswith("https:"))

    def current(self, request: Request, now: datetime) -> SignIn | None:
        cookie = self.cookie.read(request)
        if not cookie:
            return None
        with self._engine.connect() as db:
            row = db.execute(_FIND, {"cookie": digest(cookie)}).one_or_none()
        return SignIn(**row._mapping) if row and row.expires_at > now else None

    def begin(
        self,
        db: Connection,
        request: Request,
        *,
        person_id: str,
        method: Method,
        with_first_password: bool,
        now: datetime,
        age: timedelta,
    ) -> Begun:
        """Sign the person in under a new cookie, so that one planted earlier is worth nothing."""
        cookie = secrets.token_urlsafe(32)
        earlier = self._forget(db, request)
        same = earlier if earlier and earlier.person_id == person_id else None
        sign_in = {
            "cookie_hash": digest(cookie),
            "person_id": person_id,
            "auth_time": now,
            "expires_at": now + age,
            "with_first_password": with_first_password,
            "used": False,
            "method": method.value,
            "sid": same.sid if same else secrets.token_hex(32),
        }
        db.execute(_BEGIN, sign_in)
        return Begun(cookie=cookie, sign_in=SignIn(**sign_in), over=None if same else earlier)

    def end(self, db: Connection, request: Request, response: Response) -> SignIn | None:
        """Forget the cookie here and in the browser; the sign-in it pointed to."""
        self.cookie.forget(response)
        return self._forget(db, request)

    def _forget(self, db: Connection, request: Request) -> SignIn | None:
        cookie = self.cookie.read(request)
        row = db.execute(_FORGET, {"cookie": digest(cookie)}).one_or_none()
        return SignIn(**row._mapping) if row else None
