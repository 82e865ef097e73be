"""The operator's session: a signed cookie with its token, and the token of its forms."""

from __future__ import annotations

import hmac
import secrets

from flask import (
    Flask,
    Request,
    flash,
    g,
    make_response,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from flask import Response as FlaskResponse
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface, SessionMixin
from werkzeug.wrappers import Response

from service.access import Scope
from service.console import coming_back
from service.console.context import the_console
from service.i18n import gettext as _
from service.models import Operator
from service.operators import sessions as operator_sessions


class Sessions(SecureCookieSessionInterface):
    """Flask's, without its work for the many requests that bring no session of the console."""

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        if self.get_cookie_name(app) in request.cookies:
            return super().open_session(app, request)
        return self.session_class()

    def save_session(self, app: Flask, session: SessionMixin, response: FlaskResponse) -> None:
        if session.accessed:
            super().save_session(app, session, response)


def begin(token: str) -> None:
    """Let this browser hold the token of a new session; nothing of an earlier one is kept, but
    that a form came too late is said once more, on the page that had it."""
    lost = coming_back.lost_form()
    session.clear()
    session.permanent = True
    session["token"] = token
    if lost:
        flash(lost)


def end() -> None:
    """End the session, in every browser that holds its token."""
    with the_console().transaction() as db:
        operator_sessions.end(db, _token())
    session.clear()


def form_token() -> str:
    """What each form of this browser must send back as ``form_token``."""
    if "form_token" not in session:
        session["form_token"] = secrets.token_urlsafe(32)
    return str(session["form_token"])


def guard() -> Response | None:
    """Before each page: who asks, and is the posted form one of ours?

    The order matters: a body is read only after the operator is known (or was, with this browser),
    and an upload of gigabytes is allowed on one page only.
    """
    operator = _current_operator()
    if operator is not None:
        g.operator, g.scope = operator, Scope.of(operator)
    elif request.endpoint not in coming_back.PUBLIC_ENDPOINTS:
        if request.method == "POST" and _token():
            coming_back.note_lost_form()
        return redirect(url_for("console.signin.form", next=coming_back.page_of_this()))
    if request.endpoint == coming_back.UPLOAD_ENDPOINT:
        limits = the_console().application.settings.reading.limits
        request.max_content_length = limits.total_bytes
    if request.method == "POST":
        sent = request.form.get("form_token", "")
        if not hmac.compare_digest(form_token().encode(), sent.encode()):
            return _out_of_date()
    return None


def _out_of_date() -> Response:
    """The form is of an earlier session, or not ours: nothing is done, and the way to it shown."""
    page = render_template(
        "error.html",
        status=400,
        title=_("This form is out of date"),
        text=_("Nothing of it was done. Open its page and give it again."),
        address=coming_back.page_of_this() or url_for("console.home.index"),
        way=_("To the page"),
    )
    return make_response(page, 400)


def _current_operator() -> Operator | None:
    if not _token():
        return None
    console = the_console()
    return operator_sessions.operator_of(
        console.application.sessions, _token(), console.application.operator_lifetime, console.now()
    )


def _token() -> str:
    return str(session.get("token", ""))
