"""Taking a login and a password, and the shortest way on from there."""

from __future__ import annotations

from typing import Any

from flask import request
from werkzeug.wrappers import Response

from auth.models import Method
from auth.oidc.authorize import code_at_once
from auth.oidc.provider import current_provider
from auth.pages.sign_in import (
    asking_client,
    blueprint,
    go_on,
    login_page,
    refuse,
    render,
    session_age,
)
from auth.signin import check as signin
from auth.signin.policy import Reason
from auth.signin.throttle import minutes_left


@blueprint.post("/login")
def check_login() -> Any:
    """Take a login and a password; the same words for a wrong login and a wrong password."""
    provider = current_provider()
    if not provider.settings.password_sign_in:
        return render("password_elsewhere.html", status=403, client=asking_client())
    username = request.form.get("username", "")
    if not provider.sessions.is_own_form(request):
        return _login_again("stale_form", username)
    checked = signin.check(
        username,
        request.form.get("password", ""),
        address=request.remote_addr or "",
        directory=provider.directory,
        session_factory=provider.session_factory,
        throttle=provider.throttle,
        settings=provider.settings,
        now=provider.clock(),
        device=provider.devices.recognise(
            request, signin.normalise_username(username), provider.clock()
        ),
    )
    if checked.account is None or checked.refused:
        reason = checked.refused or Reason.UNKNOWN_USERNAME
        if not checked.is_repeated:
            provider.record_refusal(
                checked.account,
                client_id=request.args.get("client_id", ""),
                method=Method.PASSWORD,
                reason=reason,
            )
        too_many = reason is Reason.TOO_MANY_FAILURES
        minutes = minutes_left(checked.paused_until, provider.clock())
        return _login_again("too_many_failures" if too_many else "wrong", username, minutes)
    decision = provider.decide(checked.account, None, Method.PASSWORD)
    if decision.reason:
        provider.record_refusal(
            checked.account,
            client_id=request.args.get("client_id", ""),
            method=Method.PASSWORD,
            reason=decision.reason,
        )
        return refuse(decision, asking_client())
    begun = provider.sign_in(
        request,
        account=checked.account,
        method=Method.PASSWORD,
        with_first_password=checked.with_first_password,
        age=session_age(asking_client()),
    )
    response = code_at_once(begun.sign_in, checked.account) or go_on()
    provider.sessions.set_cookie(response, begun.cookie)
    provider.devices.remember(request, response, checked.account.username, provider.clock())
    return response


def _login_again(problem: str, username: str, minutes: int = 0) -> Response:
    return login_page(
        status=429 if problem == "too_many_failures" else 400,
        problem=problem,
        username=username,
        minutes=minutes,
    )
