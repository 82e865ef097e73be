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
    blueprint,
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
from auth.oidc.provider import current_provider
from auth.signin import check as signin
from auth.signin.policy import Reason
from auth.signin.throttle import minutes_left


@blueprint.route("/confirm", methods=["GET", "POST"])
def confirm() -> Any:
    """Link and enter with the right login and password of a candidate, under the same throttle and
    with the same slow hash as at the sign-in page."""
    pending = find_pending()
    if pending is None:
        return lost()
    if pending.outcome.step not in {Step.CONFIRM, Step.CHOOSE} or not pending.outcome.candidates:
        return go("auth_linking.show")
    if request.method == "GET" or not may_type():
        return _page(pending)
    return _check(pending)


def _check(pending: Pending) -> Any:
    provider = current_provider()
    if not provider.sessions.is_own_form(request):
        return _page(pending, "stale_form")
    now = provider.clock()
    checked = signin.check(
        request.form.get("username", ""),
        request.form.get("password", ""),
        address=request.remote_addr or "",
        directory=provider.directory,
        session_factory=provider.session_factory,
        throttle=provider.throttle,
        settings=provider.settings,
        now=now,
    )
    account, reason = checked.account, checked.refused
    candidates = {one.person_id: one for one in pending.outcome.candidates}
    if account is None or reason:
        if not checked.is_repeated:
            _record(pending, account, Method.PASSWORD, reason or Reason.UNKNOWN_USERNAME)
        too_many = reason is Reason.TOO_MANY_FAILURES
        minutes = minutes_left(checked.paused_until, now)
        return _page(pending, "too_many_failures" if too_many else "wrong", minutes)
    if account.person_id not in candidates:
        _record(pending, None, Method.ESIA, Reason.NOT_LINKED)
        return _page(pending, "another_person")
    if not link_by_evidence(
        provider.session_factory, pending.identity, account, Evidence.NAME_AND_LOGIN, now
    ):
        return go("auth_linking.show")
    return let_in(pending, account)


def _record(pending: Pending, account: Account | None, method: Method, reason: Reason) -> None:
    client = client_of(pending.arrival.query)
    current_provider().record_refusal(
        account, client_id=client.client_id if client else "", method=method, reason=reason
    )


def _page(pending: Pending, problem: str = "", minutes: int = 0) -> Any:
    return page(
        "confirm",
        pending,
        status={"": 200, "too_many_failures": 429}.get(problem, 400),
        problem=problem,
        username=request.form.get("username", ""),
        may_ask=may_ask(),
        minutes=minutes,
    )
