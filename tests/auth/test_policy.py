"""Who is let in, and why not."""

from __future__ import annotations

import pytest

from auth.clients import Client
from auth.directory import Account
from auth.models import Method
from auth.policy import PHASES, Reason, decide
from tests.auth.conftest import START
from tests.auth.people import make_account, make_teacher

OPEN = Client(client_id="open", client_secret="s", redirect_uris=("https://a.example/",))
STAFF = Client(
    client_id="staff",
    client_secret="s",
    redirect_uris=("https://a.example/",),
    roles=("administrator", "teacher"),
)


@pytest.mark.parametrize(
    ("account", "client", "reason"),
    [
        (make_account(), OPEN, None),
        (make_account(roles=()), OPEN, None),
        (make_account(suspended=True), OPEN, Reason.SUSPENDED),
        (make_account(), STAFF, Reason.ROLE),
        (make_teacher(), STAFF, None),
        (make_teacher(suspended=True), STAFF, Reason.SUSPENDED),
    ],
)
def test_a_decision_names_its_reason(
    account: Account, client: Client, reason: Reason | None
) -> None:
    decision = decide(account, client, Method.PASSWORD, phase="password_only", now=START)
    assert decision.reason is reason
    assert decision.allowed is (reason is None)


def test_a_phase_that_lets_nobody_in_by_a_method_is_a_refusal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(PHASES, "closed", lambda account, method, now: method is Method.SESSION)
    closed = decide(make_account(), OPEN, Method.PASSWORD, phase="closed", now=START)
    still_open = decide(make_account(), OPEN, Method.SESSION, phase="closed", now=START)
    assert (closed.reason, still_open.reason) == (Reason.METHOD, None)
