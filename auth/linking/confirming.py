"""The page where a likely person shows, by the school login and password, that it is them."""

from __future__ import annotations

from typing import Any

from flask import request

from auth.directory import Account
from auth.linking.decision import Step
from auth.linking.links import link_by_evidence
from auth.linking.models import Evidence
from auth.linking.pages import (
    Pending,
    client_of,
    find_pending,
    go,
    let_in,
    lost,
    may_ask,
    may_type,
    page,
)
from auth.models import Method
from auth.oidc.context import Context
from auth.signin.policy import Reason
from auth.signin.throttle import minutes_left


def confirm(context: Context) -> Any:
    """Link and enter with the right login and password of a candidate, under the same throttle and
    with the same slow hash as at the sign-in page."""
    pending = find_pending(context)
    if pending is None:
        return lost(context)
    if pending.outcome.step not in {Step.CONFIRM, Step.CHOOSE} or not pending.outcome.candidates:
        return go("auth_linking.show")
    if request.method == "GET" or not may_type(context):
        return _page(context, pending)
    return _check(context, pending)


def _check(context: Context, pending: Pending) -> Any:
    if not context.sessions.cookie.is_own_form(request):
        return _page(context, pending, "stale_form")
    now = context.clock()
    checked = context.check_typed(request)
    account, reason = checked.account, checked.refused
    candidates = {one.person_id: one for one in pending.outcome.candidates}
    if account is None or reason:
        if not checked.is_repeated:
            _record(context, pending, account, Method.PASSWORD, reason or Reason.UNKNOWN_USERNAME)
        too_many = reason is Reason.TOO_MANY_FAILURES
        minutes = minutes_left(checked.paused_until, now)
        return _page(context, pending, "too_many_failures" if too_many else "wrong", minutes)
    if account.person_id not in candidates:
        _record(context, pending, None, Method.ESIA, Reason.NOT_LINKED)
        return _page(context, pending, "another_person")
    if not link_by_evidence(
        context.session_factory, pending.identity, account, Evidence.NAME_AND_LOGIN, now
    ):
        return go("auth_linking.show")
    return let_in(context, pending, account)


def _record(
    context: Context, pending: Pending, account: Account | None, method: Method, reason: Reason
) -> None:
    client = client_of(context, pending.arrival.query)
    context.record_refusal(
        account, client_id=client.client_id if client else "", method=method, reason=reason
    )


def _page(context: Context, pending: Pending, problem: str = "", minutes: int = 0) -> Any:
    return page(
        context,
        "confirm",
        pending,
        status={"": 200, "too_many_failures": 429}.get(problem, 400),
        problem=problem,
        username=request.form.get("username", ""),
        may_ask=may_ask(context),
        minutes=minutes,
    )
