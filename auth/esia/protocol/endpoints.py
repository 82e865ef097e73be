"""What systems talk to without a browser: tokens, the REST service, our certificates."""

from __future__ import annotations

import io
import uuid
import zipfile
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, Response, request
from sqlalchemy.exc import NoResultFound
from werkzeug.datastructures import MultiDict

from auth.esia.models import EsiaToken
from auth.esia.people import organisations, rest
from auth.esia.people.collections import COLLECTIONS, Json, Source
from auth.esia.people.organisations import Office
from auth.esia.people.people import made_up_organisations
from auth.esia.protocol.dialect import Dialect
from auth.esia.protocol.errors import EsiaRefused, RestRefused
from auth.esia.protocol.permissions import load_consents
from auth.esia.protocol.requests import Asked, check_token_request, is_text, read_request
from auth.esia.protocol.tokens import dump_json, exchange_code, refresh, system_token
from auth.esia.standin import RegisteredSystem, Standin, current_standin
from auth.esia.workbench import diagnostics, recorder
from auth.esia.workbench.faults import first_code, strike
from auth.models import digest

GRANTS: Mapping[str, Callable[[Asked, RegisteredSystem], Json]] = {
    "authorization_code": exchange_code,
    "refresh_token": refresh,
    "client_credentials": system_token,
}

MAX_BODY_BYTES = 100_000
"""The largest body; a token request with a code and a CMS takes about 5,000 bytes."""


def make_blueprint() -> Blueprint:
    blueprint = recorder.make_blueprint("esia")
    blueprint.register_error_handler(RestRefused, _rest_refusal)
    for path, dialect in (("te", Dialect.V1), ("v3/te", Dialect.V2)):
        token = partial(_token, dialect)
        blueprint.post(f"/aas/oauth2/{path}", endpoint=f"token_{dialect.name}")(token)
    blueprint.get("/public/esia.zip")(certificates)
    for path, view in (
        ("prns/<int:oid>", person),
        ("prns/<int:oid>/<name>", _of_person(rest.collection)),
        ("prns/<int:oid>/kids/<int:kid>/docs", _of_person(rest.documents_of_kid)),
        ("orgs/<int:oid>", _of_office(organisations.organisation, "Organization-1")),
        ("orgs/<int:oid>/emps", _of_office(organisations.employees, "Employees-1")),
        ("orgs/<int:oid>/emps/<int:person>/grps", _of_office(organisations.groups, "Groups-1")),
    ):
        for ending in ("", "/"):
            blueprint.get(f"/rs/{path}{ending}")(view)
    for path, view in (
        ("prns/<int:oid>/<name>/<int:element_id>", _of_person(rest.element)),
        ("prns/<int:oid>/kids/<int:kid>/docs/<int:document>", _of_person(rest.document_of_kid)),
        ("orgs/<int:oid>/emps/<int:person>", _of_office(organisations.employee, "Employees-1")),
    ):
        blueprint.get(f"/rs/{path}")(view)
    return blueprint


def _token(dialect: Dialect) -> Response:
    standin = current_standin()
    form = _form()
    asked = read_request(
        form or MultiDict(),
        dialect,
        request.path,
        standin,
        readable=form is not None,
        with_other_credentials="Authorization" in request.headers,
    )
    try:
        system = check_token_request(asked)
        faults = strike(system, "te", standin)
        if code := first_code(faults):
            raise EsiaRefused(code)
        answer = GRANTS[asked["grant_type"]](asked, system)
        if "wrong_state" in faults:
            answer["state"] = str(uuid.uuid4())
        return _json(answer)
    except EsiaRefused as refused:
        diagnostics.record(refused, asked)
        return _json(refused.parameters(asked["state"]), status=400)


def person(oid: int) -> Response:
    standin = current_standin()
    source = _source(oid, standin)
    response = _rest_answer(rest.person(source, _embedded()), "Person-3", standin)
    for link in rest.links(source, _with_port(standin.base_url)):
        response.headers.add("Link", link)
    return response


def certificates() -> Response:
    """Answer the certificates of our tokens, at the address where ЕСИА keeps its own."""
    keys = current_standin().keys
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(zipfile.ZipInfo("RSA.cer"), keys.rsa_certificate)
        archive.writestr(zipfile.ZipInfo("GOST2012.cer"), keys.gost_certificate)
    return Response(packed.getvalue(), mimetype="application/zip")


