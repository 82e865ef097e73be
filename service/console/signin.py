"""Signing an operator in and out."""

from __future__ import annotations

import logging

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from auth.signin.throttle import ThrottleKey, minutes_left
from service.console import session
from service.console.coming_back import lost_form, safe_way_back
from service.console.context import the_console
from service.i18n import gettext as _
from service.i18n import ngettext
from service.operators import sign_in as operator_sign_in

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
    console = the_console()
    now = console.now()
    username = request.form.get("username", "").strip()
    address = request.remote_addr or ""
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
    with console.transaction() as db:
        token = operator_sign_in.sign_in(
            db, username, request.form.get("password", ""),
            lifetime=console.application.operator_lifetime,
            secret=console.application.derived_secret(b"names of operators"), now=now,
        )  # fmt: skip
    if token is None:
        console.throttle.failed(*keys, now=now)
        problem = _("The user name or the password is wrong.")
        return _page(problem, username), 401
    session.begin(token)
    return redirect(safe_way_back(request.args.get("next", "")))


@blueprint.post("/signout")
def sign_out() -> Response:
    session.end()
    flash(_("You are signed out."))
    return redirect(url_for("console.signin.form"))


def _page(problem: str = "", username: str = "") -> str:
    return render_template(
        "console/signin.html", problem=problem, username=username, lost=lost_form()
    )
