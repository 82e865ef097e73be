"""The browser's side: its cookie, the three-hour session, and the pages people see."""

from __future__ import annotations

import hmac
import secrets
import uuid
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from flask import Response, make_response, render_template, request
from sqlalchemy import delete
from sqlalchemy.orm import Session

from auth.esia.models import EsiaSession
from auth.esia.standin import Stand, current_stand
from auth.models import digest
from auth.oidc.provider import current_provider
from auth.signin.sessions import form_token
from auth.texts import LANGUAGES, choose_language

SESSION_COOKIE = "ESIA_SESSION"
BROWSER_COOKIE = "esia_browser"


def browser_cookie() -> str:
    """Return the cookie of this browser, or a fresh one, which ``keep_browser`` will set."""
    return request.cookies.get(BROWSER_COOKIE) or secrets.token_urlsafe(32)


def keep_browser(response: Response, cookie: str) -> Response:
    _set_cookie(response, BROWSER_COOKIE, cookie, None)
    return response


def is_own_form() -> bool:
    """Tell whether a posted form was made for this browser (no cross-site request)."""
    cookie = request.cookies.get(BROWSER_COOKIE, "")
    sent = request.form.get("form_token", "")
    return bool(cookie) and hmac.compare_digest(form_token(cookie).encode(), sent.encode())


def current_session(stand: Stand) -> EsiaSession | None:
    cookie = request.cookies.get(SESSION_COOKIE)
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
        _forget(db)
        db.add(
            EsiaSession(
                cookie_hash=digest(cookie),
                sid=str(uuid.uuid4()),
                oid=oid,
                auth_time=now,
                expires_at=now + timedelta(seconds=age),
            )
        )
    _set_cookie(response, SESSION_COOKIE, cookie, age)


def end_session(response: Response, stand: Stand) -> None:
    with stand.session_factory.begin() as db:
        _forget(db)
    response.delete_cookie(SESSION_COOKIE, path="/", secure=_is_secure(stand), httponly=True)


def render(template: str, *, status: int = 200, **context: Any) -> Response:
    """Return a page in the person's language, with a form token for this browser."""
    language = choose_language(request)
    cookie = browser_cookie()
    query = [(k, v) for k, v in request.args.items(multi=True) if k == "request"]
    body = render_template(
        f"auth/esia/{template}",
        _=current_provider().texts.translator(language),
        language=language,
        languages=[(code, f"?{urlencode([*query, ('ui_locales', code)])}") for code in LANGUAGES],
        form_token=form_token(cookie),
        **context,
    )
    return keep_browser(make_response(body, status), cookie)


def _forget(db: Session) -> None:
    if cookie := request.cookies.get(SESSION_COOKIE):
        db.execute(delete(EsiaSession).where(EsiaSession.cookie_hash == digest(cookie)))


def _is_secure(stand: Stand) -> bool:
    return stand.base_url.startswith("https:")


def _set_cookie(response: Response, name: str, value: str, age: int | None) -> None:
    response.set_cookie(
        name,
        value,
        max_age=age,
        path="/",
        secure=_is_secure(current_stand()),
        httponly=True,
        samesite="Lax",
    )
