"""Systems of the ЕСИА stand-in: registration, certificates, faults, log, recorder. City only."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

from flask import Blueprint, current_app, render_template, request, url_for
from werkzeug.wrappers import Response

from auth.clients.problems import WrongFields
from auth.esia.protocol.gost import Gost, find_gost
from auth.esia.registration import certificate_change
from auth.esia.workbench.faults import KINDS
from service.console.context import now, only_for_the_city, scope, settings, transaction
from service.console.esia_diagnostics import log_page
from service.console.forms import (
    done,
    file_answer,
    refused_on,
    registration,
    registration_page,
    typed,
)
from service.console.navigation import Part
from service.i18n import N_
from service.i18n import gettext as _
from service.signin.esia_systems import (
    MAX_CERTIFICATE_BYTES,
    RECORDING_MINUTES,
    Systems,
    system_fields,
)

blueprint = Blueprint("systems", __name__, url_prefix="/systems")
PARTS = (Part(N_("Systems of the ЕСИА stand-in"), "console.systems.index", for_city=True),)
SHOW = "console.systems.show"
blueprint.before_request(only_for_the_city)

PLACES = {
    place: (
        sorted(kind for kind in kinds if kind.isdigit()),
        sorted(kind for kind in kinds if not kind.isdigit()),
    )
    for place, kinds in KINDS.items()
}
"""Of each place the codes of errors, of which one is told, and whatever else goes wrong."""


@contextmanager
def _systems() -> Iterator[Systems]:
    """The use cases in one transaction."""
    with transaction() as db:
        yield Systems(db=db, settings=settings().esia, gost=_gost(), scope=scope(), now=now())


def _gost() -> Gost:
    """That of the running stand-in; looking for one takes a moment."""
    stand = current_app.extensions.get("esia")
    return stand.gost if stand else find_gost()


@blueprint.get("/new")
def form(problem: WrongFields | None = None) -> str:
    return render_template(
        "console/system_new.html",
        mnemonic=typed("mnemonic"),
        **registration_page(system_fields(), problem),
    )


@blueprint.get("/<mnemonic>")
def show(mnemonic: str, problem: WrongFields | None = None, *, key: str = "") -> str:
    with _systems() as systems:
        known = systems.find(mnemonic)
    until = known.recording_until
    return render_template(
        "console/system.html",
        known=known,
        change=certificate_change(known.certificates, now()),
        places=PLACES,
        key=key,
        minutes=RECORDING_MINUTES,
        is_recording=until is not None and until > now(),
        developer_address=settings().base_url + url_for("esia_diagnostics.index"),
        is_served=settings().esia.is_served,
        now=now(),
        **registration_page(system_fields(), problem, known.settings, known.problems),
    )


@blueprint.get("")
def index() -> str:
    with _systems() as systems:
        known = systems.all()
    return render_template(
        "console/systems.html",
        systems=[(one, certificate_change(one.certificates, now())) for one in known],
        is_served=settings().esia.is_served,
        now=now(),
    )


@blueprint.post("/new")
@refused_on(form)
def create() -> Response:
    mnemonic = typed("mnemonic")
    with _systems() as systems, registration(system_fields()) as values:
        systems.create(mnemonic, values, _upload("certificate"))
    return done(_("Registered. It may ask at once."), SHOW, mnemonic=mnemonic)


@blueprint.post("/<mnemonic>")
@refused_on(show)
def change(mnemonic: str) -> Response:
    with _systems() as systems, registration(system_fields()) as values:
        systems.change(mnemonic, values)
    return done(_("Saved. It counts at once."), SHOW)


@blueprint.post("/<mnemonic>/certificate")
@refused_on(show)
def certificate(mnemonic: str) -> Response:
    """Upload one, or make the next one the one in force, or take the next one back."""
    act = request.form.get("act", "")
    with _systems() as systems:
        if act == "finish":
            systems.finish_change(mnemonic)
        elif act == "drop":
            systems.drop_next(mnemonic)
        else:
            following = act == "next"
            name = "next_certificate" if following else "certificate"
            systems.put_certificate(mnemonic, _upload(name), following=following)
    return done(_("Saved. It counts at once."), SHOW)


@blueprint.post("/<mnemonic>/faults")
def faults(mnemonic: str) -> Response:
    """Choose what goes wrong, of what there is: the rest was never on the page."""
    chosen = [
        f"{place}:{kind}"
        for place, kinds in KINDS.items()
        for kind in request.form.getlist(f"faults.{place}")
        if kind.partition(":")[0] in kinds
    ]
    with _systems() as systems:
        systems.set_faults(mnemonic, None if request.form.get("act") == "file" else chosen)
    return done(_("Saved. The next request meets it."), SHOW)


@blueprint.post("/<mnemonic>/disable", endpoint="disable")
@blueprint.post("/<mnemonic>/enable", endpoint="enable")
def switch(mnemonic: str) -> Response:
    on = (request.endpoint or "").endswith(".enable")
    with _systems() as systems:
        systems.switch(mnemonic, on=on)
    off = _("Disabled. Its requests are refused, and its tokens have ended.")
    return done(_("Enabled.") if on else off, SHOW)


@blueprint.post("/<mnemonic>/key")
def key(mnemonic: str) -> Response | str:
    """Make a key for the developer, which the page afterwards shows this once, or revoke it."""
    if request.form.get("act") != "revoke":
        with _systems() as systems:
            made = systems.new_key(mnemonic)
        return show(mnemonic, key=made)
    with _systems() as systems:
        systems.revoke_key(mnemonic)
    return done(_("The key opens nothing any more."), SHOW)


@blueprint.get("/<mnemonic>/log")
def log(mnemonic: str) -> str:
    with _systems() as systems:
        known = systems.find(mnemonic)
        log = log_page(systems.db, mnemonic)
    return render_template("console/system_log.html", known=known, **log)


@blueprint.post("/<mnemonic>/recording")
def recording(mnemonic: str) -> Response:
    stop = request.form.get("act") == "stop"
    with _systems() as systems:
        if stop:
            systems.stop_recording(mnemonic)
        else:
            minutes = request.form.get("minutes", RECORDING_MINUTES[0], type=int)
            systems.record(mnemonic, minutes)
    text = _("The recording has ended.") if stop else _("The system is being recorded.")
    return done(text, SHOW)


@blueprint.get("/<mnemonic>/recording.json")
def export(mnemonic: str) -> Response:
    with _systems() as systems:
        recorded = systems.export(mnemonic)
    body = json.dumps(recorded, ensure_ascii=False, indent=2) + "\n"
    return file_answer(body, f"esia-{mnemonic}.json")


def _upload(name: str) -> bytes:
    """The content of an uploaded certificate; empty when there was none, cut when too long."""
    file = request.files.get(name)
    return file.stream.read(MAX_CERTIFICATE_BYTES) if file else b""
