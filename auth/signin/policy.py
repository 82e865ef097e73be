"""Who may sign in now, and why not: the person, the application, the phase of the transition."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from auth.clients.client import Client
from auth.directory import Account
from auth.models import Method
from auth.signin.phases import METHODS, Phase


class Reason(StrEnum):
    """Why a person was not let in; stored in ``LoginEvent.reason``."""

    UNKNOWN_USERNAME = "unknown_username"
    WRONG_PASSWORD = "wrong_password"  # noqa: S105 - the name of a reason
    TOO_MANY_FAILURES = "too_many_failures"
    SUSPENDED = "suspended"
    ROLE = "role"
    """This application is not for any of the person's roles."""
    METHOD = "method"
    """The phase in force does not let this person in by this method."""
    UPSTREAM_DENIED = "upstream_denied"
    """The person, or the outside provider for them, said no over there."""
    UPSTREAM_UNAVAILABLE = "upstream_unavailable"
    """The outside provider did not answer."""
    UPSTREAM_FAILED = "upstream_failed"
    """The outside provider refused our request, or its answer failed a check."""
    NOT_LINKED = "not_linked"
    """Somebody whom an outside provider vouched for is not known to be one of our people."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    reason: Reason | None = None
    """None: let in."""
    phase: Phase | None = None
    """The phase that refuses; with ``Reason.METHOD`` only."""

    @property
    def allowed(self) -> bool:
        return self.reason is None


ALLOWED = Decision()


def decide(
    account: Account, client: Client | None, method: Method, *, phase: Phase, exempt: bool
) -> Decision:
    """Let this person into this application, or say why not. Without one: into any.

    ``method`` is how the sign-in began, however often it has been used since. ``exempt``: the
    person may go on with a password where only ЕСИА would count. Asked before a code is issued:
    Moodle would count a refused sign-in of a suspended person as a visit
    (docs/facts/moodle.md 7.10).
    """
    if account.suspended:
        return Decision(reason=Reason.SUSPENDED)
    if client and client.roles and not set(client.roles) & set(account.roles):
        return Decision(reason=Reason.ROLE)
    if method in METHODS[phase] or (exempt and method is Method.PASSWORD):
        return ALLOWED
    return Decision(reason=Reason.METHOD, phase=phase)
