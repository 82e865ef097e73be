"""The authorization request: from a client's link, over our pages, back to it with a code; and the
shortest way on for somebody who typed a password."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import timedelta
from enum import Enum, auto
from typing import Any
from urllib.parse import urlencode

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import AccessDeniedError
from authlib.oidc.core.errors import (
    ConsentRequiredError,
    InteractionRequiredError,
    LoginRequiredError,
)
from flask import redirect, request, url_for
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from auth.clients.client import Client
from auth.directory import Account
from auth.models import Consent, Method, SignIn
from auth.oidc.context import Context
from auth.oidc.grants import CodeGrant
from auth.oidc.provider import Provider
from auth.oidc.sign_ins import begin_sign_in
from auth.pages.shell import asking_client, current_query, refuse, render
from auth.portal.home import ask_who, go_on, login_page, password_elsewhere
from auth.signin.check import normalise_username
from auth.signin.policy import ALLOWED, Decision
from auth.upstream.pages import sign_out_there

MAX_AGE = 10**9
"""In seconds, as good as no limit."""


class Step(Enum):
    """The next thing to happen before a code is given."""

    SIGN_IN = auto()
    REFUSE = auto()
    SET_PASSWORD = auto()
    CONSENT = auto()
    NONE = auto()


_SILENT_ERRORS: Mapping[Step, type[OAuth2Error]] = {
    Step.SIGN_IN: LoginRequiredError,
    Step.REFUSE: AccessDeniedError,
    Step.SET_PASSWORD: InteractionRequiredError,
    Step.CONSENT: ConsentRequiredError,
}
"""The answer where ``prompt=none`` forbids the page of a step (OpenID Connect Core 3.1.2.6)."""


def authorize(provider: Provider) -> Any:
    """Send the person back with a code, or to our pages first.

    Nothing is redirected to an address that is not registered (RFC 6749 section 4.1.2.1).
    """
    context = provider.context
    sign_in, account = context.who(request)
    try:
        grant = provider.get_consent_grant(end_user=account)
        step, decision = _next_step(context, grant, sign_in, account)
        if decision.reason:
            context.record_refusal(account, grant.client, Method.SESSION, decision.reason)
        if _prompt(grant) == {"none"} and step in _SILENT_ERRORS:
            raise _SILENT_ERRORS[step](
                redirect_uri=grant.redirect_uri, state=grant.request.payload.state
            )
    except OAuth2Error as error:
        return _tell(provider, error)
    if step is Step.REFUSE:
        return refuse(context, decision, grant.client)
    if step is Step.SIGN_IN:
        return _ask_who(context)
    if step is Step.SET_PASSWORD:
        return _go("auth_pages.set_password")
    if step is Step.CONSENT:
        return _go("auth.consent")
    if (
        grant.client.ask_each_time
        and sign_in
        and Method(sign_in.method) is Method.ESIA
        and _prompt(grant) != {"none"}
        and (page := sign_out_there(context, _here()))
    ):
        # A school computer: this very sign-in still counts here, over there it counts no more.
        return page
    return _give_code(provider, grant, sign_in)


def check_login(provider: Provider) -> Any:
    """Take a login and a password."""
    context = provider.context
    if not context.settings.password_sign_in:
        return password_elsewhere(context, status=403)
    username = request.form.get("username", "")
    if not context.sessions.cookie.is_own_form(request):
        return login_page(context, status=400, problem="stale_form", username=username)
    client = asking_client(context, current_query())
    known = context.devices.recognise(request, normalise_username(username), context.clock())
    checked = context.check_typed(request, device=known)
    account = checked.account
    if account is None or checked.refused:
        context.record_failure(checked, client)
        return login_page(
            context,
            status=429 if checked.minutes else 400,
            problem=checked.problem,
            username=username,
            minutes=checked.minutes,
        )
    decision = context.decide(account, None, Method.PASSWORD)
    if decision.reason:
        context.record_refusal(account, client, Method.PASSWORD, decision.reason)
        return refuse(context, decision, client)
    first = checked.with_first_password
    sign_in, cookie = begin_sign_in(
        context, account, Method.PASSWORD, client, with_first_password=first
    )
    response = _code_at_once(provider, sign_in, account) or go_on()
    context.sessions.cookie.write(response, cookie)
    context.devices.remember(request, response, account.username, context.clock())
    return response


def _code_at_once(provider: Provider, sign_in: SignIn, account: Account) -> Response | None:
    """Return the way back with a code, for somebody who signed in this moment.

    None when there is anything else to do or to say first: that begins with the request itself.
    """
    # The address alone counts: the posted form has a password in it.
    asked = provider.create_oauth2_request(request, request.args)
    try:
        grant = provider.get_consent_grant(asked, end_user=account)
        step, _decision = _next_step(provider.context, grant, sign_in, account)
    except OAuth2Error:
        return None
    if step is not Step.NONE:
        return None
    response = _give_code(provider, grant, sign_in)
    # A browser must not post the password on (RFC 9700 section 4.12).
    response.status_code = 303
    return response


def _give_code(provider: Provider, grant: CodeGrant, sign_in: SignIn | None) -> Response:
    asked = grant.request
    asked.sign_in = sign_in
    response: Response = provider.create_authorization_response(
        asked, grant_user=asked.user, grant=grant
    )
    return response


def _here() -> str:
    """Return the address of this request, so that it can be made again."""
    return f"{url_for('auth.authorize')}?{urlencode(list(request.values.items(multi=True)))}"


def consent(provider: Provider) -> Any:
    """Show what the application would learn, and take the person's yes or no."""
    context = provider.context
    sign_in, account = context.who(request)
    own_form = context.sessions.cookie.is_own_form(request)
    answer = request.form.get("decision") if own_form else None
    try:
        grant = provider.get_consent_grant(end_user=account)
        if answer == "deny":
            raise AccessDeniedError(
                redirect_uri=grant.redirect_uri, state=grant.request.payload.state
            )
    except OAuth2Error as error:
        return _tell(provider, error)
    if sign_in is None or account is None or sign_in.with_first_password:
        return _go("auth.authorize")
    if answer == "allow":
        with context.session_factory.begin() as db:
            db.merge(
                Consent(
                    person_id=account.person_id,
                    client_id=grant.client.client_id,
                    scope=grant.request.scope,
                    agreed_at=context.clock(),
                )
            )
        return _go("auth.authorize", answered={"consent"})
    scopes = grant.request.scope.split()
    return render(context, "consent.html", client=grant.client, scopes=scopes, account=account)


