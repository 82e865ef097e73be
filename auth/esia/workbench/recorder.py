"""The log of what systems ask, and the recorder: whole exchanges, masked, as a test fixture.

The log names address, status and error of each request. Contents of requests and answers are kept
only while the system is recorded, and are masked first.
"""

from __future__ import annotations

import re
import secrets
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from flask import Blueprint, g, request
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from auth.esia.models import EsiaLogEntry, EsiaRefusal, EsiaSwitches
from auth.esia.standin import RegisteredSystem, Standin, current_standin
from auth.esia.workbench.faults import HtmlFault, html_page, shift_date
from auth.esia.workbench.masking import Mask

KEPT_PER_SYSTEM = 2000
KEPT_FOR = timedelta(days=30)
TRIMMED_EVERY = 50
"""Requests between two looks at how many there are."""

LONGEST_RECORDING = timedelta(hours=4)
FORMAT = "schoolbridge-esia-exchanges/1"

HEADERS = ("Content-Type", "ETag", "Link", "Location")
"""The headers of an answer that belong to the protocol."""

_ERROR = re.compile(rb"ESIA-(\d{6})")
_OUR_PAGES = ("/login", "/login/consent")
LONGEST_ERROR = 1000
"""The number of bytes of an answer in which an error is looked for."""
NOT_FOUND = 404

Exchange = dict[str, Any]


def make_blueprint(name: str) -> Blueprint:
    """Make a blueprint whose requests are logged and whose answers have their faults."""
    blueprint = Blueprint(name, "auth")
    blueprint.after_request(keep)
    blueprint.after_request(shift_date)
    blueprint.register_error_handler(HtmlFault, html_page)
    return blueprint


def note(*, system: str = "", refusal: int | None = None) -> None:
    """Note the system of this request, where the request does not name it, and its refusal."""
    g.esia_system = system or g.get("esia_system", "")
    g.esia_refusal = refusal or g.get("esia_refusal")


def keep(response: Response) -> Response:
    """Write down the request that was just answered, if a system made it.

    A request of the REST service belongs to the system whose token it shows.
    """
    standin = current_standin()
    named = g.get("esia_system", "")
    if not named and not request.path.startswith("/rs/"):
        named = _parameters().get("client_id", "")
    system = standin.systems.get(named)
    refusal: int | None = g.get("esia_refusal")
    if (system is None and refusal is None) or not _is_of_a_system(response):
        return response
    entry = EsiaLogEntry(
        at=standin.clock(),
        system=system.mnemonic if system else "",
        method=request.method,
        address=_address(response.status_code),
        status=response.status_code,
        code=error_code(response),
        refusal_id=refusal,
        exchange=_exchange(response, system, standin),
    )
    with standin.session_factory.begin() as db:
        db.add(entry)
        db.flush()
        if entry.id % TRIMMED_EVERY == 0:
            keep_newest(db, EsiaLogEntry, entry.system, KEPT_PER_SYSTEM)
    return response


def _parameters() -> dict[str, str]:
    """Return the parameters of query and form; none of a form that is too large."""
    try:
        return request.values.to_dict()
    except HTTPException:
        return request.args.to_dict()


def _is_of_a_system(response: Response) -> bool:
    """Tell whether a system is answered: our pages are not for it, but the way back from them
    is."""
    if request.path not in _OUR_PAGES:
        return True
    return bool(urlsplit(response.headers.get("Location", "")).netloc)


def _address(status: int) -> str:
    """Return the path without numbers and without unknown words of the REST service."""
    parts = request.path.split("/")
    if parts[1] == "rs":
        parts = ["{id}" if one.isdecimal() else one for one in parts]
        if status == NOT_FOUND:
            parts = [
                one if one in {"", "rs", "prns", "orgs", "{id}"} else "{name}" for one in parts
            ]
    return "/".join(parts)[:100]


