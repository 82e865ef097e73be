"""The operator's session: a signed cookie with its token, and the token of its forms; the way back
to a page whose session had ended, and what has to be given there again."""

from __future__ import annotations

import secrets
from urllib.parse import urlsplit

from flask import (
    Flask,
    Request,
    current_app,
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
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from auth import cookies
from service.access import Scope
from service.console.context import now, settings, the_console, transaction
from service.i18n import N_
from service.i18n import gettext as _
from service.models import Operator
from service.operators import sessions as operator_sessions

PUBLIC_ENDPOINTS = {"console.signin.form", "console.signin.sign_in"}
SIGN_OUT_ENDPOINT = "console.signin.sign_out"
UPLOAD_ENDPOINT = "console.uploads.receive"
FILE_ENDPOINTS = {UPLOAD_ENDPOINT, "console.registry_imports.receive"}
PIECE_BYTES = 65_536

LOST = {
    "files": N_(
        "Your session had ended before the files arrived: they were not taken. Choose them again."
    ),
    "decision": N_(
        "Your session had ended before the decision arrived: nothing was done. Look at the plan "
        "and decide again."
    ),
    "form": N_("Your session had ended before the form arrived: nothing was done. Give it again."),
}


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
    lost = lost_form()
    session.clear()
    session.permanent = True
    session["token"] = token
    if lost:
        flash(lost)


def end() -> None:
    """End the session, in every browser that holds its token."""
    with transaction() as db:
        operator_sessions.end(db, _token())
    session.clear()


def form_token() -> str:
    """Return what each form of this browser must send back as ``form_token``."""
    return cookies.form_token(session.setdefault("browser", secrets.token_urlsafe(32)))


def guard() -> Response | None:
    """Before each page: who asks, and is the posted form one of ours?

    The order matters: a body is read only after the operator is known (or was, with this browser),
    and an upload of gigabytes is allowed on one page only.
    """
    operator = _current_operator()
    if operator is not None:
        g.operator, g.scope = operator, Scope.of(operator)
    elif request.endpoint not in PUBLIC_ENDPOINTS:
        if request.method == "POST" and _token():
            _note_lost_form()
        return redirect(url_for("console.signin.form", next=_page_of_this()))
    if request.endpoint == UPLOAD_ENDPOINT:
        request.max_content_length = settings().reading.limits.total_bytes
    if request.method == "POST" and not cookies.is_own_form(session.get("browser", ""), request):
        return _out_of_date()
    return None


def _out_of_date() -> Response:
    """The form is of an earlier session, or not ours: nothing is done, and the way to it shown."""
    page = render_template(
        "error.html",
        status=400,
        title=_("This form is out of date"),
        text=_("Nothing of it was done. Open its page and give it again."),
        address=_page_of_this() or url_for("console.home.index"),
        way=_("To the page"),
    )
    return make_response(page, 400)


def _current_operator() -> Operator | None:
    if not _token():
        return None
    application = the_console().application
    return operator_sessions.operator_of(
        application.sessions, _token(), application.operator_lifetime, now()
    )


def _token() -> str:
    return str(session.get("token", ""))


def safe_way_back(address: str) -> str:
    """``address`` if it is a page of the console, else the console's first page."""
    inside = address.startswith("/console/") and "\\" not in address and address.isprintable()
    return address if inside else url_for("console.home.index")


def _page_of_this() -> str | None:
    """The page that is asked for. Of a posted form the one that held it, as the browser says, or
    the nearest above its address; None: there is none."""
    if request.method == "GET":
        return request.full_path.rstrip("?")
    came_from = urlsplit(request.referrer or "")
    if came_from.netloc == request.host and _can_be_opened(came_from.path):
        return came_from._replace(scheme="", netloc="").geturl()
    path = request.path
    while path.startswith("/console/"):
        if _can_be_opened(path):
            return path
        path = path.rpartition("/")[0]
    return None


def _note_lost_form() -> None:
    """Remember, for the sign-in and the page after it, what kind of form came too late."""
    endpoint = request.endpoint or ""
    if endpoint == SIGN_OUT_ENDPOINT:
        return
    kind = "decision" if endpoint.startswith("console.loads.") else "form"
    if endpoint in FILE_ENDPOINTS:
        kind = "files"
        request.max_content_length = settings().reading.limits.total_bytes
    session["lost"] = kind
    # A browser that is cut off while it sends shows none of the answer.
    while request.stream.read(PIECE_BYTES):
        pass


def lost_form() -> str:
    """What was remembered, in words; empty: nothing was lost."""
    kind = session.get("lost")
    return _(LOST[kind]) if kind in LOST else ""


def _can_be_opened(path: str) -> bool:
    try:
        endpoint, _values = current_app.url_map.bind("localhost").match(path, method="GET")
    except HTTPException:
        return False
    return str(endpoint).startswith("console.") and endpoint not in PUBLIC_ENDPOINTS
