"""From an outside sign-in to an account: where it comes in, who is let in, and the choice of one.

Names, birth dates and СНИЛС are shown to nobody but the person they belong to, and stand in no
address: pages are called with the key of a ``PendingIdentity``.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any
from urllib.parse import parse_qsl, urlencode

from flask import redirect, request, url_for
from werkzeug.wrappers import Response

from auth.clients.client import Client
from auth.cookies import Cookie, host_cookie
from auth.directory import Account
from auth.linking import pending_identities
from auth.linking.comparison import masked_snils, valid_snils
from auth.linking.decision import Outcome, Step, decide
from auth.linking.links import link_by_evidence
from auth.linking.lookup import look_up
from auth.linking.models import Evidence, PendingIdentity
from auth.models import Method
from auth.oidc.context import Context
from auth.oidc.sign_ins import begin_sign_in, end_sign_in
from auth.outside import OutsideIdentity
from auth.pages.shell import asking_client, refuse, render
from auth.signin.policy import Reason


@dataclass(frozen=True, kw_only=True, slots=True)
class Pending:
    """The identity that a page is about, and what is to be done about it by now."""

    kept: PendingIdentity
    identity: OutsideIdentity
    outcome: Outcome

    def client(self, context: Context) -> Client | None:
        """Return the application that brought the person here."""
        return asking_client(context, self.kept.query)


def with_pending(view: Callable[[Context, Pending], Any]) -> Callable[[Context], Any]:
    """Hand a view the pending identity of its address, or answer that it is over, or of another
    browser."""

    @wraps(view)
    def answer(context: Context) -> Any:
        browser = context.sessions.cookie.browser(request)
        kept = pending_identities.find(context, request.args.get("arrival", ""), browser=browser)
        if kept is None:
            return lost(context)
        identity = pending_identities.identity_of(kept)
        outcome = _decide(context, identity)
        return view(context, Pending(kept=kept, identity=identity, outcome=outcome))

    return answer


def arrive(context: Context, identity: OutsideIdentity, *, query: str) -> Response:
    """Take somebody whom an outside provider vouched for to where they belong.

    ``query`` is that of our own authorization request to go on with; empty when there is none.
    The answer is a redirect, with the person signed in or to a page of ours that asks, or the
    page that refuses them. Nothing of ``identity`` is in its address.
    """
    outcome, client = _decide(context, identity), asking_client(context, query)
    if account := _who_enters(context, identity, outcome, client):
        return _refuse(context, account, client) or _sign_in(context, account, client, query)
    if outcome.step in {Step.ASK_SCHOOL, Step.UNCONFIRMED, Step.CHILDREN}:
        context.record_refusal(None, client, Method.ESIA, Reason.NOT_LINKED)
    browser = context.sessions.cookie.browser(request)
    key = pending_identities.keep(context, identity, query=query, browser=browser)
    response = redirect(url_for("auth_linking.show", arrival=key), 303)
    context.sessions.cookie.write(response, browser)
    return response


def show(context: Context, pending: Pending) -> Any:
    """Show the page for what is to be done now: a school may have answered meanwhile."""
    outcome = pending.outcome
    if outcome.step is Step.ENTER:
        return let_in(context, pending, outcome.linked[0])
    if outcome.step in {Step.CHOOSE, Step.UNCONFIRMED}:
        return page(context, outcome.step.value, pending)
    return go(f"auth_linking.{outcome.step}")


def choose(context: Context, pending: Pending) -> Any:
    """Enter as one of the people whom the identity opens, and remember which."""
    if not context.sessions.cookie.is_own_form(request):
        return lost(context)
    account = _linked(pending.outcome, request.form.get("person", ""))
    if account is None:
        return go("auth_linking.show")
    response = let_in(context, pending, account)
    if response.status_code == 303:
        browser = secrets.token_urlsafe(32)
        pending_identities.remember_choice(
            context, pending.identity, account.person_id, browser=browser
        )
        _choice(context).write(response, browser)
    return response


def enter_as_another(context: Context) -> Any:
    """Sign out and forget the choice, so that the next sign-in asks again."""
    response = redirect(url_for("auth_pages.login"), 303)
    if context.sessions.cookie.is_own_form(request):
        end_sign_in(context, response)
        _choice(context).forget(response)
    return response


def page(
    context: Context, name: str, pending: Pending, *, problem: str = "", **values: Any
) -> Response:
    """Return a page about a pending identity, with what all of them show."""
    statuses = {"": 200, "too_many": 429, "too_many_failures": 429}
    return render(
        context,
        f"linking/{name}.html",
        status=statuses.get(problem, 400),
        problem=problem,
        onward=pending.kept.query,
        arrival=request.args.get("arrival", ""),
        identity=pending.identity,
        masked_snils=masked_snils(valid_snils(pending.identity.snils)),
        outcome=pending.outcome,
        may_type=may_type(context),
        password_sign_in=context.settings.password_sign_in,
        **values,
    )


def may_type(context: Context) -> bool:
    """Tell whether a school login and password may confirm a link."""
    return context.linking.confirm != "school" and context.settings.password_sign_in


def may_ask(context: Context) -> bool:
    """Tell whether a school may confirm a likely link, as it must where nobody can type a
    password."""
    return context.linking.confirm != "login" or not may_type(context)


def lost(context: Context) -> Response:
    return render(context, "linking/lost.html", status=400)


def go(endpoint: str) -> Response:
    """Go to another page about the same identity."""
    return redirect(url_for(endpoint, arrival=request.args.get("arrival", "")), 303)


def let_in(context: Context, pending: Pending, account: Account) -> Response:
    """Sign the person in and go on, once for each arrival; who is refused may choose again."""
    client = pending.client(context)
    if refused := _refuse(context, account, client):
        return refused
    if not pending_identities.use_up(context, pending.kept):
        return lost(context)
    return _sign_in(context, account, client, pending.kept.query)


def _decide(context: Context, identity: OutsideIdentity) -> Outcome:
    """Decide as of now; a link that needs no question is made on the way."""
    while True:
        outcome = decide(identity, look_up(context, identity))
        if outcome.step is not Step.LINK:
            return outcome
        (account,) = outcome.linked
        # Afterwards the account is linked, to this identity or, in a race, to another one.
        link_by_evidence(
            context.session_factory, identity, account, Evidence.SNILS, context.clock()
        )


def _who_enters(
    context: Context, identity: OutsideIdentity, outcome: Outcome, client: Client | None
) -> Account | None:
    """Return the one person to let in without a question, because there is no other or by an
    earlier choice. A choice that this application refuses is not kept to."""
    if outcome.step is Step.ENTER:
        return outcome.linked[0]
    browser = _choice(context).read(request)
    if outcome.step is not Step.CHOOSE or not browser:
        return None
    chosen = pending_identities.remembered_choice(context, identity, browser=browser)
    account = _linked(outcome, chosen)
    allowed = account and context.decide(account, client, Method.ESIA).allowed
    return account if allowed else None


def _linked(outcome: Outcome, person_id: str) -> Account | None:
    return next((one for one in outcome.linked if one.person_id == person_id), None)


def _sign_in(context: Context, account: Account, client: Client | None, query: str) -> Response:
    """Sign the person in and go on to the application."""
    address = url_for("auth_pages.home")
    if client:
        back = urlencode(parse_qsl(query, keep_blank_values=True))
        address = f"{url_for('auth.authorize')}?{back}"
    response = redirect(address, 303)
    _begun, cookie = begin_sign_in(context, account, Method.ESIA, client)
    context.sessions.cookie.write(response, cookie)
    return response


def _refuse(context: Context, account: Account, client: Client | None) -> Response | None:
    """Say why the person is not let in, and write it down; None for somebody who is: the
    authorization request will decide the same."""
    decision = context.decide(account, client, Method.ESIA)
    if decision.reason is None:
        return None
    context.record_refusal(account, client, Method.ESIA, decision.reason)
    return refuse(context, decision, client)


def _choice(context: Context) -> Cookie:
    return host_cookie("link_choice", secure=context.sessions.cookie.secure)