def _next_step(
    context: Context, grant: CodeGrant, sign_in: SignIn | None, account: Account | None
) -> tuple[Step, Decision]:
    prompt = _prompt(grant)
    if (
        sign_in is None
        or account is None
        or prompt & {"login", "select_account"}
        or not _counts(context, grant, sign_in)
    ):
        return Step.SIGN_IN, ALLOWED
    decision = context.decide(account, grant.client, Method(sign_in.method))
    if not decision.allowed:
        return Step.REFUSE, decision
    if sign_in.with_first_password:
        return Step.SET_PASSWORD, decision
    if "consent" in prompt or (grant.client.ask_consent and not _agreed(context, grant, account)):
        return Step.CONSENT, decision
    return Step.NONE, decision


def _counts(context: Context, grant: CodeGrant, sign_in: SignIn) -> bool:
    """Tell whether the sign-in is young enough, unused if it must be, and the expected person's."""
    client: Client = grant.client
    limits = [int(grant.request.payload.data.get("max_age") or MAX_AGE)]
    if client.session_seconds:
        limits.append(client.session_seconds)
    age = context.clock() - sign_in.auth_time
    return (
        age <= timedelta(seconds=min(limits))
        and not (client.ask_each_time and sign_in.used)
        and grant.request.expected_person in {"", sign_in.person_id}
    )


def _agreed(context: Context, grant: CodeGrant, account: Account) -> bool:
    with context.session_factory() as db:
        given = db.get(Consent, (account.person_id, grant.client.client_id))
        return given is not None and set(grant.request.scope.split()) <= set(given.scope.split())


def _prompt(grant: CodeGrant) -> set[str]:
    return set(grant.request.payload.data.get("prompt", "").split())


def _tell(provider: Provider, error: OAuth2Error) -> Any:
    if error.redirect_uri:
        return provider.redirect_with_error(error)
    return render(provider.context, "bad_request.html", status=400, error=error.error)


def _ask_who(context: Context) -> Response:
    """Show the sign-in page. The way on is without the wish to be asked: once is enough."""
    query = _query(request.values, answered={"login", "select_account"}, without="max_age")
    if request.method == "GET":
        return ask_who(context, query)
    # Pages know what is asked by their address.
    return redirect(f"{url_for('auth_pages.login')}?{query}", 303)


def _go(endpoint: str, *, answered: Collection[str] = ()) -> Response:
    """Go to another page of ours with the whole request, less the wishes that are answered."""
    source = request.args if endpoint == "auth.authorize" else request.values
    return redirect(f"{url_for(endpoint)}?{_query(source, answered=answered)}", 303)


def _query(
    source: MultiDict[str, str], *, answered: Collection[str] = (), without: str = ""
) -> str:
    query = []
    for name, value in source.items(multi=True):
        if name == "prompt":
            value = " ".join(word for word in value.split() if word not in answered)
        if value and name != without:
            query.append((name, value))
    return urlencode(query)
