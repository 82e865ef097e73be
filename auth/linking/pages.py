"""From an outside sign-in to an account: where it comes in, who is let in, and the choice of one.

Names, birth dates and СНИЛС are shown to nobody but the person they belong to, and stand in no
address: pages are called with the key of an ``Arrival``.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode

from flask import redirect, request, url_for
from werkzeug.wrappers import Response

from auth.clients.client import Client
from auth.cookies import Cookie, host_cookie
from auth.directory import Account
from auth.linking import pending_identities as arrivals
from auth.linking.comparison import masked_snils, valid_snils
from auth.linking.decision import Outcome, Step, decide
from auth.linking.links import link_by_evidence
from auth.linking.lookup import look_up
from auth.linking.models import Arrival, Evidence
from auth.models import Method
from auth.oidc.context import Context
from auth.oidc.sign_ins import begin_sign_in, end_sign_in
from auth.outside import OutsideIdentity
from auth.pages.shell import refuse, render
from auth.signin.policy import Decision, Reason


@dataclass(frozen=True, kw_only=True, slots=True)
class Pending:
    """The arrival that a page is about, and what is to be done about it by now."""

    arrival: Arrival
    identity: OutsideIdentity
    outcome: Outcome


def arrive(context: Context, identity: OutsideIdentity, *, query: str) -> Response:
    """Take somebody whom an outside provider vouched for to where they belong.

    ``query`` is that of our own authorization request to go on with; empty when there is none.
    The answer is a redirect, with the person signed in or to a page of ours that asks, or the
    page that refuses them. Nothing of ``identity`` is in its address.
    """
    outcome = _decide(context, identity)
    if account := _who_enters(context, identity, outcome, query):
        refusal = _refusal(context, account, client_of(context, query))
        if refusal:
            return _refuse(context, account, query, refusal)
        return _sign_in(context, account, query)
    if outcome.step in {Step.ASK_SCHOOL, Step.UNCONFIRMED, Step.CHILDREN}:
        context.record_refusal(
            None, client_id=_client_id(query), method=Method.ESIA, reason=Reason.NOT_LINKED
        )
    browser = context.sessions.cookie.browser(request)
    key = arrivals.keep(
        context.session_factory, identity, query=query, browser=browser, now=context.clock()
    )
    response = redirect(url_for("auth_linking.show", arrival=key), 303)
    context.sessions.cookie.write(response, browser)
    return response


def show(context: Context) -> Any:
    """The page for what is to be done now: a school may have answered meanwhile."""
    pending = find_pending(context)
    if pending is None:
        return lost(context)
    outcome = pending.outcome
    if outcome.step is Step.ENTER:
        return let_in(context, pending, outcome.linked[0])
    if outcome.step in {Step.CHOOSE, Step.UNCONFIRMED}:
        return page(context, outcome.step.value, pending)
    return go(f"auth_linking.{outcome.step}")


def choose(context: Context) -> Any:
    """Enter as one of the people whom the identity opens, and remember which."""
    pending = find_pending(context)
    if pending is None or not context.sessions.cookie.is_own_form(request):
        return lost(context)
    wanted = request.form.get("person", "")
    account = next((one for one in pending.outcome.linked if one.person_id == wanted), None)
    if account is None:
        return go("auth_linking.show")
    response = let_in(context, pending, account)
    if response.status_code == 303:
        browser = secrets.token_urlsafe(32)
        arrivals.remember_choice(
            context.session_factory,
            pending.identity,
            account.person_id,
            browser=browser,
            now=context.clock(),
        )
        _choice(context).write(response, browser)
    return response


def enter_as_another(context: Context) -> Any:
    """Sign out and forget the choice, so that the next sign-in asks again."""
    response = redirect(url_for("auth_pages.login"), 303)
    if context.sessions.cookie.is_own_form(request):
        end_sign_in(context, request, response)
        _choice(context).forget(response)
    return response


def find_pending(context: Context) -> Pending | None:
    """The arrival of this page and what is to be done about it by now.

    None: it is over, or of another browser.
    """
    arrival = arrivals.find(
        context.session_factory,
        request.args.get("arrival", ""),
        browser=context.sessions.cookie.browser(request),
        now=context.clock(),
    )
    if arrival is None:
        return None
    identity = arrivals.identity_of(arrival)
    return Pending(arrival=arrival, identity=identity, outcome=_decide(context, identity))


def page(
    context: Context, name: str, pending: Pending, *, status: int = 200, **values: Any
) -> Response:
    """A page about an arrival, with what all of them show."""
    return render(
        context,
        f"linking/{name}.html",
        status=status,
        onward=pending.arrival.query,
        arrival=request.args.get("arrival", ""),
        identity=pending.identity,
        masked_snils=masked_snils(valid_snils(pending.identity.snils)),
        outcome=pending.outcome,
        may_type=may_type(context),
        password_sign_in=context.settings.password_sign_in,
        **values,
    )


def local_day(context: Context, moment: datetime) -> date:
    """The day of people's calendar."""
    return context.phases.schedule().day(moment)


