"""Taking a login and a password, and the shortest way on from there."""

from __future__ import annotations

from typing import Any

from flask import request
from werkzeug.wrappers import Response

from auth.models import Method
from auth.oidc.context import Context
from auth.oidc.provider import Provider
from auth.oidc.sign_ins import begin_sign_in
from auth.pages.shell import refuse, render
from auth.portal.authorize import code_at_once
from auth.portal.home import asking_client, go_on, login_page
from auth.signin.check import normalise_username
from auth.signin.policy import Reason
from auth.signin.throttle import minutes_left


def check_login(provider: Provider) -> Any:
    """Take a login and a password; the same words for a wrong login and a wrong password."""
    context = provider.context
    if not context.settings.password_sign_in:
        return render(context, "password_elsewhere.html", status=403, client=asking_client(context))
    username = request.form.get("username", "")
    if not context.sessions.cookie.is_own_form(request):
        return _login_again(context, "stale_form", username)
    known = context.devices.recognise(request, normalise_username(username), context.clock())
    checked = context.check_typed(request, device=known)
    if checked.account is None or checked.refused:
        reason = checked.refused or Reason.UNKNOWN_USERNAME
        if not checked.is_repeated:
            context.record_refusal(
                checked.account,
                client_id=request.args.get("client_id", ""),
                method=Method.PASSWORD,
                reason=reason,
            )
        problem = "too_many_failures" if reason is Reason.TOO_MANY_FAILURES else "wrong"
        minutes = minutes_left(checked.paused_until, context.clock())
        return _login_again(context, problem, username, minutes)
    decision = context.decide(checked.account, None, Method.PASSWORD)
    if decision.reason:
        context.record_refusal(
            checked.account,
            client_id=request.args.get("client_id", ""),
            method=Method.PASSWORD,
            reason=decision.reason,
        )
        return refuse(context, decision, asking_client(context))
    begun = begin_sign_in(
        context,
        request,
        account=checked.account,
        method=Method.PASSWORD,
        with_first_password=checked.with_first_password,
        age=context.session_age(asking_client(context)),
    )
    response = code_at_once(provider, begun.sign_in, checked.account) or go_on()
    context.sessions.cookie.write(response, begun.cookie)
    context.devices.remember(request, response, checked.account.username, context.clock())
    return response


def _login_again(context: Context, problem: str, username: str, minutes: int = 0) -> Response:
    return login_page(
        context,
        status=429 if problem == "too_many_failures" else 400,
        problem=problem,
        username=username,
        minutes=minutes,
    )
