"""What people see: signing in and choosing an own password."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any
from urllib.parse import parse_qsl, urlencode

from babel.dates import format_date
from flask import (
    Blueprint,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from werkzeug.wrappers import Response

from auth.clients.client import Client, source_of
from auth.directory import Account
from auth.models import Method, SignIn
from auth.oidc.provider import current_provider
from auth.pages import transition
from auth.pages.guard import guard, let_forms_lead_to
from auth.signin import check as signin
from auth.signin.passwords import Problem, find_problem, set_first_own_password
from auth.signin.policy import Decision
from auth.signin.sessions import form_token
from auth.texts import LANGUAGES, choose_language
from auth.upstream.offers import current_handover
from auth.upstream.port import Upstream

blueprint = Blueprint(
    "auth_pages",
    __name__,
    url_prefix="/auth",
    template_folder="../templates",
    static_folder="../static",
)
blueprint.after_request(guard)


def render(template: str, *, status: int = 200, **context: Any) -> Response:
    """A page in the person's language, with a form token for this browser.

    ``onward`` is the query of the application's request that the page is on the way of; without
    it that of the page's own address. The page's forms may lead to this application.
    """
    provider = current_provider()
    language = choose_language(request)
    cookie = provider.sessions.browser_cookie(request)
    context.setdefault("onward", current_query())
    _let_forms_lead_on(context["onward"])
    body = render_template(
        f"auth/{template}",
        _=provider.texts.translator(language),
        ngettext=provider.texts.counter(language),
        say_day=partial(format_date, format="d MMMM y", locale=language),
        language=language,
        languages=[(code, _in_language(code)) for code in LANGUAGES],
        form_token=form_token(cookie),
        upstreams=_upstreams,
        **context,
    )
    response = make_response(body, status)
    provider.sessions.set_cookie(response, cookie)
    return response


def _let_forms_lead_on(query: str) -> None:
    values = dict(reversed(parse_qsl(query)))  # of a doubled one the first counts
    client = current_provider().query_client(values.get("client_id", ""))
    if client:
        let_forms_lead_to(client.origins, source_of(values.get("redirect_uri", "")))


def _in_language(code: str) -> str:
    """The address of this page in another language."""
    query = [(k, v) for k, v in request.args.items(multi=True) if k != "ui_locales"]
    return f"?{urlencode([*query, ('ui_locales', code)])}"


def _upstreams() -> list[Upstream]:
    """The outside providers to offer."""
    offered = transition.offers(current_provider()).outside
    return list(current_handover().upstreams) if offered else []


@blueprint.get("/")
def home() -> Any:
    """Where somebody lands who signed in without coming from an application."""
    provider = current_provider()
    sign_in = provider.sessions.current(request, provider.clock())
    if sign_in is None:
        return redirect(url_for("auth_pages.login"), 303)
    account = provider.directory.by_person_id(sign_in.person_id)
    if account is None:
        return redirect(url_for("auth_pages.login"), 303)
    decision = provider.decide(account, None, Method(sign_in.method))
    if not decision.allowed:
        return refuse(decision, None)
    if sign_in.with_first_password:
        return redirect(url_for("auth_pages.set_password"), 303)
    return render(
        "home.html",
        account=account,
        applications=_applications(account, Method(sign_in.method)),
        notice=_notice_for(account, sign_in),
        from_outside=sign_in.method == Method.ESIA,
        leads_class=bool(provider.own_class.pupils(account.person_id)),
    )


def _applications(account: Account, method: Method) -> list[Client]:
    """Those that say where they begin and that this sign-in opens, by name."""
    provider = current_provider()
    found = [
        client
        for client in provider.clients.values()
        if client.home_url and provider.decide(account, client, method).allowed
    ]
    return sorted(found, key=lambda client: client.title.casefold())


@blueprint.get("/login")
def login() -> Any:
    return ask_who(current_query())


def ask_who(onward: str) -> Response:
    """The page to sign in on, and then to go on with the request whose query is ``onward``."""
    if not current_provider().settings.password_sign_in:
        return render("password_elsewhere.html", client=asking_client(), onward=onward)
    return login_page(username=_hinted_username(), onward=onward)


@blueprint.route("/set-password", methods=["GET", "POST"])
def set_password() -> Any:
    """Make a person who signed in with the first password choose an own one, at once."""
    provider = current_provider()
    now = provider.clock()
    sign_in = provider.sessions.current(request, now)
    if sign_in is None or not sign_in.with_first_password:
        return go_on()
    account = provider.directory.by_person_id(sign_in.person_id)
    if account is None:
        return go_on()
    min_length = provider.settings.min_password_length
    problem = None
    if request.method == "POST":
        password = request.form.get("password", "")
        if not provider.sessions.is_own_form(request):
            problem = Problem.STALE_FORM
        elif provider.directory.check_first_password(account.person_id, password.strip()):
            problem = Problem.FIRST_PASSWORD
        else:
            repeated = request.form.get("repeated", "")
            problem = find_problem(password, repeated, account, min_length)
        if problem is None:
            response = go_on()
            if set_first_own_password(provider.session_factory, account.person_id, password, now):
                begun = provider.sign_in(
                    request,
                    account=account,
                    method=Method.PASSWORD,
                    age=session_age(asking_client()),
                    goes_on=True,
                )
                provider.sessions.set_cookie(response, begun.cookie)
            else:
                provider.sign_out(request, response)
            return response
    return render(
        "set_password.html",
        status=400 if problem else 200,
        account=account,
        notice=_notice_for(account, sign_in),
        problem=problem,
        min_length=min_length,
    )


def _hinted_username() -> str:
    """The client's ``login_hint``, filled in for the person to see and change."""
    return signin.normalise_username(request.args.get("login_hint", ""))


def asking_client() -> Client | None:
    """The application that brought the person here."""
    return current_provider().query_client(request.args.get("client_id", ""))


def session_age(client: Client | None) -> timedelta:
    """As long as the application that brought the person here allows."""
    seconds = current_provider().settings.session_seconds
    if client and client.session_seconds:
        seconds = min(seconds, client.session_seconds)
    return timedelta(seconds=seconds)


def current_query() -> str:
    return request.query_string.decode("ascii", "replace")


def go_on() -> Response:
    """Back to the request that brought the person here: its query was carried along."""
    if "client_id" in request.args:
        return redirect(f"{url_for('auth.authorize')}?{current_query()}", 303)
    return redirect(url_for("auth_pages.home"), 303)


def login_page(**context: Any) -> Response:
    provider = current_provider()
    return render(
        "login.html",
        client=asking_client(),
        notice=transition.city_notice(provider),
        offers=transition.offers(provider),
        **context,
    )


def _notice_for(account: Account, sign_in: SignIn) -> transition.Notice | None:
    if sign_in.method != Method.PASSWORD:
        return None
    return transition.notice_for(current_provider(), account)


def refuse(decision: Decision, client: Client | None) -> Response:
    """The page for somebody whom ``policy`` does not let in: why, and what to do."""
    return render(
        "refused.html", status=403, reason=decision.reason, phase=decision.phase, client=client
    )
