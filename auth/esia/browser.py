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
from auth.esia.standin import Standin, current_standin
from auth.models import digest
from auth.pages.shell import render_page


def current_session(standin: Standin) -> EsiaSession | None:
    cookie = standin.session_cookie.read(request)
    if not cookie:
        return None
    with standin.session_factory() as db:
        session = db.get(EsiaSession, digest(cookie))
        db.expunge_all()
    return session if session and session.expires_at > standin.clock() else None


def begin_session(response: Response, oid: int, now: datetime, standin: Standin) -> None:
    """Sign the person in under a new cookie, so that one planted earlier is worth nothing."""
    cookie = secrets.token_urlsafe(32)
    age = standin.settings.session_seconds
    with standin.session_factory.begin() as db:
        _forget(db, standin)
        db.add(
            EsiaSession(
                cookie_hash=digest(cookie),
                sid=str(uuid.uuid4()),
                oid=oid,
                auth_time=now,
                expires_at=now + timedelta(seconds=age),
            )
        )
    standin.session_cookie.write(response, cookie, max_age=age)


def end_session(response: Response, standin: Standin) -> None:
    with standin.session_factory.begin() as db:
        _forget(db, standin)
    standin.session_cookie.forget(response)


def render(template: str, **values: Any) -> Response:
    return render_page(f"esia/{template}", current_standin().browser_cookie, **values)


def _forget(db: Session, standin: Standin) -> None:
    if cookie := standin.session_cookie.read(request):
        db.execute(delete(EsiaSession).where(EsiaSession.cookie_hash == digest(cookie)))
