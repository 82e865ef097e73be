"""The log of one system for its developer, who is no operator: opened by a key, shows nobody."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from auth.cookies import Cookie
from auth.esia.models import EsiaLogEntry, EsiaRefusal
from service.console.context import transaction
from service.console.forms import typed
from service.console.pages import keep_private
from service.console.paging import Page, page_of
from service.signin.esia_systems import log_of, system_of_key

COOKIE_AGE = timedelta(hours=8)
PAGE_SIZE = 50

blueprint = Blueprint("esia_diagnostics", __name__, url_prefix="/esia/diagnostics")
blueprint.after_request(keep_private)


@blueprint.get("")
def index() -> str:
    """The form for the key, or the log that the key of this browser opens."""
    with transaction() as db:
        mnemonic = system_of_key(db, _cookie().read(request))
        log = log_page(db, mnemonic) if mnemonic else {}
    return render_template("esia_diagnostics.html", mnemonic=mnemonic, wrong=False, **log)


@blueprint.post("")
def open_log() -> Response:
    """The key is posted and kept in a cookie: addresses are kept by browsers and proxies."""
    key = typed("key")
    with transaction() as db:
        mnemonic = system_of_key(db, key)
    if mnemonic is None:
        page = render_template("esia_diagnostics.html", mnemonic=None, wrong=True)
        return make_response(page, 404)
    response = redirect(url_for(".index"), 303)
    _cookie().write(response, key, max_age=COOKIE_AGE)
    return response


@blueprint.post("/close")
def close() -> Response:
    response = redirect(url_for(".index"), 303)
    _cookie().forget(response)
    return response


def _cookie() -> Cookie:
    return Cookie(
        name="esia_diagnostics",
        secure=request.is_secure,
        path=url_for("esia_diagnostics.index"),
        same_site="Strict",
    )


def log_page(db: Session, mnemonic: str) -> dict[str, Any]:
    """Return the page of a system's log that the request asks for, and the refusals in it by
    their number, with what the stand-in says to the developer about each."""
    page: Page[EsiaLogEntry] = page_of(db, log_of(mnemonic), size=PAGE_SIZE)
    numbers = [entry.refusal_id for entry in page.items if entry.refusal_id]
    refusals = db.scalars(select(EsiaRefusal).where(EsiaRefusal.id.in_(numbers))).all()
    db.expunge_all()
    return {"page": page, "refusals": {refusal.id: refusal for refusal in refusals}}
