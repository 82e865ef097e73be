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

from flask import Blueprint, current_app, redirect, request, url_for
from werkzeug.wrappers import Response

from auth.clients.client import Client
from auth.directory import Account
from auth.linking import pending_identities as arrivals
from auth.linking.comparison import masked_snils, valid_snils
from auth.linking.decision import Outcome, Step, decide
from auth.linking.identity import OutsideIdentity
from auth.linking.links import link_by_evidence
from auth.linking.lookup import look_up
from auth.linking.models import Arrival, Evidence
from auth.linking.settings import LinkingSettings
from auth.models import Method
from auth.oidc.provider import current_provider
from auth.pages.guard import guard
from auth.pages.sign_in import refuse, render, session_age
from auth.signin.policy import Decision, Reason

blueprint = Blueprint(
    "auth_linking", __name__, url_prefix="/auth/linking", template_folder="../templates"
)
blueprint.after_request(guard)


@dataclass(frozen=True, kw_only=True, slots=True)
class Pending:
    """The arrival that a page is about, and what is to be done about it by now."""

    arrival: Arrival
    identity: OutsideIdentity
    outcome: Outcome


def arrive(identity: OutsideIdentity, *, query: str) -> Response:
    """Take somebody whom an outside provider vouched for to where they belong.

    ``query`` is that of our own authorization request to go on with; empty when there is none.
    The answer is a redirect, with the person signed in or to a page of ours that asks, or the
    page that refuses them. Nothing of ``identity`` is in its address.
    """
    provider = current_provider()
    outcome = _decide(identity)
    if account := _who_enters(identity, outcome, query):
        refusal = _refusal(account, client_of(query))
        return _refuse(account, query, refusal) if refusal else _sign_in(account, query)
    if outcome.step in {Step.ASK_SCHOOL, Step.UNCONFIRMED, Step.CHILDREN}:
        provider.record_refusal(
            None, client_id=_client_id(query), method=Method.ESIA, reason=Reason.NOT_LINKED
        )
    browser = provider.sessions.browser_cookie(request)
    key = arrivals.keep(
        provider.session_factory, identity, query=query, browser=browser, now=provider.clock()
    )
    response = redirect(url_for("auth_linking.show", arrival=key), 303)
    provider.sessions.set_cookie(response, browser)
    return response


@blueprint.get("/")
def show() -> Any:
    """The page for what is to be done now: a school may have answered meanwhile."""
    pending = find_pending()
    if pending is None:
        return lost()
    outcome = pending.outcome
    if outcome.step is Step.ENTER:
        return let_in(pending, outcome.linked[0])
    if outcome.step in {Step.CHOOSE, Step.UNCONFIRMED}:
        return page(outcome.step.value, pending)
    return go(f"auth_linking.{outcome.step}")


@blueprint.post("/choose")
def choose() -> Any:
    """Enter as one of the people whom the identity opens, and remember which."""
    provider = current_provider()
    pending = find_pending()
    if pending is None or not provider.sessions.is_own_form(request):
        return lost()
    wanted = request.form.get("person", "")
    account = next((one for one in pending.outcome.linked if one.person_id == wanted), None)
    if account is None:
        return go("auth_linking.show")
    response = let_in(pending, account)
    if response.status_code == 303:
        browser = secrets.token_urlsafe(32)
        arrivals.remember_choice(
            provider.session_factory,
            pending.identity,
            account.person_id,
            browser=browser,
            now=provider.clock(),
        )
        response.set_cookie(
            _choice_cookie(),
            browser,
            path="/",
            secure=provider.sessions.secure,
            httponly=True,
            samesite="Lax",
        )
    return response


@blueprint.post("/other")
def enter_as_another() -> Any:
    """Sign out and forget the choice, so that the next sign-in asks again."""
    provider = current_provider()
    response = redirect(url_for("auth_pages.login"), 303)
    if provider.sessions.is_own_form(request):
        provider.sign_out(request, response)
        response.delete_cookie(
            _choice_cookie(), path="/", secure=provider.sessions.secure, httponly=True
        )
    return response


def find_pending() -> Pending | None:
    """The arrival of this page and what is to be done about it by now.

    None: it is over, or of another browser.
    """
    provider = current_provider()
    arrival = arrivals.find(
        provider.session_factory,
        request.args.get("arrival", ""),
        browser=provider.sessions.browser_cookie(request),
        now=provider.clock(),
    )
    if arrival is None:
        return None
    identity = arrivals.identity_of(arrival)
    return Pending(arrival=arrival, identity=identity, outcome=_decide(identity))


