"""Taking a login and a password, and the shortest way on from there."""

from __future__ import annotations

from typing import Any

from flask import request
from werkzeug.wrappers import Response

from auth.models import Method
from auth.oidc.context import Context
from auth.oidc.provider import Provider
from auth.oidc.sign_ins import begin_sign_in
from auth.pages.shell import asking_client, current_query, refuse
from auth.portal.authorize import code_at_once
from auth.portal.home import go_on, login_page, password_elsewhere
from auth.signin.check import normalise_username
from auth.signin.policy import Reason
from auth.signin.throttle import minutes_left


def check_login(provider: Provider) -> Any:
    """Take a login and a password; the same words for a wrong login and a wrong password."""
    context = provider.context
    if not context.settings.password_sign_in:
        return password_elsewhere(context, status=403)
    username = request.form.get("username", "")
    if not context.sessions.cookie.is_own_form(request):
        return _login_again(context, "stale_form", username)
    client = asking_client(context, current_query())
    known = context.devices.recognise(request, normalise_username(username), context.clock())
    checked = context.check_typed(request, device=known)
    account = checked.account
    if account is None or checked.refused:
        reason = checked.refused or Reason.UNKNOWN_USERNAME
        if not checked.is_repeated:
            context.record_refusal(account, client, Method.PASSWORD, reason)
        problem = "too_many_failures" if reason is Reason.TOO_MANY_FAILURES else "wrong"
        minutes = minutes_left(checked.paused_until, context.clock())
        return _login_again(context, problem, username, minutes)
    decision = context.decide(account, None, Method.PASSWORD)
    if decision.reason:
        context.record_refusal(account, client, Method.PASSWORD, decision.reason)
        return refuse(context, decision, client)
    sign_in, cookie = begin_sign_in(
        context,
        account,
        Method.PASSWORD,
        client,
        with_first_password=checked.with_first_password,
    )
    response = code_at_once(provider, sign_in, account) or go_on()
    context.sessions.cookie.write(response, cookie)
    context.devices.remember(request, response, account.username, context.clock())
    return response


def _login_again(context: Context, problem: str, username: str, minutes: int = 0) -> Response:
    return login_page(
        context,
        status=429 if problem == "too_many_failures" else 400,
        problem=problem,
        username=username,
        minutes=minutes,
    )