def _form() -> MultiDict[str, str] | None:
    """Return the posted form; None when it is no form, or not UTF-8."""
    if (request.content_length or 0) > MAX_BODY_BYTES:
        return None
    body = request.get_data()
    if not is_text(body) or (body and not request.form):
        return None
    return request.form


def _embedded() -> list[str]:
    return rest.embeds(request.args.get("embed", ""))


def _of_person(make: Callable[..., Json]) -> Callable[..., Response]:
    """Return a view of a person's documents; ``make`` takes a ``Source`` and what the address
    names beside the person."""

    def view(oid: int, **named: Any) -> Response:
        standin = current_standin()
        body = make(_source(oid, standin), **named)
        return _rest_answer(body, COLLECTIONS[named.get("name", "docs")].schema, standin)

    view.__name__ = make.__name__
    return view


def _of_office(make: Callable[..., Json], schema: str) -> Callable[..., Response]:
    """Return a view of an organisation's documents, for its system's own token and for a person who
    works there; ``make`` takes an ``Office`` and, where the address names one, a person."""

    def view(oid: int, **named: int) -> Response:
        standin = current_standin()
        return _rest_answer(make(_office(oid, standin), **named), schema, standin)

    view.__name__ = make.__name__
    return view


def _office(oid: int, standin: Standin) -> Office:
    token = _bearer(standin)
    profile = standin.people.by_oid(token.oid, standin.clock().date()) if token.oid else None
    if token.oid and profile is None:
        raise RestRefused("005011")
    scopes = organisations.scopes_for(token.scope, oid, profile)
    known = made_up_organisations()
    if oid not in known or not standin.settings.test_people:
        raise RestRefused("005004")
    return Office(
        organisation=known[oid],
        scopes=scopes,
        people=standin.people,
        url=f"{standin.base_url}/rs/orgs/{oid}",
        embedded="elements" in _embedded(),
    )


def _source(oid: int, standin: Standin) -> Source:
    """Return the person, if the token is that person's own. Raises ``RestRefused``."""
    token = _bearer(standin)
    if token.oid != oid:
        raise RestRefused("005029")
    now = standin.clock()
    profile = standin.people.by_oid(oid, now.date())
    if profile is None:
        raise RestRefused("005011")
    consents = load_consents(token.permissions, now)
    return Source(
        profile=profile,
        scopes=frozenset(token.scope.split()).union(*(one.scopes for one in consents)),
        consents=consents,
        people=standin.people,
        base_url=standin.base_url,
        today=now.date(),
        embedded="elements" in _embedded(),
    )


def _bearer(standin: Standin) -> EsiaToken:
    scheme, _, text = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not text:
        raise RestRefused("005011")
    try:
        with standin.session_factory() as db:
            token = db.get_one(EsiaToken, digest(text.strip()))
            db.expunge_all()
    except NoResultFound as error:
        raise RestRefused("005011") from error
    recorder.note(system=token.system)
    if token.kind != "access":
        raise RestRefused("005011")
    if token.expires_at <= standin.clock():
        raise RestRefused("005013")
    system = standin.systems.get(token.system)
    if system is None:
        raise RestRefused("005011")
    if code := first_code(strike(system, "rs", standin)):
        raise RestRefused(code)
    return token


def _rest_answer(body: Json, schema: str, standin: Standin) -> Response:
    """Answer with the recorded headers; 304 when the ``ETag`` is shown (ours: HTTP's rule)."""
    response = _json(body)
    if schema:
        response.headers["Content-Type"] = (
            f'application/json; schema="{rest.schema_url(standin.base_url, schema)}"'
        )
    response.headers["Location"] = standin.base_url + request.path
    response.set_etag(body["eTag"])
    conditional = response.make_conditional(request)
    assert isinstance(conditional, Response)  # noqa: S101 - Flask's own class, for the type checker
    return conditional


def _rest_refusal(refused: RestRefused) -> Response:
    response = _json(refused.body, status=refused.status)
    if refused.status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"  # RFC 9110 section 15.5.2
    return response


def _json(body: Json | dict[str, str], status: int = 200) -> Response:
    response = Response(dump_json(body), status=status, content_type="application/json")
    response.headers["Cache-Control"] = "no-store, no-cache, must-revalidate, max-age=0"
    response.headers["Pragma"] = "no-cache"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def _with_port(base_url: str) -> str:
    parts = urlsplit(base_url)
    if parts.port:
        return base_url
    return f"{base_url}:{443 if parts.scheme == 'https' else 80}"
