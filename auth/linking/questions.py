"""The pages that ask about a pending identity: for the school login, a school, or a child."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask import Blueprint, request
from sqlalchemy import func, select

from auth.linking import requests
from auth.linking.decision import Step
from auth.linking.links import link_by_evidence
from auth.linking.models import Evidence, LinkRequest
from auth.linking.pages import (
    Pending,
    choose,
    enter_as_another,
    go,
    let_in,
    lost,
    may_ask,
    may_type,
    page,
    show,
    with_pending,
)
from auth.models import LoginEvent, Method, Result
from auth.oidc.context import Context, with_context
from auth.pages.guard import guard
from auth.signin.policy import Reason
from auth.signin.throttle import ThrottleKey, minutes_left


def make_blueprint() -> Blueprint:
    """Make the addresses of all pages of linking."""
    blueprint = Blueprint("auth_linking", "auth", url_prefix="/auth/linking")
    blueprint.after_request(guard)
    blueprint.get("/")(with_context(with_pending(show)))
    blueprint.post("/other")(with_context(enter_as_another))
    for view in (choose, withdraw):
        blueprint.post(f"/{view.__name__}")(with_context(with_pending(view)))
    for path, view in (("confirm", confirm), ("school", ask_school), ("children", children)):
        blueprint.route(f"/{path}", methods=["GET", "POST"])(with_context(with_pending(view)))
    return blueprint


def confirm(context: Context, pending: Pending) -> Any:
    """Link and enter with the right login and password of a candidate, under the same throttle and
    with the same slow hash as at the sign-in page."""
    if pending.outcome.step not in {Step.CONFIRM, Step.CHOOSE} or not pending.outcome.candidates:
        return go("auth_linking.show")
    if request.method == "GET" or not may_type(context):
        return _confirm_page(context, pending)
    if not context.sessions.cookie.is_own_form(request):
        return _confirm_page(context, pending, "stale_form")
    checked = context.check_typed(request)
    account = checked.account
    if account is None or checked.refused:
        context.record_failure(checked, pending.client(context))
        return _confirm_page(context, pending, checked.problem, checked.minutes)
    if account.person_id not in {one.person_id for one in pending.outcome.candidates}:
        context.record_refusal(None, pending.client(context), Method.ESIA, Reason.NOT_LINKED)
        return _confirm_page(context, pending, "another_person")
    evidence, now = Evidence.NAME_AND_LOGIN, context.clock()
    if not link_by_evidence(context.session_factory, pending.identity, account, evidence, now):
        return go("auth_linking.show")
    return let_in(context, pending, account)


def _confirm_page(context: Context, pending: Pending, problem: str = "", minutes: int = 0) -> Any:
    return page(
        context,
        "confirm",
        pending,
        problem=problem,
        username=request.form.get("username", ""),
        may_ask=may_ask(context),
        minutes=minutes,
    )


def ask_school(context: Context, pending: Pending) -> Any:
    """Show what was found, take the choice of a school, send the request."""
    outcome = pending.outcome
    likely = outcome.step in {Step.CONFIRM, Step.CHOOSE} and bool(outcome.candidates)
    nobody = outcome.step in {Step.ASK_SCHOOL, Step.CHILDREN}
    if not (nobody or (likely and may_ask(context))):
        return go("auth_linking.show")
    if request.method == "GET":
        return _school_page(context, pending)
    return _send(context, pending)


def _send(context: Context, pending: Pending) -> Any:
    settings, identity, now = context.linking, pending.identity, context.clock()
    if not context.sessions.cookie.is_own_form(request):
        return _school_page(context, pending, "stale_form")
    code = request.form.get("school", "")
    if code not in {school.code for school in context.directory.schools()}:
        return _school_page(context, pending, "no_school")
    keys = (
        ThrottleKey(
            text=f"link request {identity.provider} {identity.subject}",
            limit=settings.requests_per_identity,
        ),
        ThrottleKey(
            text=f"link requests from {request.remote_addr}", limit=settings.requests_per_address
        ),
    )
    if until := context.throttle.paused_until(*keys, now=now):
        return _school_page(context, pending, "too_many", minutes_left(until, now))
    context.throttle.failed(*keys, now=now)
    age = timedelta(days=settings.request_days)
    requests.send(context.session_factory, identity, code, age=age, now=now)
    return go("auth_linking.ask_school")


def withdraw(context: Context, pending: Pending) -> Any:
    """Take the request to the school back."""
    if not context.sessions.cookie.is_own_form(request):
        return lost(context)
    requests.withdraw(context.session_factory, pending.identity)
    return go("auth_linking.ask_school")


def _school_page(context: Context, pending: Pending, problem: str = "", minutes: int = 0) -> Any:
    schools = context.directory.schools()
    district = request.args.get("district", "")
    waiting = _read_request(context, pending)
    names = {school.code: school.name for school in schools}
    asked = waiting.school_code if waiting else ""
    return page(
        context,
        "ask_school",
        pending,
        problem=problem,
        link_request=waiting,
        until=context.phases.schedule().day(waiting.expires_at) if waiting else None,
        school_name=names.get(asked, asked),
        districts=sorted({school.district for school in schools}),
        district=district,
        schools=[school for school in schools if district and school.district == district],
        minutes=minutes,
    )


def _read_request(context: Context, pending: Pending) -> LinkRequest | None:
    """Return the request of this identity; an answer that is shown counts as read."""
    now = context.clock()
    with context.session_factory.begin() as db:
        waiting = requests.request_of(db, pending.identity, now)
        if waiting and waiting.answered_at:
            requests.mark_seen(waiting, now)
        db.flush()
        db.expunge_all()
    return waiting


def children(context: Context, pending: Pending) -> Any:
    """Let a parent choose a child, and show what the settings allow. Nobody is signed in as the
    child, and the identity stays pending."""
    pupils = pending.outcome.children
    if not pupils:
        return go("auth_linking.show")
    shown, child, last = context.linking.parents_see, None, None
    if request.method == "POST":
        if not context.sessions.cookie.is_own_form(request):
            return lost(context)
        number = request.form.get("child", 0, type=int)
        child = pupils[number - 1] if 1 <= number <= len(pupils) else None
    if child and "last_sign_in" in shown:
        allowed = select(func.max(LoginEvent.at)).where(
            LoginEvent.person_id == child.person_id, LoginEvent.result == Result.ALLOWED.value
        )
        with context.session_factory() as db:
            last = db.scalar(allowed)
    return page(
        context,
        "children",
        pending,
        child=child,
        shown=shown,
        last_sign_in=context.phases.schedule().day(last) if last else None,
    )
