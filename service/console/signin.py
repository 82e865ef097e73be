"""Signing an operator in and out."""

from __future__ import annotations

import logging

from flask import Blueprint, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from auth.signin.throttle import ThrottleKey, minutes_left
from service.console import context, session
from service.console.context import the_console, transaction
from service.console.forms import done, typed
from service.i18n import gettext as _
from service.i18n import ngettext
from service.operators import sessions as operator_sessions

log = logging.getLogger(__name__)

blueprint = Blueprint("signin", __name__)

FAILURES_PER_OPERATOR = 10
FAILURES_PER_ADDRESS = 50


@blueprint.get("/signin")
def form() -> Response | str:
    if "operator" in g:
        return redirect(url_for("console.home.index"))
    return _page()


@blueprint.post("/signin")
def sign_in() -> Response | tuple[str, int]:
    """Check the password. After too many failures the right one is refused as well, for a while."""
    console, now = the_console(), context.now()
    username, address = typed("username"), request.remote_addr or ""
    keys = (
        ThrottleKey(text=f"operator {username} {address}", limit=FAILURES_PER_OPERATOR),
        ThrottleKey(text=f"operators {address}", limit=FAILURES_PER_ADDRESS),
    )
    if until := console.throttle.paused_until(*keys, now=now):
        problem = ngettext(
            "Too many failed attempts. Try again in {n} minute.",
            "Too many failed attempts. Try again in {n} minutes.",
            minutes_left(until, now),
        )
        log.warning("an operator's sign-in was paused after failures")
        return _page(problem, username), 429
    with transaction() as db:
        token = operator_sessions.sign_in(
            db, username, request.form.get("password", ""),
            lifetime=console.application.operator_lifetime,
            secret=console.application.derived_secret(b"names of operators"), now=now,
        )  # fmt: skip
    if token is None:
        console.throttle.failed(*keys, now=now)
        return _page(_("The user name or the password is wrong."), username), 401
    session.begin(token)
    return redirect(session.safe_way_back(request.args.get("next", "")))


@blueprint.post("/signout")
def sign_out() -> Response:
    session.end()
    return done(_("You are signed out."), "console.signin.form")


def _page(problem: str = "", username: str = "") -> str:
    return render_template(
        "console/signin.html", problem=problem, username=username, lost=session.lost_form()
    )