def may_type(context: Context) -> bool:
    """Whether a school login and password may confirm a link."""
    return context.linking.confirm != "school" and context.settings.password_sign_in


def may_ask(context: Context) -> bool:
    """Whether a school may confirm a likely link; it has to where nobody can type a password."""
    return context.linking.confirm != "login" or not may_type(context)


def lost(context: Context) -> Response:
    return render(context, "linking/lost.html", status=400)


def go(endpoint: str) -> Response:
    """To another page about the same arrival."""
    return redirect(url_for(endpoint, arrival=request.args.get("arrival", "")), 303)


def let_in(context: Context, pending: Pending, account: Account) -> Response:
    """Sign the person in and go on, once for each arrival; who is refused may choose again."""
    query = pending.arrival.query
    if refusal := _refusal(context, account, client_of(context, query)):
        return _refuse(context, account, query, refusal)
    if not arrivals.use_up(context.session_factory, pending.arrival):
        return lost(context)
    return _sign_in(context, account, query)


def client_of(context: Context, query: str) -> Client | None:
    """The application that brought the person here, by its authorization request."""
    return context.client(_client_id(query))


def _decide(context: Context, identity: OutsideIdentity) -> Outcome:
    """The decision as of now; a link that needs no question is made on the way."""
    while True:
        found = look_up(identity, context.directory, context.session_factory)
        outcome = decide(identity, found)
        if outcome.step is not Step.LINK:
            return outcome
        (account,) = outcome.linked
        # Afterwards the account is linked, to this identity or, in a race, to another one.
        link_by_evidence(
            context.session_factory, identity, account, Evidence.SNILS, context.clock()
        )


def _who_enters(
    context: Context, identity: OutsideIdentity, outcome: Outcome, query: str
) -> Account | None:
    """The one person to let in without a question, because there is no other or by an earlier
    choice. A choice that this application refuses is not kept to."""
    if outcome.step is Step.ENTER:
        return outcome.linked[0]
    browser = _choice(context).read(request)
    if outcome.step is not Step.CHOOSE or not browser:
        return None
    chosen = arrivals.remembered_choice(
        context.session_factory, identity, browser=browser, now=context.clock()
    )
    account = next((one for one in outcome.linked if one.person_id == chosen), None)
    if account and _refusal(context, account, client_of(context, query)) is None:
        return account
    return None


def _sign_in(context: Context, account: Account, query: str) -> Response:
    """Sign the person in and go on to the application."""
    client = client_of(context, query)
    if client:
        back = urlencode(parse_qsl(query, keep_blank_values=True))
        response = redirect(f"{url_for('auth.authorize')}?{back}", 303)
    else:
        response = redirect(url_for("auth_pages.home"), 303)
    begun = begin_sign_in(
        context,
        request,
        account=account,
        method=Method.ESIA,
        age=context.session_age(client),
    )
    context.sessions.cookie.write(response, begun.cookie)
    return response


def _refuse(context: Context, account: Account, query: str, refusal: Decision) -> Response:
    """Say why, and write it down."""
    if refusal.reason:
        context.record_refusal(
            account, client_id=_client_id(query), method=Method.ESIA, reason=refusal.reason
        )
    return refuse(context, refusal, client_of(context, query))


def _refusal(context: Context, account: Account, client: Client | None) -> Decision | None:
    """As the authorization request will decide; known before a sign-in begins. None: let in."""
    decision = context.decide(account, client, Method.ESIA)
    return None if decision.allowed else decision


def _client_id(query: str) -> str:
    return next((value for name, value in parse_qsl(query) if name == "client_id"), "")


def _choice(context: Context) -> Cookie:
    return host_cookie("link_choice", secure=context.sessions.cookie.secure)
