"""What systems talk to without a browser: tokens, the REST service, our certificates."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from flask import Blueprint, Response, request
from sqlalchemy.exc import NoResultFound

from auth.esia import diagnostics, recorder, rest
from auth.esia.dialect import Dialect
from auth.esia.errors import EsiaRefused, RestRefused
from auth.esia.faults import SLOW_SECONDS, HtmlFault, another_state, faults_at, first_code
from auth.esia.models import EsiaToken
from auth.esia.people import organisations
from auth.esia.requests import Asked, check_token_request, read_request
from auth.esia.scopes import bare, target
from auth.esia.stand import RegisteredSystem, Stand, current_stand
from auth.esia.tokens import dump_json, exchange_code, refresh, system_token
from auth.models import digest

GRANTS: Mapping[str, Callable[[Asked, RegisteredSystem, Stand], rest.Json]] = {
    "authorization_code": exchange_code,
    "refresh_token": refresh,
    "client_credentials": system_token,
}

blueprint = Blueprint("esia", __name__)
blueprint.after_request(recorder.keep)


@blueprint.post("/aas/oauth2/te")
def token_v1() -> Response:
    return _token(Dialect.V1)


@blueprint.post("/aas/oauth2/v3/te")
def token_v3() -> Response:
    return _token(Dialect.V2)


def _token(dialect: Dialect) -> Response:
    stand = current_stand()
    asked = read_request(request.form, dialect, request.path, stand)
    try:
        system = check_token_request(asked, request.form, stand)
        faults = _fail(system, "te", stand)
        if code := first_code(faults):
            raise EsiaRefused(code)
        answer = GRANTS[asked["grant_type"]](asked, system, stand)
        if "wrong_state" in faults:
            answer["state"] = another_state()
        return _json(answer)
    except EsiaRefused as refused:
        diagnostics.record(refused, asked, stand)
        body = {
            "error": refused.error,
            "error_description": refused.description,
            "state": asked["state"],
        }
        return _json(body, status=400)


@blueprint.get("/rs/prns/<int:oid>")
@blueprint.get("/rs/prns/<int:oid>/")
def person(oid: int) -> Response:
    stand = current_stand()
    try:
        source = _source(oid, stand)
        body = rest.person(source, rest.embeds(request.args.get("embed", "")))
    except RestRefused as refused:
        return _json(refused.body, status=refused.status)
    response = _rest_answer(body, "Person-3", stand)
    for link in rest.links(source, _with_port(stand.base_url)):
        response.headers.add("Link", link)
    return response


@blueprint.get("/rs/prns/<int:oid>/<name>")
@blueprint.get("/rs/prns/<int:oid>/<name>/")
def collection(oid: int, name: str) -> Response:
    stand = current_stand()
    embedded = "elements" in rest.embeds(request.args.get("embed", ""))
    try:
        body = rest.collection(_source(oid, stand), name, embedded=embedded)
    except RestRefused as refused:
        return _json(refused.body, status=refused.status)
    return _rest_answer(body, rest.COLLECTIONS[name].schema, stand)


@blueprint.get("/rs/prns/<int:oid>/<name>/<int:element_id>")
def element(oid: int, name: str, element_id: int) -> Response:
    stand = current_stand()
    try:
        body = rest.element(_source(oid, stand), name, element_id)
    except RestRefused as refused:
        return _json(refused.body, status=refused.status)
    return _rest_answer(body, rest.COLLECTIONS[name].schema, stand)


@blueprint.get("/rs/orgs/<int:oid>")
def organisation(oid: int) -> Response:
    """For a system's own token about it, and for a person who works there."""
    stand = current_stand()
    try:
        token = _bearer(stand)
        if token.oid:
            profile = stand.people.by_oid(token.oid, stand.clock().date())
            allowed = profile is not None and oid in profile.organisations
            scopes = frozenset(token.scope.split())
        else:
            scopes = frozenset(bare(one) for one in token.scope.split() if target(one) == oid)
            allowed = bool(scopes)
        if not allowed:
            raise RestRefused("005029")
        if oid not in organisations() or not stand.settings.test_people:
            raise RestRefused("005004")
        body = rest.organisation(organisations()[oid], scopes)
    except RestRefused as refused:
        return _json(refused.body, status=refused.status)
    return _rest_answer(body, "Organization-1", stand)


@blueprint.get("/public/esia.zip")
def certificates() -> Response:
    """The certificates our tokens are checked with, where ЕСИА keeps its own."""
    keys = current_stand().keys
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, certificate in (
            ("RSA.cer", keys.rsa_certificate),
            ("GOST2012.cer", keys.gost_certificate),
        ):
            archive.writestr(zipfile.ZipInfo(name), certificate)
    return Response(packed.getvalue(), mimetype="application/zip")


@blueprint.errorhandler(HtmlFault)
def html_page(_fault: HtmlFault) -> Response:
    body = "<!doctype html><title>ESIA</title><h1>Service Temporarily Unavailable</h1>"
    return Response(body, status=503, mimetype="text/html")


def _fail(system: RegisteredSystem, place: str, stand: Stand) -> set[str]:
    """Do what the system asked to go wrong at once; the rest is for the caller."""
    faults = faults_at(system.settings, place)
    if "slow" in faults:
        stand.sleep(SLOW_SECONDS)
    if "html" in faults:
        raise HtmlFault
    return faults


def _source(oid: int, stand: Stand) -> rest.Source:
    """The person whose token this is, and nobody else. Raises ``RestRefused``."""
    token = _bearer(stand)
    if token.oid != oid:
        raise RestRefused("005029")
    profile = stand.people.by_oid(oid, stand.clock().date())
    if profile is None:
        raise RestRefused("005011")
    return rest.Source(
        profile=profile,
        scopes=frozenset(token.scope.split()),
        people=stand.people,
        base_url=stand.base_url,
    )


def _bearer(stand: Stand) -> EsiaToken:
    scheme, _, text = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not text:
        raise RestRefused("005011")
    try:
        with stand.session_factory() as db:
            token = db.get_one(EsiaToken, digest(text.strip()))
            db.expunge_all()
    except NoResultFound as error:
        raise RestRefused("005011") from error
    recorder.note(system=token.system)
    if token.kind != "access":
        raise RestRefused("005011")
    if token.expires_at <= stand.clock():
        raise RestRefused("005013")
    system = stand.systems.get(token.system)
    if system is None:
        raise RestRefused("005011")
    if code := first_code(_fail(system, "rs", stand)):
        raise RestRefused(code)
    return token


def _rest_answer(body: rest.Json, schema: str, stand: Stand) -> Response:
    response = _json(body)
    response.headers["Content-Type"] = (
        f'application/json; schema="{rest.schema_url(stand.base_url, schema)}"'
    )
    response.headers["Location"] = stand.base_url + request.path
    response.set_etag(body["eTag"])
    return response


def _json(body: rest.Json | dict[str, str], status: int = 200) -> Response:
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
