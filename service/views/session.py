"""The operator's session: a signed cookie that names the operator, and the token of its forms."""

from __future__ import annotations

import hashlib
import hmac
import secrets

from flask import Flask, Request, abort, g, redirect, request, session, url_for
from flask import Response as FlaskResponse
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface, SessionMixin
from werkzeug.wrappers import Response

from service.access import Scope
from service.models import Operator
from service.views.context import the_console

PUBLIC_ENDPOINTS = {"console.signin.form", "console.signin.sign_in"}
UPLOAD_ENDPOINT = "console.uploads.receive"


class Sessions(SecureCookieSessionInterface):
    """Flask's, without its work for the many requests that bring no session of the console."""

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        if self.get_cookie_name(app) in request.cookies:
            return super().open_session(app, request)
        return self.session_class()

    def save_session(self, app: Flask, session: SessionMixin, response: FlaskResponse) -> None:
        if session.accessed:
            super().save_session(app, session, response)


def begin(operator: Operator) -> None:
    """Sign the operator in; nothing of an earlier session is kept."""
    session.clear()
    session.permanent = True
    session["operator"] = operator.id
    session["password"] = _password_mark(operator)


def end() -> None:
    session.clear()


def form_token() -> str:
    """What each form of this browser must send back as ``form_token``."""
    if "form_token" not in session:
        session["form_token"] = secrets.token_urlsafe(32)
    return str(session["form_token"])


def guard() -> Response | None:
    """Before each page: who asks, and is the posted form one of ours?

    The order matters: a body is read only after the operator is known, and an upload of
    gigabytes is allowed on one page only.
    """
    operator = _current_operator()
    if operator is not None:
        g.operator, g.scope = operator, Scope.of(operator)
    elif request.endpoint not in PUBLIC_ENDPOINTS:
        return redirect(url_for("console.signin.form", next=_way_back()))
    if request.endpoint == UPLOAD_ENDPOINT:
        limits = the_console().application.settings.reading.limits
        request.max_content_length = limits.total_bytes
    if request.method == "POST":
        sent = request.form.get("form_token", "")
        if not hmac.compare_digest(form_token().encode(), sent.encode()):
            abort(400)
    return None


def safe_way_back(address: str) -> str:
    """``address`` if it is a page of the console, else the console's first page."""
    inside = address.startswith("/console/") and "\\" not in address and address.isprintable()
    return address if inside else url_for("console.home.index")


def _way_back() -> str | None:
    return request.full_path.rstrip("?") if request.method == "GET" else None


def _current_operator() -> Operator | None:
    number = session.get("operator")
    if not isinstance(number, int):
        return None
    with the_console().application.sessions() as db:
        operator = db.get(Operator, number)
    if operator is None or not operator.active:
        return None
    # A changed password ends the sessions that began with the old one.
    if not hmac.compare_digest(_password_mark(operator), str(session.get("password", ""))):
        return None
    return operator


def _password_mark(operator: Operator) -> str:
    key = the_console().application.secret
    return hmac.new(key, operator.password_hash.encode(), hashlib.sha256).hexdigest()[:32]
