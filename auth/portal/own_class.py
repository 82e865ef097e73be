"""The page of a class teacher: the pupils of the own class, and the reset of a password.

Only for somebody who signed in here a moment ago: a computer left open must not hand out passwords.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask import abort, redirect, request, url_for

from auth.models import Method
from auth.oidc.context import Context
from auth.pages.shell import refuse, render

RECENT = timedelta(minutes=15)
"""The highest age of the sign-in."""


def own_class(context: Context) -> Any:
    """Answer anybody without a class of their own like a page that is not there."""
    sign_in, account = context.who(request)
    if sign_in is None or context.clock() - sign_in.auth_time > RECENT:
        return redirect(url_for("auth_pages.login"), 303)
    if sign_in.with_first_password:
        return redirect(url_for("auth_pages.set_password"), 303)
    pupils = context.own_class.pupils(sign_in.person_id)
    if account is None or not pupils:
        abort(404)
    decision = context.decide(account, None, Method(sign_in.method))
    if not decision.allowed:
        return refuse(context, decision, None)
    if request.method == "GET":
        return render(context, "class.html", pupils=pupils)
    if not context.sessions.cookie.is_own_form(request):
        return render(context, "class.html", status=400, pupils=pupils, stale=True)
    slip = context.own_class.reset(sign_in.person_id, request.form.get("login", ""))
    if slip is None:
        abort(404)
    return render(context, "class_slip.html", slip=slip)
