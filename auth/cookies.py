"""The cookies of our pages, and the form tokens made of the one that names a browser."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import timedelta

from flask import Request
from werkzeug.wrappers import Response


@dataclass(frozen=True, kw_only=True, slots=True)
class Cookie:
    """A cookie for all our addresses that scripts and other sites' forms do not get."""

    name: str
    secure: bool
    """It goes over https only; never false but on loopback."""
    path: str = "/"
    same_site: str = "Lax"

    def read(self, request: Request) -> str:
        """Its value; empty when the browser has none."""
        return request.cookies.get(self.name, "")

    def write(
        self, response: Response, value: str, *, max_age: timedelta | int | None = None
    ) -> None:
        """Without an age it goes with the browser window."""
        response.set_cookie(
            self.name,
            value,
            max_age=max_age,
            path=self.path,
            secure=self.secure,
            httponly=True,
            samesite=self.same_site,
        )

    def forget(self, response: Response) -> None:
        self.write(response, "", max_age=0)

    # For the cookie that names a browser.

    def browser(self, request: Request) -> str:
        """The value this browser has, or a fresh one for it, to be written."""
        return self.read(request) or secrets.token_urlsafe(32)

    def is_own_form(self, request: Request) -> bool:
        return is_own_form(self.read(request), request)


def host_cookie(name: str, *, secure: bool) -> Cookie:
    """One that browsers refuse from a sibling host or over plain http, by its prefix."""
    return Cookie(name=f"__Host-{name}" if secure else name, secure=secure)


def form_token(cookie: str) -> str:
    """What a form must send back to show that it was made for the browser with this cookie.

    Only who knows the cookie can compute it, and it does not give the cookie away.
    """
    return hashlib.sha256(b"form:" + cookie.encode()).hexdigest()


def is_own_form(cookie: str, request: Request) -> bool:
    """Tell whether a posted form was made for the browser with this cookie: it is no cross-site
    request."""
    sent = request.form.get("form_token", "")
    return bool(cookie) and hmac.compare_digest(form_token(cookie).encode(), sent.encode())
