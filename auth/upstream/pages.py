"""The way to an outside provider and back, signing in and signing out."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl

from flask import Blueprint, abort, redirect, request, url_for
from werkzeug.wrappers import Response

from auth.models import Method
from auth.oidc.provider import current_provider
from auth.pages import transition
from auth.pages.guard import guard
from auth.pages.sign_in import render
from auth.signin.throttle import ThrottleKey
from auth.upstream import attempts
from auth.upstream.attempts import Purpose
from auth.upstream.errors import Problem, UpstreamError
from auth.upstream.offers import Handover, current_handover
from auth.upstream.port import Attempt, Upstream

MAX_QUERY_LENGTH = 8000
SIGN_OUT_AGE = timedelta(minutes=10)

log = logging.getLogger(__name__)

blueprint = Blueprint("auth_upstream", __name__, url_prefix="/auth/upstream")
blueprint.after_request(guard)


@blueprint.post("/<key>/start")
def start(key: str) -> Any:
    """Send the person there from our own form; our query is the application's request."""
    provider, handover = current_provider(), current_handover()
    upstream = _upstream(key, handover)
    query = request.query_string.decode("ascii", "replace")
    if not provider.sessions.is_own_form(request) or len(query) > MAX_QUERY_LENGTH:
        return _failed(UpstreamError(Problem.STALE, "no form of this browser"), upstream, query)
    cookie, now = provider.sessions.browser_cookie(request), provider.clock()
    state = attempts.begin(
        provider.session_factory,
        purpose=Purpose.SIGN_IN,
        upstream=key,
        browser=cookie,
        onward=query,
        now=now,
        age=handover.sign_in_age,
    )
    attempt = Attempt(state=state, cookie=cookie, redirect_uri=_callback(key), at=now)
    try:
        return leave(upstream, upstream.authorization_address(attempt))
    except UpstreamError as error:
        return _failed(error, upstream, query)


@blueprint.get("/<key>/callback")
def callback(key: str) -> Any:
    """Take the person who comes back, once, in the browser that left."""
    provider, handover = current_provider(), current_handover()
    upstream = _upstream(key, handover)
    cookie, now = provider.sessions.browser_cookie(request), provider.clock()
    throttle_key = ThrottleKey(
        text=f"upstream {request.remote_addr}", limit=provider.settings.failures_per_address
    )
    if provider.throttle.paused_until(throttle_key, now=now):
        return _page(UpstreamError(Problem.STALE, "too many"), upstream, "", status=429)
    answer = {name: request.args.get(name, "") for name in request.args}
    query = attempts.claim(
        provider.session_factory,
        answer.get("state", ""),
        purpose=Purpose.SIGN_IN,
        upstream=key,
        browser=cookie,
        now=now,
    )
    if query is None:
        provider.throttle.failed(throttle_key, now=now)
        stale = UpstreamError(Problem.STALE, "no such attempt of this browser")
        return _failed(stale, upstream, "")
    if any(len(request.args.getlist(name)) > 1 for name in answer):
        doubled = UpstreamError(Problem.UNTRUSTED, "a parameter came twice")
        return _failed(doubled, upstream, query)
    attempt = Attempt(state=answer["state"], cookie=cookie, redirect_uri=_callback(key), at=now)
    try:
        identity = upstream.identify(answer, attempt)
    except UpstreamError as error:
        return _failed(error, upstream, query)
    response = handover.arrive(identity, query=query)
    handover.remember(response, key)
    return response


@blueprint.get("/<key>/signed-out")
def signed_out(key: str) -> Any:
    """Take the person who comes back from a sign-out; whoever begins here just sees our page."""
    provider, handover = current_provider(), current_handover()
    _upstream(key, handover)
    onward = attempts.claim(
        provider.session_factory,
        request.args.get("state", ""),
        purpose=Purpose.SIGN_OUT,
        upstream=key,
        browser="",
        now=provider.clock(),
    )
    return redirect(onward or url_for("auth_pages.logout"), 303)


def sign_out_there(onward: str) -> Response | None:
    """The page that ends the browser's sign-in at the provider where it began, and then goes on.

    None when it began nowhere else, or there is no way to end it.
    """
    provider, handover = current_provider(), current_handover()
    upstream = handover.remembered(request)
    if upstream is None:
        return None
    now = provider.clock()
    state = attempts.begin(
        provider.session_factory,
        purpose=Purpose.SIGN_OUT,
        upstream=upstream.key,
        browser="",
        onward=onward,
        now=now,
        age=SIGN_OUT_AGE,
    )
    back = provider.settings.issuer + url_for("auth_upstream.signed_out", key=upstream.key)
    address = upstream.sign_out_address(back, state, now)
    if not address:
        return None
    response = leave(upstream, address, signing_out=True)
    handover.forget(response)
    return response


def leave(upstream: Upstream, address: str, *, signing_out: bool = False) -> Response:
    """A page that goes on by itself. A redirect would not do: after a form browsers stop every
    one that ``form-action`` does not name, and where a gateway redirects to nobody knows."""
    response = render(
        "upstream/leaving.html", upstream=upstream, address=address, signing_out=signing_out
    )
    response.headers["Refresh"] = f"0; url={address}"
    return response


def _upstream(key: str, handover: Handover) -> Upstream:
    return handover.by_key.get(key) or abort(404)


def _callback(key: str) -> str:
    """The address that is registered there."""
    issuer = current_provider().settings.issuer
    return issuer + url_for("auth_upstream.callback", key=key)


def _failed(error: UpstreamError, upstream: Upstream, query: str) -> Response:
    """Write it down without a word about the person, and say it to them."""
    provider = current_provider()
    log.warning(
        "sign-in at %s failed: %s (%s)",
        upstream.key,
        error.detail,
        error.code or error.problem.value,
        extra={"upstream": upstream.key, "problem": error.problem.value, "code": error.code},
    )
    client_id = next((value for name, value in parse_qsl(query) if name == "client_id"), "")
    provider.record_refusal(None, client_id=client_id, method=Method.ESIA, reason=error.reason)
    return _page(error, upstream, query)


def _page(
    error: UpstreamError, upstream: Upstream, query: str, *, status: int | None = None
) -> Response:
    provider = current_provider()
    return render(
        "upstream/failed.html",
        status=status or error.status,
        upstream=upstream,
        problem=error.problem.value,
        code=error.code,
        again=f"{url_for('auth_pages.login')}{'?' if query else ''}{query}",
        with_password=provider.settings.password_sign_in and transition.offers(provider).password,
    )
