"""The browser's side: the three-hour session, and the pages people see."""

from __future__ import annotations

import secrets
import uuid
from datetime import datetime, timedelta
from typing import Any

from flask import request
from sqlalchemy import delete
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from auth.esia.models import EsiaSession
from auth.esia.standin import Stand, current_stand
from auth.models import digest
from auth.pages.shell import render_page


def current_session(stand: Stand) -> EsiaSession | None:
    cookie = stand.session_cookie.read(request)
    if not cookie:
        return None
    with stand.session_factory() as db:
        session = db.get(EsiaSession, digest(cookie))
        db.expunge_all()
    return session if session and session.expires_at > stand.clock() else None


def begin_session(response: Response, oid: int, now: datetime, stand: Stand) -> None:
    """Sign the person in under a new cookie, so that one planted earlier is worth nothing."""
    cookie = secrets.token_urlsafe(32)
    age = stand.settings.session_seconds
    with stand.session_factory.begin() as db:
        _forget(db, stand)
        db.add(
            EsiaSession(
                cookie_hash=digest(cookie),
                sid=str(uuid.uuid4()),
                oid=oid,
                auth_time=now,
                expires_at=now + timedelta(seconds=age),
            )
        )
    stand.session_cookie.write(response, cookie, max_age=age)


def end_session(response: Response, stand: Stand) -> None:
    with stand.session_factory.begin() as db:
        _forget(db, stand)
    stand.session_cookie.forget(response)


def render(template: str, **values: Any) -> Response:
    return render_page(f"esia/{template}", current_stand().browser_cookie, **values)


def _forget(db: Session, stand: Stand) -> None:
    if cookie := stand.session_cookie.read(request):
        db.execute(delete(EsiaSession).where(EsiaSession.cookie_hash == digest(cookie)))
