"""Beginning and ending a browser's sign-in, with all that hangs on it, in one transaction."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from flask import Request
from sqlalchemy import Connection
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from auth.clients.client import Client
from auth.directory import Account
from auth.events import INSERT_EVENT, event_values
from auth.models import Method, SignIn
from auth.oidc.backchannel import end_grants
from auth.oidc.context import Context
from auth.signin.sessions import Begun


def begin_sign_in(
    context: Context,
    request: Request,
    *,
    account: Account,
    method: Method,
    age: timedelta,
    with_first_password: bool = False,
    goes_on: bool = False,
) -> Begun:
    """Begin the browser's sign-in, by the cookie that the answer has to set
    (``Sessions.cookie``); who was signed in here before is signed out.

    It is stored together with its login event: there is never one without the other, whether
    or not an application asked. ``goes_on``: the person proved nothing anew, so that the event
    of the sign-in before stands for this one too.
    """
    clients, now = context.clients, context.clock()
    with context.engine.begin() as db:
        begun = context.sessions.begin(
            db,
            request,
            person_id=account.person_id,
            method=method,
            with_first_password=with_first_password,
            now=now,
            age=age,
        )
        if not goes_on:
            db.execute(
                INSERT_EVENT,
                event_values(account, client_id="", method=method, refused=None, now=now),
            )
        waiting = _end_grants(db, begun.over, clients, now)
    if waiting:
        context.notices_waiting()
    return begun


def end_sign_in(context: Context, request: Request, response: Response) -> None:
    """End the browser's sign-in and what applications got in it, and have them told."""
    clients, now = context.clients, context.clock()
    with context.engine.begin() as db:
        over = context.sessions.end(db, request, response)
        waiting = _end_grants(db, over, clients, now)
    if waiting:
        context.notices_waiting()


def _end_grants(
    db: Connection, over: SignIn | None, clients: Mapping[str, Client], now: datetime
) -> bool:
    """Whether there is anybody to tell."""
    if over is None:
        return False
    with Session(db) as session:
        notices = end_grants(session, over, clients, now)
        session.flush()
        return bool(notices)
