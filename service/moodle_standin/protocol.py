"""The REST endpoint: form fields in, JSON or XML out, faults on the way."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Iterable, Iterator, Mapping
from threading import Event
from typing import Any
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape, quoteattr

from flask import Blueprint, Response, current_app, request

from service.moodle_standin.dispatch import CALL_EXTERNAL, Dispatcher, structures, write_json
from service.moodle_standin.errors import MoodleError, database_unreachable, invalid_parameter
from service.moodle_standin.faults import Fault, FaultKind
from service.moodle_standin.parameters import Structure

REST_PATH = "/webservice/rest/server.php"
RETRY_AFTER_SECONDS = 300
DRIP_SECONDS = 0.05
LONGEST_SECONDS = 300.0
"""A fault holds a connection no longer than this."""
_OWN_FIELDS = frozenset(
    {
        "wstoken", "wsfunction", "moodlewsrestformat", "moodlewssettingraw",
        "moodlewssettingfileurl", "moodlewssettingfilter", "moodlewssettinglang",
        "moodlewssettingtimezone",
    }
)  # fmt: skip
"""The fields of a request that are no arguments of its function."""
_HTML = (
    "<!DOCTYPE html><html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>"
)

_SUBKEY = re.compile(r"\[([^\]]*)\]")

Fields = dict[str, Any]
"""Nested dictionaries; a list of the caller is a dictionary with the keys "0", "1" and so on."""

blueprint = Blueprint("moodle_rest", __name__)


@blueprint.route(REST_PATH, methods=["GET", "POST"])
def rest() -> Response:
    dispatcher: Dispatcher = current_app.extensions["moodle_standin"]
    fields = _read_fields(dispatcher)
    faults = dispatcher.faults.take(_named_functions(fields), fields)
    if broken := _strike_before(faults, dispatcher.faults.taken_back):
        return broken
    for fault in faults:
        if fault.kind is FaultKind.LATE:
            dispatcher.late.put_off(lambda: _answer(dispatcher, fields), fault.later)
            return drop_connection()
    response = _answer(dispatcher, fields)
    dispatcher.late.answered(dispatcher.store.having_looked)
    if any(fault.kind is FaultKind.DROP_AFTER for fault in faults):
        return drop_connection()
    return response


def _read_fields(dispatcher: Dispatcher) -> Fields:
    settings = dispatcher.settings
    limit = settings.max_input_vars
    body = request.get_data(cache=True, parse_form_data=False)
    fields = _nest(_urlencoded(request.query_string), max_input_vars=limit)
    if len(body) > settings.post_max_bytes:
        return fields  # PHP loses every field of a body that is too big.
    if request.mimetype == "multipart/form-data":
        pairs = list(request.form.items(multi=True))
    elif request.mimetype == "application/x-www-form-urlencoded":
        pairs = _urlencoded(body)
    else:
        pairs = []
    return fields | _nest(pairs, max_input_vars=limit)


def _named_functions(fields: Fields) -> frozenset[str]:
    names = {str(fields.get("wsfunction", ""))}
    if CALL_EXTERNAL in names and isinstance(fields.get("requests"), dict):
        for inner in fields["requests"].values():
            if isinstance(inner, Mapping):
                names.add(str(inner.get("function", "")))
    return frozenset(names)


def _strike_before(faults: list[Fault], taken_back: Event) -> Response | None:
    for fault in faults:
        if fault.kind is FaultKind.SLOW:
            time.sleep(fault.seconds)
        elif fault.kind is FaultKind.SERVER_ERROR:
            return _page("Server error", fault.status)
        elif fault.kind is FaultKind.UNAVAILABLE:
            return _unavailable(fault.seconds)
        elif fault.kind is FaultKind.HTML:
            return _page("Something else", 200)
        elif fault.kind is FaultKind.HANG:
            taken_back.wait(LONGEST_SECONDS)
            return drop_connection()
        elif fault.kind is FaultKind.DRIP:
            return Response(_dripping(taken_back), content_type="application/json")
        elif fault.kind is FaultKind.DROP_BEFORE:
            return drop_connection()
    return None


def _dripping(taken_back: Event) -> Iterator[bytes]:
    until = time.monotonic() + LONGEST_SECONDS
    while time.monotonic() < until and not taken_back.wait(DRIP_SECONDS):
        yield b" "


def _page(title: str, status: int) -> Response:
    return Response(_HTML.format(title=title), status, content_type="text/html; charset=utf-8")


def _unavailable(seconds: float) -> Response:
    response = _page("This site is undergoing maintenance and is currently not available", 503)
    response.headers["Retry-After"] = str(int(seconds))
    return response


def drop_connection() -> Response:
    """Close the socket under the server, so the caller sees a broken connection, no answer."""
    connection: socket.socket | None = request.environ.get("werkzeug.socket")
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
    value = _xml_value(answer, structures()[name]["returns"])
    return _xml(f"<RESPONSE>\n{value}</RESPONSE>\n")


def _call(dispatcher: Dispatcher, fields: Fields) -> tuple[str, Any]:
    if not dispatcher.settings.database_reachable:
        raise database_unreachable()
    token = dispatcher.identify(_scalar(fields.get("wstoken")))
    name = _scalar(fields.get("wsfunction"))
    if not name:
        raise invalid_parameter("Missing function name")
    given = {key: value for key, value in fields.items() if key not in _OWN_FIELDS}
    return name, dispatcher.call(token, name, given, request.host_url.rstrip("/"))


def _scalar(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _failure(error: MoodleError, *, as_json: bool, debug: bool) -> Response:
    if not as_json:
        return _xml(_xml_error(error, debug=debug))
    answer = {name: getattr(error, name) for name in ("exception", "errorcode", "message")}
    if not error.errorcode:
        del answer["errorcode"]  # an error of PHP has none
    if debug and error.debuginfo is not None:
        answer["debuginfo"] = error.debuginfo
    return Response(write_json(answer), content_type="application/json")


def _xml(text: str) -> Response:
    """Answer what a caller gets who does not ask for JSON."""
    head = '<?xml version="1.0" encoding="UTF-8" ?>\n'
    return Response(head + text, content_type="application/xml; charset=utf-8")


def _xml_text(value: object) -> str:
    return escape(str(value), {'"': "&quot;", "'": "&#039;"})


def _xml_error(error: MoodleError, *, debug: bool) -> str:
    parts = [
        f"<EXCEPTION class={quoteattr(error.exception)}>\n",
        f"<ERRORCODE>{_xml_text(error.errorcode)}</ERRORCODE>\n",
        f"<MESSAGE>{_xml_text(error.message)}</MESSAGE>\n",
    ]
    if debug and error.debuginfo is not None:
        parts.append(f"<DEBUGINFO>{_xml_text(error.debuginfo)}</DEBUGINFO>\n")
    return "".join([*parts, "</EXCEPTION>\n"])


def _xml_value(answer: Any, structure: Structure | None) -> str:
    if structure is None:
        return ""
    kind = structure["kind"]
    if kind == "value":
        if answer is None:
            return '<VALUE null="null"/>\n'
        shown = int(answer) if isinstance(answer, bool) else answer
        return f"<VALUE>{_xml_text(shown)}</VALUE>\n"
    if kind == "multiple":
        items = "".join(_xml_value(item, structure["content"]) for item in answer or ())
        return f"<MULTIPLE>\n{items}</MULTIPLE>\n"
    keys = "".join(
        f"<KEY name={quoteattr(key)}>{_xml_value((answer or {}).get(key), below)}</KEY>\n"
        for key, below in structure["keys"].items()
    )
    return f"<SINGLE>\n{keys}</SINGLE>\n"


def _urlencoded(text: bytes) -> list[tuple[str, str]]:
    return parse_qsl(text.decode("latin-1"), keep_blank_values=True)


def _nest(pairs: Iterable[tuple[str, str]], *, max_input_vars: int) -> Fields:
    """Build the nested fields; PHP keeps `max_input_vars` + 1 of them and drops the rest silently.

    Source: docs/facts/moodle.md 4.6.
    """
    fields: Fields = {}
    for count, (name, value) in enumerate(pairs):
        if count > max_input_vars:
            break
        _put(fields, name, value)
    return fields


def _put(fields: Fields, name: str, value: str) -> None:
    head, bracket, _ = name.partition("[")
    if not head:
        return
    keys = _SUBKEY.findall(name[len(head) :]) if bracket else []
    level = fields
    key = head
    for next_key in keys:
        below = level.get(key)
        if not isinstance(below, dict):
            below = level[key] = {}
        level = below
        key = next_key if next_key != "" else str(_next_index(level))
    level[key] = value


def _next_index(level: Fields) -> int:
    used = [int(key) for key in level if key.isdecimal()]
    return max(used) + 1 if used else 0
