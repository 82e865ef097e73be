"""The pages of people: signing in, choosing an own password, and the class they lead."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask import abort, redirect, request, url_for
from werkzeug.wrappers import Response

from auth.clients.client import Client
from auth.directory import Account
from auth.models import Method
from auth.oidc.context import Context
from auth.oidc.sign_ins import begin_sign_in, end_sign_in
from auth.pages.shell import asking_client, current_query, refuse, render
from auth.pages.transition import city_notice, notice_for, offers
from auth.signin.check import normalise_username
from auth.signin.passwords import Problem, find_problem, set_first_own_password

RECENT = timedelta(minutes=15)
"""The highest age of the sign-in of a class teacher who resets passwords."""


def home(context: Context) -> Any:
    """Show the page of somebody who signed in without coming from an application."""
    sign_in, account = context.who(request)
    if sign_in is None or account is None:
        return redirect(url_for("auth_pages.login"), 303)
    method = Method(sign_in.method)
    decision = context.decide(account, None, method)
    if not decision.allowed:
        return refuse(context, decision, None)
    if sign_in.with_first_password:
        return redirect(url_for("auth_pages.set_password"), 303)
    return render(
        context,
        "home.html",
        account=account,
        applications=_applications(context, account, method),
        notice=notice_for(context, account, sign_in),
        from_outside=method is Method.ESIA,
        leads_class=bool(context.own_class and context.own_class.students(account.person_id)),
    )


def _applications(context: Context, account: Account, method: Method) -> list[Client]:
    """Return those that say where they begin and that this sign-in opens, by name."""
    found = [
        client
        for client in context.clients.values()
        if client.home_url and context.decide(account, client, method).allowed
    ]
    return sorted(found, key=lambda client: client.title.casefold())


def login(context: Context) -> Any:
    return ask_who(context, current_query())


def ask_who(context: Context, onward: str) -> Response:
    """Return the page to sign in on, which then goes on with the request whose query is
    ``onward``."""
    if not context.settings.password_sign_in:
        return password_elsewhere(context, onward=onward)
    # The application's ``login_hint``, for the person to see and change.
    hint = normalise_username(request.args.get("login_hint", ""))
    return login_page(context, username=hint, onward=onward)


def password_elsewhere(context: Context, **values: Any) -> Response:
    client = asking_client(context, current_query())
    return render(context, "password_elsewhere.html", client=client, **values)


def login_page(context: Context, **values: Any) -> Response:
    return render(
        context,
        "login.html",
        client=asking_client(context, current_query()),
        notice=city_notice(context),
        offers=offers(context),
        **values,
    )


def set_password(context: Context) -> Any:
    """Make a person who signed in with the first password choose an own one, at once."""
    now = context.clock()
    sign_in, account = context.who(request)
    if sign_in is None or account is None or not sign_in.with_first_password:
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
                client = asking_client(context, current_query())
                _sign_in, cookie = begin_sign_in(
                    context, account, Method.PASSWORD, client, goes_on=True
                )
                context.sessions.cookie.write(response, cookie)
            else:
                end_sign_in(context, response)
            return response
    return render(
        context,
        "set_password.html",
        status=400 if problem else 200,
        account=account,
        notice=notice_for(context, account, sign_in),
        problem=problem,
        min_length=min_length,
    )


def go_on() -> Response:
    """Go back to the request that brought the person here: its query was carried along."""
    if "client_id" in request.args:
        return redirect(f"{url_for('auth.authorize')}?{current_query()}", 303)
    return redirect(url_for("auth_pages.home"), 303)


def own_class(context: Context) -> Any:
    """Show a class teacher the students of the own class, and reset the password of one.

    Only soon after the sign-in: a computer left open must not hand out passwords. Anybody without a
    class is answered like a page that is not there.
    """
    sign_in, account = context.who(request)
    if sign_in is None or context.clock() - sign_in.auth_time > RECENT:
        return redirect(url_for("auth_pages.login"), 303)
    if sign_in.with_first_password:
        return redirect(url_for("auth_pages.set_password"), 303)
    leader = context.own_class or abort(404)
    students = leader.students(sign_in.person_id)
    if account is None or not students:
        abort(404)
    decision = context.decide(account, None, Method(sign_in.method))
    if not decision.allowed:
        return refuse(context, decision, None)
    if request.method == "GET":
        return render(context, "class.html", students=students)
    if not context.sessions.cookie.is_own_form(request):
        return render(context, "class.html", status=400, students=students, stale=True)
    slip = leader.reset(sign_in.person_id, request.form.get("login", ""))
    if slip is None:
        abort(404)
    return render(context, "class_slip.html", slip=slip)
