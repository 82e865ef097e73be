"""Exception -> HTTP answer, for the whole application.

400  the form was not ours or out of date, or the address makes no sense
404  there is no such page, load or school, or the operator may not see it (``access.Forbidden``):
     whether it exists is told to nobody; or a number is larger than any that SQLite takes
405  the page does not take this method
409  what was asked cannot be done now, in words; every ``Problem`` says its own status
413  the upload is larger than the reading limits allow
503  Redis does not answer, so nothing can be queued; trying again later helps
500  our own fault; logged with places only, and nothing of it on the page

Applications, systems and whoever watches our health get these in their own forms, people at the
sign-in on its own pages (``auth.failures``), everybody else as pages of the console.

Texts never quote what was sent: it may hold a name or a birth date.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from urllib.parse import urlsplit, urlunsplit

from flask import Flask, jsonify, make_response, redirect, render_template, request
from redis import RedisError
from werkzeug.exceptions import HTTPException
from werkzeug.http import HTTP_STATUS_CODES
from werkzeug.routing import RequestRedirect
from werkzeug.wrappers import Response

from auth import failures
from auth.clients.problems import WrongFields
from service.access import Forbidden
from service.console import forms
from service.i18n import N_
from service.i18n import gettext as _
from service.problems import Problem

log = logging.getLogger(__name__)

_TEXTS = {
    400: (N_("This form is out of date"), N_("Go back, reload the page and send the form again.")),
    404: (
        N_("There is no such page"),
        N_("The address is wrong, or this is outside of what you may see."),
    ),
    405: (N_("This cannot be opened directly"), N_("Use the buttons of the page.")),
    409: (N_("This cannot be done now"), ""),
    413: (
        N_("The files are too large"),
        N_("Load fewer schools at once, or pack the files into a zip archive."),
    ),
    500: (
        N_("Something went wrong on our side"),
        N_("It is written down. Try again; if it happens again, tell your administrator."),
    ),
    503: (
        N_("The queue of jobs does not answer"),
        N_("Nothing is lost: try again in a minute. If it lasts, tell your administrator."),
    ),
}


def init_app(app: Flask) -> None:
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Problem, _problem)
    app.register_error_handler(WrongFields, _wrong_fields)
    app.register_error_handler(OverflowError, lambda _error: _answer(404))
    app.register_error_handler(RedisError, _queue_is_gone)
    app.register_error_handler(Exception, _unexpected)
    app.after_request(_stay_on_this_host)


def _answer(status: int, text: str = "", headers: Iterable[tuple[str, str]] = ()) -> Response:
    """The answer in the form that whoever asks at this address reads; here alone it is chosen.

    ``headers`` are those that belong to the status.
    """
    if face := failures.face_of(request.path):
        response = failures.answer(face, status)
    elif request.path.startswith("/health"):
        response = jsonify({"status": HTTP_STATUS_CODES.get(status, "failed").lower()})
        response.status_code = status
        response.headers["Cache-Control"] = "no-store"
    else:
        response = _page(status, text)
    for name, value in headers:
        response.headers[name] = value
    return response


def _page(status: int, text: str = "") -> Response:
    title, advice = _TEXTS.get(status) or _TEXTS[400 if status < 500 else 500]
    page = render_template("error.html", title=_(title), text=text or _(advice), status=status)
    response = make_response(page, status)
    response.headers["Cache-Control"] = "no-store"
    return response


def _http(error: HTTPException) -> Response:
    if error.code is None or error.code < 400:
        return error.get_response()
    of_the_form = {"content-type", "content-length"}
    headers = [one for one in error.get_headers() if one[0].lower() not in of_the_form]
    return _answer(error.code, headers=headers)


def _stay_on_this_host(response: Response) -> Response:
    """Lead to an address with a slash more or less, and never to another host: the router makes a
    whole address of the ``Host`` header, which anybody can write, and asks no error handler."""
    corrected = request.routing_exception
    if not isinstance(corrected, RequestRedirect):
        return response
    parts = urlsplit(corrected.new_url)
    path = "/" + parts.path.lstrip("/\\")
    return redirect(urlunsplit(("", "", path, parts.query, "")), corrected.code)


def _problem(error: Problem) -> Response:
    """On the page of the form that was sent, where there is one."""
    try:
        page = forms.refusal(error)
    except Forbidden:  # what the page is about is gone meanwhile
        return _answer(404)
    if page is not None:
        return page
    return _answer(error.status, "" if isinstance(error, Forbidden) else forms.said(error))


def _wrong_fields(error: WrongFields) -> Response:
    return forms.refusal(error) or _unexpected(error)


def _queue_is_gone(error: RedisError) -> Response:
    log.error("redis does not answer", extra={"error": type(error).__name__})
    return _answer(503)


def _unexpected(error: Exception) -> Response:
    log.error("unexpected error", exc_info=error)
    return _answer(500)
