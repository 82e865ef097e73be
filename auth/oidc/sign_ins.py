"""Beginning and ending a browser's sign-in, with all that hangs on it, in one transaction."""

from __future__ import annotations

import secrets

from flask import request
from sqlalchemy import insert
from werkzeug.wrappers import Response

from auth.clients.client import Client
from auth.directory import Account
from auth.events import INSERT_EVENT, event_values
from auth.models import Method, SignIn, digest, table_of
from auth.oidc.context import Context
from auth.signin.end_sign_ins import end_grants

_BEGIN = insert(table_of(SignIn))


def begin_sign_in(
    context: Context,
    account: Account,
    method: Method,
    client: Client | None,
    *,
    with_first_password: bool = False,
    goes_on: bool = False,
) -> tuple[SignIn, str]:
    """Begin a sign-in of this browser and return it with its cookie, which the answer has to set.

    The cookie is new, so that one planted earlier is worth nothing. Somebody else who was signed in
    here is signed out. The sign-in is stored together with its login event: there is never one
    without the other, whether or not a ``client`` asked. ``goes_on``: the person proved nothing
    anew, so that the event of the sign-in before stands for this one too.
    """
    clients, now, cookie = context.clients, context.clock(), secrets.token_urlsafe(32)
    with context.engine.begin() as db:
        over, sid = context.sessions.forget(db, request), secrets.token_hex(32)
        if over and over.person_id == account.person_id:
            sid, over = over.sid, None
        values = {
            "cookie_hash": digest(cookie),
            "person_id": account.person_id,
            "auth_time": now,
            "expires_at": now + context.session_age(client),
            "with_first_password": with_first_password,
            "used": False,
            "method": method.value,
            "sid": sid,
        }
        db.execute(_BEGIN, values)
        if not goes_on:
            event = event_values(account, client_id="", method=method, refused=None, now=now)
            db.execute(INSERT_EVENT, event)
        waiting = end_grants(db, over, clients, now) if over else 0
    if waiting:
        context.notices_waiting()
    return SignIn(**values), cookie


def end_sign_in(context: Context, response: Response) -> None:
    """End the browser's sign-in and what applications got in it, and have them told."""
    context.sessions.cookie.forget(response)
    clients, now = context.clients, context.clock()
    with context.engine.begin() as db:
        over = context.sessions.forget(db, request)
        waiting = end_grants(db, over, clients, now) if over else 0
    if waiting:
        context.notices_waiting()
