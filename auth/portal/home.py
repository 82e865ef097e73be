"""What people see: signing in and choosing an own password."""

from __future__ import annotations

from typing import Any

from flask import redirect, request, url_for
from werkzeug.wrappers import Response

from auth.clients.client import Client
from auth.directory import Account
from auth.models import Method, SignIn
from auth.oidc.context import Context
from auth.oidc.sign_ins import begin_sign_in, end_sign_in
from auth.pages.shell import current_query, refuse, render
from auth.signin import transition
from auth.signin.check import normalise_username
from auth.signin.passwords import Problem, find_problem, set_first_own_password


def home(context: Context) -> Any:
    """Where somebody lands who signed in without coming from an application."""
    sign_in = context.sessions.current(request, context.clock())
    if sign_in is None:
        return redirect(url_for("auth_pages.login"), 303)
    account = context.directory.by_person_id(sign_in.person_id)
    if account is None:
        return redirect(url_for("auth_pages.login"), 303)
    decision = context.decide(account, None, Method(sign_in.method))
    if not decision.allowed:
        return refuse(context, decision, None)
    if sign_in.with_first_password:
        return redirect(url_for("auth_pages.set_password"), 303)
    return render(
        context,
        "home.html",
        account=account,
        applications=_applications(context, account, Method(sign_in.method)),
        notice=_notice_for(context, account, sign_in),
        from_outside=sign_in.method == Method.ESIA,
        leads_class=bool(context.own_class.pupils(account.person_id)),
    )


def _applications(context: Context, account: Account, method: Method) -> list[Client]:
    """Those that say where they begin and that this sign-in opens, by name."""
    found = [
        client
        for client in context.clients.values()
        if client.home_url and context.decide(account, client, method).allowed
    ]
    return sorted(found, key=lambda client: client.title.casefold())


def login(context: Context) -> Any:
    return ask_who(context, current_query())


def ask_who(context: Context, onward: str) -> Response:
    """The page to sign in on, and then to go on with the request whose query is ``onward``."""
    if not context.settings.password_sign_in:
        return render(
            context, "password_elsewhere.html", client=asking_client(context), onward=onward
        )
    return login_page(context, username=_hinted_username(), onward=onward)


def set_password(context: Context) -> Any:
    """Make a person who signed in with the first password choose an own one, at once."""
    now = context.clock()
    sign_in = context.sessions.current(request, now)
    if sign_in is None or not sign_in.with_first_password:
        return go_on()
    account = context.directory.by_person_id(sign_in.person_id)
    if account is None:
        return go_on()
    min_length = context.settings.min_password_length
    problem = None
    if request.method == "POST":
        password = request.form.get("password", "")
        if not context.sessions.cookie.is_own_form(request):
            problem = Problem.STALE_FORM
        elif context.directory.check_first_password(account.person_id, password.strip()):
            problem = Problem.FIRST_PASSWORD
        else:
            repeated = request.form.get("repeated", "")
            problem = find_problem(password, repeated, account, min_length)
        if problem is None:
            response = go_on()
            if set_first_own_password(context.session_factory, account.person_id, password, now):
                begun = begin_sign_in(
                    context,
                    request,
                    account=account,
                    method=Method.PASSWORD,
                    age=context.session_age(asking_client(context)),
                    goes_on=True,
                )
                context.sessions.cookie.write(response, begun.cookie)
            else:
                end_sign_in(context, request, response)
            return response
    return render(
        context,
        "set_password.html",
        status=400 if problem else 200,
        account=account,
        notice=_notice_for(context, account, sign_in),
        problem=problem,
        min_length=min_length,
    )


def _hinted_username() -> str:
    """The client's ``login_hint``, filled in for the person to see and change."""
    return normalise_username(request.args.get("login_hint", ""))


def asking_client(context: Context) -> Client | None:
    """The application that brought the person here."""
    return context.client(request.args.get("client_id", ""))


def go_on() -> Response:
    """Back to the request that brought the person here: its query was carried along."""
    if "client_id" in request.args:
        return redirect(f"{url_for('auth.authorize')}?{current_query()}", 303)
    return redirect(url_for("auth_pages.home"), 303)


def login_page(context: Context, **values: Any) -> Response:
    return render(
        context,
        "login.html",
        client=asking_client(context),
        notice=transition.city_notice(
            context.phases, context.clock(), ahead=context.settings.phase_notice_days
        ),
        offers=transition.offers(context.phases, context.clock()),
        **values,
    )


def _notice_for(context: Context, account: Account, sign_in: SignIn) -> transition.Notice | None:
    if sign_in.method != Method.PASSWORD:
        return None
    return transition.notice_for(
        context.phases, account, context.clock(), ahead=context.settings.phase_notice_days
    )
