"""The page of somebody we could not find: what to check, and a request to their school."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask import request

from auth.directory import School
from auth.linking import requests
from auth.linking.decision import Step
from auth.linking.models import LinkRequest
from auth.linking.pages import (
    Pending,
    find_pending,
    go,
    local_day,
    lost,
    may_ask,
    page,
)
from auth.oidc.context import Context
from auth.signin.throttle import ThrottleKey, minutes_left


def ask_school(context: Context) -> Any:
    """Show what was found, take the choice of a school, send the request."""
    pending = find_pending(context)
    if pending is None:
        return lost(context)
    if not _may_request(context, pending):
        return go("auth_linking.show")
    if request.method == "GET":
        return _page(context, pending)
    return _send(context, pending)


def withdraw(context: Context) -> Any:
    pending = find_pending(context)
    if pending is None or not context.sessions.cookie.is_own_form(request):
        return lost(context)
    requests.withdraw(context.session_factory, pending.identity)
    return go("auth_linking.ask_school")


def _may_request(context: Context, pending: Pending) -> bool:
    """Whether a school may be asked: nobody was found, or the school may confirm who was."""
    step = pending.outcome.step
    likely = step in {Step.CONFIRM, Step.CHOOSE} and bool(pending.outcome.candidates)
    return step in {Step.ASK_SCHOOL, Step.CHILDREN} or (likely and may_ask(context))


def _send(context: Context, pending: Pending) -> Any:
    settings = context.linking
    if not context.sessions.cookie.is_own_form(request):
        return _page(context, pending, "stale_form")
    code = request.form.get("school", "")
    if code not in {school.code for school in context.directory.schools()}:
        return _page(context, pending, "no_school")
    now = context.clock()
    keys = (
        ThrottleKey(
            text=f"link request {pending.identity.provider} {pending.identity.subject}",
            limit=settings.requests_per_identity,
        ),
        ThrottleKey(
            text=f"link requests from {request.remote_addr}", limit=settings.requests_per_address
        ),
    )
    if until := context.throttle.paused_until(*keys, now=now):
        return _page(context, pending, "too_many", minutes_left(until, now))
    context.throttle.failed(*keys, now=now)
    requests.send(
        context.session_factory,
        pending.identity,
        code,
        age=timedelta(days=settings.request_days),
        now=now,
    )
    return go("auth_linking.ask_school")


def _page(context: Context, pending: Pending, problem: str = "", minutes: int = 0) -> Any:
    schools = context.directory.schools()
    district = request.args.get("district", "")
    waiting = _read_request(context, pending)
    return page(
        context,
        "ask_school",
        pending,
        status={"": 200, "too_many": 429}.get(problem, 400),
        problem=problem,
        link_request=waiting,
        until=local_day(context, waiting.expires_at) if waiting else None,
        school_name=_name_of(waiting, schools),
        districts=sorted({school.district for school in schools}),
        district=district,
        schools=[school for school in schools if district and school.district == district],
        minutes=minutes,
    )


def _read_request(context: Context, pending: Pending) -> LinkRequest | None:
    """The request of this identity; an answer is read by looking at it."""
    now = context.clock()
    with context.session_factory.begin() as db:
        waiting = requests.request_of(db, pending.identity, now)
        if waiting and waiting.answered_at:
            requests.mark_seen(waiting, now)
        db.flush()
        db.expunge_all()
    return waiting


def _name_of(waiting: LinkRequest | None, schools: list[School]) -> str:
    code = waiting.school_code if waiting else ""
    return next((school.name for school in schools if school.code == code), code)
