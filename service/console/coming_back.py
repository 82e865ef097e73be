"""The way back to a page whose session had ended, and what has to be given there again."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import current_app, request, session, url_for
from werkzeug.exceptions import HTTPException

from service.console.context import the_console
from service.i18n import gettext as _

PUBLIC_ENDPOINTS = {"console.signin.form", "console.signin.sign_in"}
SIGN_OUT_ENDPOINT = "console.signin.sign_out"
UPLOAD_ENDPOINT = "console.uploads.receive"
FILE_ENDPOINTS = {UPLOAD_ENDPOINT, "console.registry_imports.receive"}
PIECE_BYTES = 65_536


def safe_way_back(address: str) -> str:
    """``address`` if it is a page of the console, else the console's first page."""
    inside = address.startswith("/console/") and "\\" not in address and address.isprintable()
    return address if inside else url_for("console.home.index")


def page_of_this() -> str | None:
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


def note_lost_form() -> None:
    """Remember, for the sign-in and the page after it, what kind of form came too late."""
    endpoint = request.endpoint or ""
    if endpoint == SIGN_OUT_ENDPOINT:
        return
    kind = "decision" if endpoint.startswith("console.loads.") else "form"
    if endpoint in FILE_ENDPOINTS:
        kind = "files"
        limits = the_console().application.settings.reading.limits
        request.max_content_length = limits.total_bytes
    session["lost"] = kind
    # A browser that is cut off while it sends shows none of the answer.
    while request.stream.read(PIECE_BYTES):
        pass


def lost_form() -> str:
    """What was remembered, in words; empty: nothing was lost."""
    texts = {
        "files": _(
            "Your session had ended before the files arrived: they were not taken. Choose them "
            "again."
        ),
        "decision": _(
            "Your session had ended before the decision arrived: nothing was done. Look at the "
            "plan and decide again."
        ),
        "form": _(
            "Your session had ended before the form arrived: nothing was done. Give it again."
        ),
    }
    return texts.get(str(session.get("lost", "")), "")


def _can_be_opened(path: str) -> bool:
    try:
        endpoint, _values = current_app.url_map.bind("localhost").match(path, method="GET")
    except HTTPException:
        return False
    return str(endpoint).startswith("console.") and endpoint not in PUBLIC_ENDPOINTS