def error_code(response: Response) -> str:
    """Return the code of the error that the answer tells, in its body or in its address."""
    told = urlsplit(response.headers.get("Location", "")).query.encode()
    if not told and response.mimetype == "application/json":
        told = response.get_data()[:LONGEST_ERROR]
    found = _ERROR.search(told)
    return found[1].decode() if found else ""


def _exchange(
    response: Response, system: RegisteredSystem | None, standin: Standin
) -> Exchange | None:
    recording = system.recording if system else None
    if recording is None or recording.until <= standin.clock():
        return None
    mask = Mask(recording.key)
    # What people type into our own pages is no part of the exchange with the system.
    asked = {} if request.path in _OUR_PAGES else mask.parameters(_parameters())
    answer = {"status": response.status_code, "headers": _headers(response, mask)}
    if response.is_json:
        answer["body"] = mask.body(response.get_json())
    return {
        "at": standin.clock().isoformat(),
        "request": {
            "method": request.method,
            "address": mask.path(request.path),
            "parameters": asked,
        },
        "answer": answer,
    }


def _headers(response: Response, mask: Mask) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    for name in HEADERS:
        values = response.headers.getlist(name)
        if values and name == "Location":
            headers[name] = _location(values[0], mask)
        elif values and name == "Link":
            headers[name] = [mask.plain(one) for one in values]
        elif values:
            headers[name] = "<etag>" if name == "ETag" else values[0]
    return headers


def _location(address: str, mask: Mask) -> dict[str, Any]:
    """Return an address in its parts, so that a test reads the parameters without guessing."""
    parts = urlsplit(address)
    return {
        "address": mask.address(parts._replace(query="").geturl()),
        "parameters": mask.parameters(dict(parse_qsl(parts.query, keep_blank_values=True))),
    }


def begin_recording(switches: EsiaSwitches, db: Session, now: datetime, until: datetime) -> None:
    """Record a system until a moment; an earlier recording is deleted."""
    earlier = EsiaLogEntry.system == switches.mnemonic
    db.execute(update(EsiaLogEntry).where(earlier).values(exchange=None))
    switches.recording_key = secrets.token_hex(32)
    switches.recording_from = now
    switches.recording_until = min(until, now + LONGEST_RECORDING)
    switches.touch()


def end_recording(switches: EsiaSwitches, now: datetime) -> None:
    """Stop at once. The recording stays; the key of its stand-ins is deleted."""
    switches.recording_key = ""
    if switches.recording_until and switches.recording_until > now:
        switches.recording_until = now
    switches.touch()


def export(db: Session, mnemonic: str) -> dict[str, Any]:
    """Return the recording, oldest first, in the format of docs/esia-console.md."""
    switches = db.get(EsiaSwitches, mnemonic)
    entries = db.scalars(
        select(EsiaLogEntry)
        .where(EsiaLogEntry.system == mnemonic, EsiaLogEntry.exchange.is_not(None))
        .order_by(EsiaLogEntry.id)
    )
    begun = switches.recording_from if switches else None
    return {
        "format": FORMAT,
        "system": mnemonic,
        "recorded_from": begun.isoformat() if begun else None,
        "exchanges": [entry.exchange for entry in entries],
    }


def forget_old(db: Session, now: datetime) -> None:
    """Delete old entries, and the keys of recordings that are over."""
    db.execute(delete(EsiaLogEntry).where(EsiaLogEntry.at <= now - KEPT_FOR))
    db.execute(delete(EsiaRefusal).where(EsiaRefusal.at <= now - KEPT_FOR))
    over = EsiaSwitches.recording_until <= now
    db.execute(update(EsiaSwitches).where(over).values(recording_key=""))


def keep_newest(
    db: Session, table: type[EsiaLogEntry | EsiaRefusal], system: str, count: int
) -> None:
    """Delete the rows of a system in this table but for the newest ``count``."""
    own = table.system == system
    newest = select(table.id).where(own).order_by(table.id.desc())
    oldest_kept = db.scalar(newest.offset(count).limit(1))
    if oldest_kept is not None:
        db.execute(delete(table).where(own, table.id <= oldest_kept))
