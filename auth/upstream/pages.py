"""The way to an outside provider and back, signing in and signing out."""

from __future__ import annotations

import logging
from typing import Any

from flask import Blueprint, abort, redirect, request, url_for
from werkzeug.wrappers import Response

from auth.cookies import Cookie, host_cookie
from auth.models import Method
from auth.oidc.context import Context, with_context
from auth.outside import Attempt, Upstream
from auth.pages.guard import guard
from auth.pages.shell import asking_client, current_query, render
from auth.pages.transition import offers
from auth.signin.throttle import ThrottleKey
from auth.upstream import attempts
from auth.upstream.attempts import Purpose
from auth.upstream.errors import Problem, UpstreamError

MAX_QUERY_LENGTH = 8000

log = logging.getLogger(__name__)


def make_blueprint() -> Blueprint:
    blueprint = Blueprint("auth_upstream", "auth", url_prefix="/auth/upstream")
    blueprint.after_request(guard)
    blueprint.post("/<key>/start")(with_context(start))
    blueprint.get("/<key>/callback")(with_context(callback))
    blueprint.get("/<key>/signed-out")(with_context(signed_out))
    return blueprint


def start(context: Context, key: str) -> Any:
    """Send the person there from our own form; our query is the application's request."""
    upstream = _by_key(context, key) or abort(404)
    query = current_query()
    if not context.sessions.cookie.is_own_form(request) or len(query) > MAX_QUERY_LENGTH:
        # Nothing began, so nothing is written down: anybody can send this.
        return _page(context, UpstreamError(Problem.STALE, "no own form"), upstream, query)
    cookie, now = context.sessions.cookie.browser(request), context.clock()
    state = attempts.begin(context, Purpose.SIGN_IN, key, query, browser=cookie)
    attempt = Attempt(state=state, cookie=cookie, redirect_uri=_callback(context, key), at=now)
    try:
        return leave(context, upstream, upstream.authorization_address(attempt))
    except UpstreamError as error:
        return _failed(context, error, upstream, query)


def callback(context: Context, key: str) -> Any:
    """Take the person who comes back, once, in the browser that left."""
    upstream = _by_key(context, key) or abort(404)
    cookie, now = context.sessions.cookie.browser(request), context.clock()
    throttle_key = ThrottleKey(
        text=f"upstream {request.remote_addr}", limit=context.settings.failures_per_address
    )
    if context.throttle.paused_until(throttle_key, now=now):
        return _page(context, UpstreamError(Problem.STALE, "too many"), upstream, "", status=429)
    answer = {name: request.args.get(name, "") for name in request.args}
    state = answer.get("state", "")
    query = attempts.claim(context, Purpose.SIGN_IN, key, state, browser=cookie)
    attempt = Attempt(state=state, cookie=cookie, redirect_uri=_callback(context, key), at=now)
    try:
        if query is None:
            context.throttle.failed(throttle_key, now=now)
            raise UpstreamError(Problem.STALE, "no such attempt of this browser")
        if any(len(request.args.getlist(name)) > 1 for name in answer):
            raise UpstreamError(Problem.UNTRUSTED, "a parameter came twice")
        identity = upstream.identify(answer, attempt)
    except UpstreamError as error:
        return _failed(context, error, upstream, query or "")
    response = context.arrive(identity, query=query)
    _there(context).write(response, key)
    return response


def signed_out(context: Context, key: str) -> Any:
    """Take the person who comes back from a sign-out; one who begins here sees our own page."""
    _by_key(context, key) or abort(404)
    onward = attempts.claim(context, Purpose.SIGN_OUT, key, request.args.get("state", ""))
    return redirect(onward or url_for("auth_pages.logout"), 303)


def sign_out_there(context: Context, onward: str) -> Response | None:
    """Return the page that ends the browser's sign-in at the provider where it began, and then goes
    on.

    None when it began nowhere else, or there is no way to end it.
    """
    upstream = remembered(context)
    if upstream is None:
        return None
    state = attempts.begin(context, Purpose.SIGN_OUT, upstream.key, onward)
    back = context.settings.issuer + url_for("auth_upstream.signed_out", key=upstream.key)
    address = upstream.sign_out_address(back, state, context.clock())
    if not address:
        return None
    response = leave(context, upstream, address, signing_out=True)
    forget(context, response)
    return response


def leave(
    context: Context, upstream: Upstream, address: str, *, signing_out: bool = False
) -> Response:
    """Return a page that goes on by itself. A redirect would not do: after a form browsers stop
    every one that ``form-action`` does not name, and nobody knows where a gateway redirects."""
    response = render(
        context,
        "upstream/leaving.html",
        upstream=upstream,
        address=address,
        signing_out=signing_out,
    )
    response.headers["Refresh"] = f"0; url={address}"
    return response


def remembered(context: Context) -> Upstream | None:
    """Return the outside provider at which this browser has a sign-in too, whether or not it led to
    one here.

    It lasts for hours (docs/facts/esia.md 1.18), so a sign-out has to end it, or at a school
    computer the next person enters with one click.
    """
    return _by_key(context, _there(context).read(request))


def forget(context: Context, response: Response) -> None:
    """Remember no longer that there is a sign-in over there: it is ended as far as it can be."""
    _there(context).forget(response)


def _there(context: Context) -> Cookie:
    return host_cookie("signed_in_at", secure=context.sessions.cookie.secure)


def _by_key(context: Context, key: str) -> Upstream | None:
    return next((one for one in context.upstreams if one.key == key), None)


def _callback(context: Context, key: str) -> str:
    """Return the address that is registered there."""
    return context.settings.issuer + url_for("auth_upstream.callback", key=key)


def _failed(context: Context, error: UpstreamError, upstream: Upstream, query: str) -> Response:
    """Write it down without a word about the person, and say it to them."""
    log.warning(
        "sign-in at %s failed: %s (%s)",
        upstream.key,
        error.detail,
        error.code or error.problem.value,
        extra={"upstream": upstream.key, "problem": error.problem.value, "code": error.code},
    )
    context.record_refusal(None, asking_client(context, query), Method.ESIA, error.reason)
    return _page(context, error, upstream, query)


def _page(
    context: Context,
    error: UpstreamError,
    upstream: Upstream,
    query: str,
    *,
    status: int | None = None,
) -> Response:
    return render(
        context,
        "upstream/failed.html",
        status=status or error.status,
        upstream=upstream,
        problem=error.problem.value,
        code=error.code,
        again=f"{url_for('auth_pages.login')}{'?' if query else ''}{query}",
        with_password=context.settings.password_sign_in and offers(context).password,
    )
