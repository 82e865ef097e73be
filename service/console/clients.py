"""Clients of the sign-in: their list, one of them, registration, secrets. For the city only."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from auth.clients.problems import FieldProblem, WrongFields
from service.access import need_city
from service.console.context import scope, the_console
from service.i18n import gettext as _
from service.signin.clients import OVERLAPS, Clients, KnownClient, client_fields
from service.signin.registration_forms import read_form

blueprint = Blueprint("clients", __name__, url_prefix="/clients")


@blueprint.before_request
def _for_the_city() -> None:
    need_city(scope())


@contextmanager
def _clients() -> Iterator[Clients]:
    """The use cases in one transaction."""
    console = the_console()
    with console.transaction() as db:
        settings = console.application.settings.auth
        yield Clients(db=db, settings=settings, scope=scope(), now=console.now())


@blueprint.get("")
def index() -> str:
    with _clients() as clients:
        known = clients.all()
    return render_template("console/clients.html", clients=known)


@blueprint.get("/new")
def form() -> str:
    return _new_page({field.name: field.default for field in client_fields()}, [])


@blueprint.post("/new")
def create() -> str | tuple[str, int]:
    """The page afterwards shows the secret, this once."""
    values, problems = read_form(client_fields(), request.form)
    client_id = request.form.get("client_id", "").strip()
    try:
        with _clients() as clients:
            client, secret = clients.create(client_id, values, public="public" in request.form)
            if problems:
                raise WrongFields(problems)
    except WrongFields as error:
        problems = _all_problems(problems, error)
        return _new_page(values | {"client_id": client_id}, problems), 400
    return _page(client.client_id, secret=secret, created=True)


@blueprint.get("/<client_id>")
def show(client_id: str) -> str:
    return _page(client_id)


@blueprint.post("/<client_id>")
def change(client_id: str) -> Response | tuple[str, int]:
    values, problems = read_form(client_fields(), request.form)
    try:
        with _clients() as clients:
            clients.change(client_id, values)
            if problems:
                raise WrongFields(problems)
    except WrongFields as error:
        return _page(client_id, values=values, problems=_all_problems(problems, error)), 400
    flash(_("Saved. It counts within a second."))
    return _back_to(client_id)


@blueprint.post("/<client_id>/secret")
def secret(client_id: str) -> str:
    """The page afterwards shows the new secret, this once."""
    hours = request.form.get("overlap", type=int)
    overlap = next((one for one in OVERLAPS if one == timedelta(hours=hours or 0)), OVERLAPS[0])
    with _clients() as clients:
        made = clients.new_secret(client_id, overlap)
    return _page(client_id, secret=made)


@blueprint.post("/<client_id>/disable")
def disable(client_id: str) -> Response:
    with _clients() as clients:
        clients.switch(client_id, on=False)
    flash(_("Disabled. Nobody signs in there any more, and its tokens have ended."))
    return _back_to(client_id)


@blueprint.post("/<client_id>/enable")
def enable(client_id: str) -> Response:
    with _clients() as clients:
        clients.switch(client_id, on=True)
    flash(_("Enabled."))
    return _back_to(client_id)


def _page(
    client_id: str,
    *,
    values: dict[str, Any] | None = None,
    problems: list[FieldProblem] | None = None,
    secret: str = "",
    created: bool = False,
) -> str:
    with _clients() as clients:
        known = clients.find(client_id)
    return render_template(
        "console/client.html",
        known=known,
        fields=client_fields(),
        values=values or _values_of(known),
        problems=problems or list(known.problems),
        overlaps=[int(one.total_seconds() // 3600) for one in OVERLAPS],
        secret=secret,
        created=created,
    )


def _new_page(values: dict[str, Any], problems: list[FieldProblem]) -> str:
    return render_template(
        "console/client_new.html",
        fields=client_fields(),
        values=values,
        problems=problems,
        public="public" in request.form,
    )


def _values_of(known: KnownClient) -> dict[str, Any]:
    return {field.name: getattr(known.client, field.name) for field in client_fields()}


def _all_problems(problems: list[FieldProblem], error: WrongFields) -> list[FieldProblem]:
    """Each once, those of reading first."""
    return list(dict.fromkeys([*problems, *error.problems]))


def _back_to(client_id: str) -> Response:
    return redirect(url_for("console.clients.show", client_id=client_id))
