"""Clients of the sign-in: their list, one of them, registration, secrets. For the city only."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from flask import Blueprint, render_template, request
from werkzeug.wrappers import Response

from auth.clients.problems import WrongFields
from service.console.context import now, only_for_the_city, scope, settings, transaction
from service.console.forms import done, refused_on, registration, registration_page, typed
from service.console.navigation import Part
from service.i18n import N_
from service.i18n import gettext as _
from service.signin.clients import OVERLAPS, Clients, client_fields

blueprint = Blueprint("clients", __name__, url_prefix="/clients")
PARTS = (Part(N_("Applications"), "console.clients.index", for_city=True),)
SHOW = "console.clients.show"
blueprint.before_request(only_for_the_city)


@contextmanager
def _clients() -> Iterator[Clients]:
    """The use cases in one transaction."""
    with transaction() as db:
        yield Clients(db=db, settings=settings().auth, scope=scope(), now=now())


@blueprint.get("/new")
def form(problem: WrongFields | None = None) -> str:
    return render_template(
        "console/client_new.html",
        client_id=typed("client_id"),
        public="public" in request.form,
        **registration_page(client_fields(), problem),
    )


@blueprint.get("/<client_id>")
def show(
    client_id: str, problem: WrongFields | None = None, *, secret: str = "", created: bool = False
) -> str:
    with _clients() as clients:
        known = clients.find(client_id)
    return render_template(
        "console/client.html",
        known=known,
        overlaps=[int(one.total_seconds() // 3600) for one in OVERLAPS],
        secret=secret,
        created=created,
        **registration_page(client_fields(), problem, known.client, known.problems),
    )


@blueprint.get("")
def index() -> str:
    with _clients() as clients:
        known = clients.all()
    return render_template("console/clients.html", clients=known)


@blueprint.post("/new")
@refused_on(form)
def create() -> str:
    """The page afterwards shows the secret, this once."""
    with _clients() as clients, registration(client_fields()) as values:
        public = "public" in request.form
        client, secret = clients.create(typed("client_id"), values, public=public)
    return show(client.client_id, secret=secret, created=True)


@blueprint.post("/<client_id>")
@refused_on(show)
def change(client_id: str) -> Response:
    with _clients() as clients, registration(client_fields()) as values:
        clients.change(client_id, values)
    return done(_("Saved. It counts within a second."), SHOW)


@blueprint.post("/<client_id>/secret")
def secret(client_id: str) -> str:
    """The page afterwards shows the new secret, this once."""
    asked = timedelta(hours=request.form.get("overlap", 0, type=int))
    overlap = asked if asked in OVERLAPS else OVERLAPS[0]
    with _clients() as clients:
        made = clients.new_secret(client_id, overlap)
    return show(client_id, secret=made)


@blueprint.post("/<client_id>/disable", endpoint="disable")
@blueprint.post("/<client_id>/enable", endpoint="enable")
def switch(client_id: str) -> Response:
    on = (request.endpoint or "").endswith(".enable")
    with _clients() as clients:
        clients.switch(client_id, on=on)
    off = _("Disabled. Nobody signs in there any more, and its tokens have ended.")
    return done(_("Enabled.") if on else off, SHOW)
