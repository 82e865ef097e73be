"""The REST endpoint: form fields in, JSON or XML out, faults on the way."""

from __future__ import annotations

import socket
import time
from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response, current_app, request

from service.moodle_standin.dispatch import CALL_EXTERNAL, Dispatcher, structures, write_json
from service.moodle_standin.errors import MoodleError, database_unreachable, invalid_parameter
from service.moodle_standin.faults import Fault, FaultKind, FaultPlan
from service.moodle_standin.form_fields import Fields, nest, read_urlencoded
from service.moodle_standin.xml_answer import write_answer, write_error

REST_PATH = "/webservice/rest/server.php"
RETRY_AFTER_SECONDS = 300
_OWN_FIELDS = ("wstoken", "wsfunction", "moodlewsrestformat")
_SETTING_FIELDS = tuple(
    f"moodlewssetting{name}" for name in ("raw", "fileurl", "filter", "lang", "timezone")
)
_HTML = (
    "<!DOCTYPE html><html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>"
)

blueprint = Blueprint("moodle_rest", __name__)


@blueprint.route(REST_PATH, methods=["GET", "POST"])
def rest() -> Response:
    dispatcher: Dispatcher = current_app.extensions["moodle_standin"]
    plan: FaultPlan = current_app.extensions["moodle_standin_faults"]
    fields = _read_fields(dispatcher)
    faults = plan.take(_named_functions(fields))
    broken = _strike_before(faults)
    if broken is not None:
        return broken
    response = _answer(dispatcher, fields)
    if any(fault.kind is FaultKind.DROP_AFTER for fault in faults):
        return drop_connection()
    return response


def _read_fields(dispatcher: Dispatcher) -> Fields:
    settings = dispatcher.settings
    limit = settings.max_input_vars
    body = request.get_data(cache=True, parse_form_data=False)
    fields = nest(read_urlencoded(request.query_string.decode("latin-1")), max_input_vars=limit)
    if len(body) > settings.post_max_bytes:
        return fields  # PHP loses every field of a body that is too big.
    if request.mimetype == "multipart/form-data":
        pairs = list(request.form.items(multi=True))
    elif request.mimetype == "application/x-www-form-urlencoded":
        pairs = read_urlencoded(body.decode("latin-1"))
    else:
        pairs = []
    return fields | nest(pairs, max_input_vars=limit)


def _named_functions(fields: Fields) -> frozenset[str]:
    names = {str(fields.get("wsfunction", ""))}
    if CALL_EXTERNAL in names and isinstance(fields.get("requests"), dict):
        for inner in fields["requests"].values():
            if isinstance(inner, Mapping):
                names.add(str(inner.get("function", "")))
    return frozenset(names)


def _strike_before(faults: list[Fault]) -> Response | None:
    for fault in faults:
        if fault.kind is FaultKind.SLOW:
            time.sleep(fault.seconds)
        elif fault.kind is FaultKind.SERVER_ERROR:
            return _page("Server error", fault.status)
        elif fault.kind is FaultKind.UNAVAILABLE:
            return _unavailable(fault.seconds)
        elif fault.kind is FaultKind.HTML:
            return _page("Something else", 200)
        elif fault.kind is FaultKind.DROP_BEFORE:
            return drop_connection()
    return None


def _page(title: str, status: int) -> Response:
    return Response(_HTML.format(title=title), status, content_type="text/html; charset=utf-8")


def _unavailable(seconds: float) -> Response:
    response = _page("This site is undergoing maintenance and is currently not available", 503)
    response.headers["Retry-After"] = str(int(seconds))
    return response


def drop_connection() -> Response:
    """Close the socket under the server, so the caller sees a broken connection, no answer."""
    connection: socket.socket | None = request.environ.get(
        "werkzeug.socket", request.environ.get("gunicorn.socket")
    )
    if connection is not None:
        connection.shutdown(socket.SHUT_RDWR)
    response = Response("", 500)
    response.headers["Connection"] = "close"
    return response


def _answer(dispatcher: Dispatcher, fields: Fields) -> Response:
    settings = dispatcher.settings
    if settings.maintenance:
        return _unavailable(RETRY_AFTER_SECONDS)
    if settings.database_reachable and not (settings.webservices_enabled and settings.rest_enabled):
        return Response("", 403, content_type="text/html; charset=utf-8")
    as_json = fields.get("moodlewsrestformat") == "json"
    try:
        name, answer = _call(dispatcher, fields)
    except MoodleError as error:
        return _failure(error, as_json=as_json, debug=settings.debug)
    if as_json:
        return Response(write_json(answer), content_type="application/json")
    return _xml(write_answer(answer, structures()[name]["returns"]))


def _call(dispatcher: Dispatcher, fields: Fields) -> tuple[str, Any]:
    if not dispatcher.settings.database_reachable:
        raise database_unreachable()
    token = dispatcher.identify(_scalar(fields.get("wstoken")))
    name = _scalar(fields.get("wsfunction"))
    if not name:
        raise invalid_parameter("Missing function name")
    given = {
        key: value
        for key, value in fields.items()
        if key not in _OWN_FIELDS and key not in _SETTING_FIELDS
    }
    return name, dispatcher.call(token, name, given, request.host_url.rstrip("/"))


def _scalar(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _failure(error: MoodleError, *, as_json: bool, debug: bool) -> Response:
    if not as_json:
        return _xml(write_error(error, debug=debug))
    answer = {
        "exception": error.exception,
        "errorcode": error.errorcode,
        "message": error.message,
    }
    if debug and error.debuginfo is not None:
        answer["debuginfo"] = error.debuginfo
    return Response(write_json(answer), content_type="application/json")


def _xml(text: str) -> Response:
    return Response(text, content_type="application/xml; charset=utf-8")
