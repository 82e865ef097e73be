"""Who is let in, and why not."""

from __future__ import annotations

import pytest

from auth.clients.client import Client
from auth.directory import Account
from auth.models import Method
from auth.signin.phases import Phase
from auth.signin.policy import Reason, decide
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
    decision = decide(account, client, Method.PASSWORD, phase=Phase.BOTH, exempt=False)
    assert decision.reason is reason
    assert decision.allowed is (reason is None)
    later = decide(account, client, Method.PASSWORD, phase=Phase.ESIA_ONLY, exempt=False)
    assert later.reason is (reason or Reason.METHOD), "the phase is told last"


@pytest.mark.parametrize(
    ("phase", "method", "exempt", "allowed"),
    [
        (Phase.PASSWORD_ONLY, Method.PASSWORD, False, True),
        (Phase.PASSWORD_ONLY, Method.ESIA, False, False),
        (Phase.PASSWORD_ONLY, Method.ESIA, True, False),
        (Phase.BOTH, Method.PASSWORD, False, True),
        (Phase.BOTH, Method.ESIA, False, True),
        (Phase.ESIA_ONLY, Method.PASSWORD, False, False),
        (Phase.ESIA_ONLY, Method.PASSWORD, True, True),
        (Phase.ESIA_ONLY, Method.ESIA, False, True),
        (Phase.ESIA_ONLY, Method.ESIA, True, True),
        (Phase.ESIA_ONLY, Method.SESSION, True, False),
    ],
)
def test_a_phase_lets_in_by_its_methods(
    phase: Phase, method: Method, exempt: bool, allowed: bool
) -> None:
    decision = decide(make_account(), OPEN, method, phase=phase, exempt=exempt)
    assert decision.allowed is allowed
    refused = (None, None) if allowed else (Reason.METHOD, phase)
    assert (decision.reason, decision.phase) == refused
