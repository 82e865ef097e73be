"""What people see: signing in, consenting, signing out; and the way back to the system.

A session of three hours serves every system.
"""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial, wraps
from typing import Any, cast
from urllib.parse import quote, urlencode, urlsplit

from flask import Blueprint, redirect, request, url_for
from sqlalchemy import CursorResult, delete
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from auth.clients.client import source_of
from auth.esia.models import EsiaConsent, EsiaRequest, EsiaSession
from auth.esia.people.people import Profile, check_test_account
from auth.esia.protocol.admission import check_person
from auth.esia.protocol.dialect import Dialect
from auth.esia.protocol.errors import EsiaRefused, Return
from auth.esia.protocol.permissions import load_permissions
from auth.esia.protocol.requests import (
    check_authorization,
    is_text,
    may_return,
    read_request,
)
from auth.esia.protocol.tokens import issue_code
from auth.esia.standin import Standin, current_standin
from auth.esia.workbench import diagnostics, recorder
from auth.esia.workbench.faults import first_code, strike
from auth.models import Method, digest
from auth.outside import ESIA_CLIENT
from auth.pages.guard import guard, let_forms_lead_to
from auth.pages.shell import render_page
from auth.signin.policy import Reason

REQUEST_AGE = timedelta(minutes=30)
"""Time to sign in and consent."""


class Lost(Exception):
    """The page is about no request of this browser that is still to be answered."""


def make_blueprint() -> Blueprint:
    blueprint = recorder.make_blueprint("esia_pages")
    blueprint.after_request(guard)
    blueprint.register_error_handler(Lost, _lost_page)
    for path, dialect in (("ac", Dialect.V1), ("v2/ac", Dialect.V2)):
        authorize = partial(_authorize, dialect)
        blueprint.get(f"/aas/oauth2/{path}", endpoint=f"authorize_{dialect.name}")(authorize)
    blueprint.get("/login")(login)
    blueprint.post("/login")(check_login)
    blueprint.get("/login/consent")(consent)
    blueprint.post("/login/consent")(decide)
    blueprint.get("/idp/ext/Logout")(logout)
    return blueprint


def _lost_page(_lost: Lost) -> Response:
    return _render("lost.html", status=400)


def _authorize(dialect: Dialect) -> Response:
    """Check the whole request, then redirect to the sign-in page (docs/facts/esia.md 1.16)."""
    standin = current_standin()
    asked = read_request(
        request.args, dialect, request.path, standin, readable=is_text(request.query_string)
    )
    cookie = standin.browser_cookie.browser(request)
    try:
        pending, late = check_authorization(asked, digest(cookie))
        if late:
            diagnostics.record(late, asked)
        faults = strike(standin.systems[pending.system], "ac", standin)
        if code := first_code(faults):
            back = Return(redirect_uri=pending.redirect_uri, state=pending.state)
            raise EsiaRefused(code, back=back)
    except EsiaRefused as refused:
        diagnostics.record(refused, asked)
        return _answer(refused)
    if "wrong_state" in faults:
        pending.state = str(uuid.uuid4())
    key = secrets.token_urlsafe(24)
    pending.request_hash = digest(key)
    pending.expires_at = asked.at + REQUEST_AGE
    with standin.session_factory.begin() as db:
        db.add(pending)
    page = "esia_pages.consent" if _current_session(standin) else "esia_pages.login"
    response = _redirect(url_for(page, request=key))
    standin.browser_cookie.write(response, cookie)
    return response


def login() -> Response:
    standin = current_standin()
    return _login_page(_pending(standin), standin)


def check_login() -> Response:
    """Sign in a made-up person, picked or typed, or a provisioned one with login and password."""
    standin = current_standin()
    pending = _pending(standin)
    if not standin.browser_cookie.is_own_form(request):
        return _login_page(pending, standin, "stale_form")
    profile, problem, minutes = _who_signs_in(pending, standin)
    if profile is None:
        return _login_page(pending, standin, problem, minutes)
    response = _redirect(url_for("esia_pages.consent", request=request.args["request"]))
    _begin_session(response, profile.oid, standin.clock(), standin)
    return response


