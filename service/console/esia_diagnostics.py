"""The log of one system for its developer, who is no operator: opened by a key, shows nobody."""

from __future__ import annotations

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from service.console.context import the_console
from service.console.systems_log import log_page
from service.signin.esia_systems import system_of_key

COOKIE = "esia_diagnostics"
COOKIE_SECONDS = 8 * 3600

blueprint = Blueprint("esia_diagnostics", __name__, url_prefix="/esia/diagnostics")


@blueprint.after_request
def _keep_private(response: Response) -> Response:
    response.headers["Cache-Control"] = "no-store"
    return response


@blueprint.get("")
def index() -> str:
    """The form for the key, or the log that the key of this browser opens."""
    with the_console().transaction() as db:
        mnemonic = system_of_key(db, request.cookies.get(COOKIE, ""))
        page = log_page(db, mnemonic) if mnemonic else None
    return render_template("esia_diagnostics.html", mnemonic=mnemonic, page=page, wrong=False)


@blueprint.post("")
def open_log() -> Response:
    """The key is posted and kept in a cookie: addresses are kept by browsers and proxies."""
    key = request.form.get("key", "").strip()
    with the_console().transaction() as db:
        mnemonic = system_of_key(db, key)
    if mnemonic is None:
        page = render_template("esia_diagnostics.html", mnemonic=None, page=None, wrong=True)
        return make_response(page, 404)
    response = redirect(url_for(".index"), 303)
    response.set_cookie(
        COOKIE,
        key,
        max_age=COOKIE_SECONDS,
        path=url_for(".index"),
        httponly=True,
        samesite="Strict",
        secure=request.is_secure,
    )
    return response


@blueprint.post("/close")
def close() -> Response:
    response = redirect(url_for(".index"), 303)
    response.delete_cookie(COOKIE, path=url_for(".index"), httponly=True, samesite="Strict")
    return response