def page(name: str, pending: Pending, *, status: int = 200, **context: Any) -> Response:
    """A page about an arrival, with what all of them show."""
    return render(
        f"linking/{name}.html",
        status=status,
        onward=pending.arrival.query,
        arrival=request.args.get("arrival", ""),
        identity=pending.identity,
        masked_snils=masked_snils(valid_snils(pending.identity.snils)),
        outcome=pending.outcome,
        may_type=may_type(),
        password_sign_in=current_provider().settings.password_sign_in,
        **context,
    )


def current_settings() -> LinkingSettings:
    settings: LinkingSettings = current_app.extensions["linking"]
    return settings


def local_day(moment: datetime) -> date:
    """The day of people's calendar."""
    day: date = current_provider().phases.schedule().day(moment)
    return day


def may_type() -> bool:
    """Whether a school login and password may confirm a link."""
    return current_settings().confirm != "school" and current_provider().settings.password_sign_in


def may_ask() -> bool:
    """Whether a school may confirm a likely link; it has to where nobody can type a password."""
    return current_settings().confirm != "login" or not may_type()


def lost() -> Response:
    return render("linking/lost.html", status=400)


def go(endpoint: str) -> Response:
    """To another page about the same arrival."""
    return redirect(url_for(endpoint, arrival=request.args.get("arrival", "")), 303)


def let_in(pending: Pending, account: Account) -> Response:
    """Sign the person in and go on, once for each arrival; who is refused may choose again."""
    query = pending.arrival.query
    if refusal := _refusal(account, client_of(query)):
        return _refuse(account, query, refusal)
    if not arrivals.use_up(current_provider().session_factory, pending.arrival):
        return lost()
    return _sign_in(account, query)


def client_of(query: str) -> Client | None:
    """The application that brought the person here, by its authorization request."""
    return current_provider().query_client(_client_id(query))


def _decide(identity: OutsideIdentity) -> Outcome:
    """The decision as of now; a link that needs no question is made on the way."""
    provider = current_provider()
    while True:
        found = look_up(identity, provider.directory, provider.session_factory)
        outcome = decide(identity, found)
        if outcome.step is not Step.LINK:
            return outcome
        (account,) = outcome.linked
        # Afterwards the account is linked, to this identity or, in a race, to another one.
        link_by_evidence(
            provider.session_factory, identity, account, Evidence.SNILS, provider.clock()
        )


def _who_enters(identity: OutsideIdentity, outcome: Outcome, query: str) -> Account | None:
    """The one person to let in without a question, because there is no other or by an earlier
    choice. A choice that this application refuses is not kept to."""
    if outcome.step is Step.ENTER:
        return outcome.linked[0]
    browser = request.cookies.get(_choice_cookie(), "")
    if outcome.step is not Step.CHOOSE or not browser:
        return None
    provider = current_provider()
    chosen = arrivals.remembered_choice(
        provider.session_factory, identity, browser=browser, now=provider.clock()
    )
    account = next((one for one in outcome.linked if one.person_id == chosen), None)
    return account if account and _refusal(account, client_of(query)) is None else None


def _sign_in(account: Account, query: str) -> Response:
    """Sign the person in and go on to the application."""
    client = client_of(query)
    if client:
        back = urlencode(parse_qsl(query, keep_blank_values=True))
        response = redirect(f"{url_for('auth.authorize')}?{back}", 303)
    else:
        response = redirect(url_for("auth_pages.home"), 303)
    provider = current_provider()
    begun = provider.sign_in(
        request,
        account=account,
        method=Method.ESIA,
        age=session_age(client),
    )
    provider.sessions.set_cookie(response, begun.cookie)
    return response


def _refuse(account: Account, query: str, refusal: Decision) -> Response:
    """Say why, and write it down."""
    if refusal.reason:
        current_provider().record_refusal(
            account, client_id=_client_id(query), method=Method.ESIA, reason=refusal.reason
        )
    return refuse(refusal, client_of(query))


def _refusal(account: Account, client: Client | None) -> Decision | None:
    """As the authorization request will decide; known before a sign-in begins. None: let in."""
    decision: Decision = current_provider().decide(account, client, Method.ESIA)
    return None if decision.allowed else decision


def _client_id(query: str) -> str:
    return next((value for name, value in parse_qsl(query) if name == "client_id"), "")


def _choice_cookie() -> str:
    """Named as that of the sign-in, and for the same reason (``Sessions``)."""
    return "__Host-link_choice" if current_provider().sessions.secure else "link_choice"