def _who_signs_in(pending: EsiaRequest, standin: Standin) -> tuple[Profile | None, str, int]:
    """Return the person, or why there is none, and how many minutes to wait."""
    if key := request.form.get("persona", ""):
        return standin.people.by_key(key), "wrong", 0
    username, password = request.form.get("username", ""), request.form.get("password", "")
    if standin.settings.test_people and (profile := check_test_account(username, password)):
        return profile, "", 0
    if not standin.context.settings.password_sign_in:
        return None, "wrong", 0
    checked = standin.context.check_typed(request)
    reason = checked.refused
    if checked.account and not reason and checked.account.suspended:
        reason = Reason.SUSPENDED
    if checked.account is None or reason:
        if not checked.is_repeated:
            client_id = f"{ESIA_CLIENT}{pending.system}"
            standin.context.record(checked.account, client_id, Method.PASSWORD, reason)
        return None, checked.problem or "wrong", checked.minutes
    if checked.with_first_password:
        return None, "first_password", 0
    return standin.people.of_account(checked.account, standin.clock().date()), "", 0


def _with_person(
    view: Callable[[EsiaRequest, EsiaSession, Profile, Standin], Response],
) -> Callable[[], Response]:
    """Make a view of the request of the person who is signed in; without one the browser is sent
    to sign in first."""

    @wraps(view)
    def answer() -> Response:
        standin = current_standin()
        pending, session = _pending(standin), _current_session(standin)
        profile = standin.people.by_oid(session.oid, standin.clock().date()) if session else None
        if session is None or profile is None:
            return _redirect(url_for("esia_pages.login", request=request.args["request"]))
        return view(pending, session, profile, standin)

    return answer


@_with_person
def consent(
    pending: EsiaRequest, session: EsiaSession, profile: Profile, standin: Standin
) -> Response:
    """Ask the person, once for each system and set of scopes."""
    if refused := _refusal_of(profile, pending, standin):
        return _finish(pending, refused, standin)
    with standin.session_factory() as db:
        agreed = db.get(EsiaConsent, (pending.system, session.oid))
    known = set(agreed.scope.split() if agreed else ())
    if not pending.permissions and set(pending.scope.split()) <= known:
        return _let_in(pending, session, profile, standin)
    return _render(
        "consent.html",
        system=standin.systems[pending.system].settings.title,
        scopes=pending.scope.split(),
        permissions=[
            (one, standin.settings.consent_type(one.sysname))
            for one in load_permissions(pending.permissions)
        ],
        profile=profile,
    )


@_with_person
def decide(
    pending: EsiaRequest, session: EsiaSession, profile: Profile, standin: Standin
) -> Response:
    if not standin.browser_cookie.is_own_form(request):
        raise Lost
    if request.form.get("decision") != "allow":
        return _finish(pending, EsiaRefused("007004"), standin)
    if refused := _refusal_of(profile, pending, standin):
        return _finish(pending, refused, standin)
    with standin.session_factory.begin() as db:
        agreed = db.get(EsiaConsent, (pending.system, session.oid))
        scopes = set(pending.scope.split()) | set(agreed.scope.split() if agreed else ())
        db.merge(
            EsiaConsent(system=pending.system, oid=session.oid, scope=" ".join(sorted(scopes)))
        )
    return _let_in(pending, session, profile, standin)


def logout() -> Response:
    """End the whole session and go back to the system's ``redirect_url``
    (docs/facts/esia.md 9.1)."""
    standin = current_standin()
    system = standin.systems.get(request.args.get("client_id", ""))
    address = request.args.get("redirect_url", "")
    if system and may_return(address, system):
        response = _redirect(address)
    else:
        response = _render("signed_out.html")
    with standin.session_factory.begin() as db:
        _forget(db, standin)
    standin.session_cookie.forget(response)
    return response


def _refusal_of(profile: Profile, pending: EsiaRequest, standin: Standin) -> EsiaRefused | None:
    """Return the refusal that is told now that the person is known, or None."""
    if pending.refused:
        return EsiaRefused(pending.refused)
    return check_person(profile, pending, standin.systems[pending.system].settings)


