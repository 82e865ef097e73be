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
    blueprint,
    current_settings,
    find_pending,
    go,
    local_day,
    lost,
    may_ask,
    page,
)
from auth.oidc.provider import current_provider
from auth.signin.throttle import ThrottleKey, minutes_left


@blueprint.route("/school", methods=["GET", "POST"])
def ask_school() -> Any:
    """Show what was found, take the choice of a school, send the request."""
    pending = find_pending()
    if pending is None:
        return lost()
    if not _may_request(pending):
        return go("auth_linking.show")
    if request.method == "GET":
        return _page(pending)
    return _send(pending)


@blueprint.post("/withdraw")
def withdraw() -> Any:
    provider = current_provider()
    pending = find_pending()
    if pending is None or not provider.sessions.is_own_form(request):
        return lost()
    requests.withdraw(provider.session_factory, pending.identity)
    return go("auth_linking.ask_school")


def _may_request(pending: Pending) -> bool:
    """Whether a school may be asked: nobody was found, or the school may confirm who was."""
    step = pending.outcome.step
    return step in {Step.ASK_SCHOOL, Step.CHILDREN} or (
        may_ask() and step in {Step.CONFIRM, Step.CHOOSE} and bool(pending.outcome.candidates)
    )


def _send(pending: Pending) -> Any:
    provider, settings = current_provider(), current_settings()
    if not provider.sessions.is_own_form(request):
        return _page(pending, "stale_form")
    code = request.form.get("school", "")
    if code not in {school.code for school in provider.directory.schools()}:
        return _page(pending, "no_school")
    now = provider.clock()
    keys = (
        ThrottleKey(
            text=f"link request {pending.identity.provider} {pending.identity.subject}",
            limit=settings.requests_per_identity,
        ),
        ThrottleKey(
            text=f"link requests from {request.remote_addr}", limit=settings.requests_per_address
        ),
    )
    if until := provider.throttle.paused_until(*keys, now=now):
        return _page(pending, "too_many", minutes_left(until, now))
    provider.throttle.failed(*keys, now=now)
    requests.send(
        provider.session_factory,
        pending.identity,
        code,
        age=timedelta(days=settings.request_days),
        now=now,
    )
    return go("auth_linking.ask_school")


def _page(pending: Pending, problem: str = "", minutes: int = 0) -> Any:
    provider = current_provider()
    schools = provider.directory.schools()
    district = request.args.get("district", "")
    waiting = _read_request(pending)
    return page(
        "ask_school",
        pending,
        status={"": 200, "too_many": 429}.get(problem, 400),
        problem=problem,
        link_request=waiting,
        until=local_day(waiting.expires_at) if waiting else None,
        school_name=_name_of(waiting, schools),
        districts=sorted({school.district for school in schools}),
        district=district,
        schools=[school for school in schools if district and school.district == district],
        minutes=minutes,
    )


def _read_request(pending: Pending) -> LinkRequest | None:
    """The request of this identity; an answer is read by looking at it."""
    provider = current_provider()
    now = provider.clock()
    with provider.session_factory.begin() as db:
        waiting = requests.request_of(db, pending.identity, now)
        if waiting and waiting.answered_at:
            requests.mark_seen(waiting, now)
        db.flush()
        db.expunge_all()
    return waiting


def _name_of(waiting: LinkRequest | None, schools: list[School]) -> str:
    code = waiting.school_code if waiting else ""
    return next((school.name for school in schools if school.code == code), code)
