"""Systems of the ЕСИА stand-in: registration, certificates, faults, log, recorder. City only."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask import (
    Blueprint,
    Response,
    current_app,
    flash,
    redirect,
    render_template,
    request,
    url_for,
)
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response as AnyResponse

from auth.clients.problems import FieldProblem, WrongFields
from auth.esia.protocol.gost import Gost, find_gost
from auth.esia.registration import certificate_change
from auth.esia.workbench.faults import KINDS
from service.access import need_city
from service.console.context import scope, the_console
from service.console.systems_log import log_page
from service.i18n import gettext as _
from service.signin.esia_systems import (
    MAX_CERTIFICATE_BYTES,
    RECORDING_MINUTES,
    KnownSystem,
    Systems,
    system_fields,
)
from service.signin.registration_forms import read_form

blueprint = Blueprint("systems", __name__, url_prefix="/systems")


@blueprint.before_request
def _for_the_city() -> None:
    need_city(scope())


@contextmanager
def _systems() -> Iterator[Systems]:
    """The use cases in one transaction."""
    console = the_console()
    with console.transaction() as db:
        yield Systems(
            db=db,
            settings=console.application.settings.esia,
            gost=_gost(),
            scope=scope(),
            now=console.now(),
        )


def _gost() -> Gost:
    """That of the running stand-in; looking for one takes a moment."""
    stand = current_app.extensions.get("esia")
    return stand.gost if stand else find_gost()


@blueprint.get("")
def index() -> str:
    console = the_console()
    with _systems() as systems:
        known = systems.all()
    return render_template(
        "console/systems.html",
        systems=[(one, certificate_change(one.certificates, console.now())) for one in known],
        is_served=console.application.settings.esia.is_served,
        now=console.now(),
    )


@blueprint.get("/new")
def form() -> str:
    return _new_page({field.name: field.default for field in system_fields()}, [])


@blueprint.post("/new")
def create() -> AnyResponse | tuple[str, int]:
    values, problems = read_form(system_fields(), request.form)
    mnemonic = request.form.get("mnemonic", "").strip()
    try:
        with _systems() as systems:
            systems.create(mnemonic, values, _upload("certificate"))
            if problems:
                raise WrongFields(problems)
    except WrongFields as error:
        return _new_page(values | {"mnemonic": mnemonic}, [*problems, *error.problems]), 400
    flash(_("Registered. It may ask at once."))
    return _back_to(mnemonic)


@blueprint.get("/<mnemonic>")
def show(mnemonic: str) -> str:
    return _page(mnemonic)


@blueprint.post("/<mnemonic>")
def change(mnemonic: str) -> AnyResponse | tuple[str, int]:
    values, problems = read_form(system_fields(), request.form)
    try:
        with _systems() as systems:
            systems.change(mnemonic, values)
            if problems:
                raise WrongFields(problems)
    except WrongFields as error:
        return _page(mnemonic, values=values, problems=[*problems, *error.problems]), 400
    flash(_("Saved. It counts at once."))
    return _back_to(mnemonic)


@blueprint.post("/<mnemonic>/certificate")
def certificate(mnemonic: str) -> AnyResponse | tuple[str, int]:
    """Upload one, or make the next one the one in force, or take the next one back."""
    act = request.form.get("act", "")
    try:
        with _systems() as systems:
            if act == "finish":
                systems.finish_change(mnemonic)
            elif act == "drop":
                systems.drop_next(mnemonic)
            else:
                following = act == "next"
                name = "next_certificate" if following else "certificate"
                systems.put_certificate(mnemonic, _upload(name), following=following)
    except WrongFields as error:
        return _page(mnemonic, problems=list(error.problems)), 400
    flash(_("Saved. It counts at once."))
    return _back_to(mnemonic)


@blueprint.post("/<mnemonic>/faults")
def faults(mnemonic: str) -> AnyResponse:
    with _systems() as systems:
        chosen = None if request.form.get("act") == "file" else _chosen_faults(request.form)
        systems.set_faults(mnemonic, chosen)
    flash(_("Saved. The next request meets it."))
    return _back_to(mnemonic)


def _places() -> dict[str, tuple[list[str], list[str]]]:
    """Of each place the codes of errors, of which one is told, and whatever else goes wrong."""
    return {
        place: (
            sorted(kind for kind in kinds if kind.isdigit()),
            sorted(kind for kind in kinds if not kind.isdigit()),
        )
        for place, kinds in KINDS.items()
    }


def _chosen_faults(form: MultiDict[str, str]) -> list[str]:
    """Those that there are: the others were never on the page."""
    return [
        f"{place}:{kind}"
        for place, kinds in KINDS.items()
        for kind in form.getlist(f"faults.{place}")
        if kind.partition(":")[0] in kinds
    ]


@blueprint.post("/<mnemonic>/disable")
def disable(mnemonic: str) -> AnyResponse:
    with _systems() as systems:
        systems.switch(mnemonic, on=False)
    flash(_("Disabled. Its requests are refused, and its tokens have ended."))
    return _back_to(mnemonic)


@blueprint.post("/<mnemonic>/enable")
def enable(mnemonic: str) -> AnyResponse:
    with _systems() as systems:
        systems.switch(mnemonic, on=True)
    flash(_("Enabled."))
    return _back_to(mnemonic)


@blueprint.post("/<mnemonic>/key")
def key(mnemonic: str) -> AnyResponse | str:
    """Make a key for the developer, which the page afterwards shows this once, or revoke it."""
    with _systems() as systems:
        if request.form.get("act") != "revoke":
            made = systems.new_key(mnemonic)
            return _page(mnemonic, key=made)
        systems.revoke_key(mnemonic)
    flash(_("The key opens nothing any more."))
    return _back_to(mnemonic)


@blueprint.get("/<mnemonic>/log")
def log(mnemonic: str) -> str:
    console = the_console()
    with _systems() as systems:
        known = systems.find(mnemonic)
        page = log_page(systems.db, mnemonic)
    return render_template("console/system_log.html", known=known, page=page, now=console.now())


@blueprint.post("/<mnemonic>/recording")
def recording(mnemonic: str) -> AnyResponse:
    with _systems() as systems:
        if request.form.get("act") == "stop":
            systems.stop_recording(mnemonic)
            flash(_("The recording has ended."))
        else:
            minutes = request.form.get("minutes", RECORDING_MINUTES[0], type=int)
            systems.record(mnemonic, minutes)
            flash(_("The system is being recorded."))
    return _back_to(mnemonic)


@blueprint.get("/<mnemonic>/recording.json")
def export(mnemonic: str) -> AnyResponse:
    with _systems() as systems:
        recorded = systems.export(mnemonic)
    body = json.dumps(recorded, ensure_ascii=False, indent=2) + "\n"
    response = Response(body, content_type="application/json; charset=utf-8")
    response.headers.set("Content-Disposition", "attachment", filename=f"esia-{mnemonic}.json")
    return response


def _upload(name: str) -> bytes:
    """The content of an uploaded certificate; empty when there was none, cut when too long."""
    file = request.files.get(name)
    return file.stream.read(MAX_CERTIFICATE_BYTES) if file else b""


def _page(
    mnemonic: str,
    *,
    values: dict[str, Any] | None = None,
    problems: list[FieldProblem] | None = None,
    key: str = "",
) -> str:
    console = the_console()
    with _systems() as systems:
        known = systems.find(mnemonic)
    recording_until = known.recording_until
    return render_template(
        "console/system.html",
        known=known,
        change=certificate_change(known.certificates, console.now()),
        fields=system_fields(),
        values=values or _values_of(known),
        problems=problems or list(known.problems),
        places=_places(),
        key=key,
        minutes=RECORDING_MINUTES,
        is_recording=recording_until is not None and recording_until > console.now(),
        developer_address=console.application.settings.base_url + url_for("esia_diagnostics.index"),
        is_served=console.application.settings.esia.is_served,
        now=console.now(),
    )


def _new_page(values: dict[str, Any], problems: list[FieldProblem]) -> str:
    return render_template(
        "console/system_new.html", fields=system_fields(), values=values, problems=problems
    )


def _values_of(known: KnownSystem) -> dict[str, Any]:
    return {field.name: getattr(known.settings, field.name) for field in system_fields()}


def _back_to(mnemonic: str) -> AnyResponse:
    return redirect(url_for("console.systems.show", mnemonic=mnemonic))