def _let_in(
    pending: EsiaRequest, session: EsiaSession, profile: Profile, standin: Standin
) -> Response:
    """Send the person back with a code. The request is used up, so of two clicks one has it."""
    with standin.session_factory.begin() as db:
        _claim(pending, db)
        code = issue_code(pending, session, request.user_agent.string, standin, db)
    if profile.person_id:
        account = standin.context.directory.by_person_id(profile.person_id)
        asked_at = pending.expires_at - REQUEST_AGE
        method = Method.SESSION if session.auth_time < asked_at else Method.PASSWORD
        standin.context.record(account, f"{ESIA_CLIENT}{pending.system}", method, None)
    return _send_back(pending.redirect_uri, {"code": code, "state": pending.state})


def _finish(pending: EsiaRequest, refused: EsiaRefused, standin: Standin) -> Response:
    """Send the person back with an error; the request is used up."""
    with standin.session_factory.begin() as db:
        _claim(pending, db)
    refused.back = Return(redirect_uri=pending.redirect_uri, state=pending.state)
    return _answer(refused)


def _claim(pending: EsiaRequest, db: Session) -> None:
    """Delete the request. Raises ``Lost`` when it is gone already."""
    recorder.note(system=pending.system)
    this = EsiaRequest.request_hash == pending.request_hash
    if cast("CursorResult[Any]", db.execute(delete(EsiaRequest).where(this))).rowcount != 1:
        raise Lost


def _answer(refused: EsiaRefused) -> Response:
    if refused.back is None:
        return _render("refused.html", status=400, description=refused.description)
    return _send_back(refused.back.redirect_uri, refused.parameters(refused.back.state))


def _send_back(redirect_uri: str, parameters: dict[str, str]) -> Response:
    """Redirect with the parameters, blanks written as ``+`` like ЕСИА does."""
    joint = "&" if urlsplit(redirect_uri).query else "?"
    return _redirect(f"{redirect_uri}{joint}{urlencode(parameters)}")


def _redirect(address: str) -> Response:
    return redirect(quote(address, safe="%/:=&?~#+!$,;'@()*[]"), 302)


def _pending(standin: Standin) -> EsiaRequest:
    """Return the request this page is about. Raises ``Lost`` unless this very browser brought it
    and its system is still there."""
    key = digest(request.args.get("request", ""))
    with standin.session_factory() as db:
        pending = db.get(EsiaRequest, key)
        db.expunge_all()
    if pending is None or pending.expires_at <= standin.clock():
        raise Lost
    system = standin.systems.get(pending.system)
    if system is None or pending.browser_hash != digest(standin.browser_cookie.browser(request)):
        raise Lost
    asked = source_of(pending.redirect_uri)
    registered = {
        f"{way}://{host}:*" for host in system.settings.redirect_hosts for way in ("https", "http")
    }
    let_forms_lead_to({asked, *registered}, asked)
    return pending


def _login_page(
    pending: EsiaRequest, standin: Standin, problem: str = "", minutes: int = 0
) -> Response:
    status = {"": 200, "too_many_failures": 429}.get(problem, 400)
    return _render(
        "login.html",
        status=status,
        system=standin.systems[pending.system].settings.title,
        personas=standin.people.choices,
        problem=problem,
        username=request.form.get("username", ""),
        minutes=minutes,
    )


def _current_session(standin: Standin) -> EsiaSession | None:
    cookie = standin.session_cookie.read(request)
    if not cookie:
        return None
    with standin.session_factory() as db:
        session = db.get(EsiaSession, digest(cookie))
        db.expunge_all()
    return session if session and session.expires_at > standin.clock() else None


def _begin_session(response: Response, oid: int, now: datetime, standin: Standin) -> None:
    """Sign the person in under a new cookie, so that one planted earlier is worth nothing."""
    cookie = secrets.token_urlsafe(32)
    age = standin.settings.session_seconds
    with standin.session_factory.begin() as db:
        _forget(db, standin)
        db.add(
            EsiaSession(
                cookie_hash=digest(cookie),
                sid=str(uuid.uuid4()),
                oid=oid,
                auth_time=now,
                expires_at=now + timedelta(seconds=age),
            )
        )
    standin.session_cookie.write(response, cookie, max_age=age)


def _render(template: str, **values: Any) -> Response:
    return render_page(f"esia/{template}", current_standin().browser_cookie, **values)


def _forget(db: Session, standin: Standin) -> None:
    if cookie := standin.session_cookie.read(request):
        db.execute(delete(EsiaSession).where(EsiaSession.cookie_hash == digest(cookie)))
