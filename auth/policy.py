"""Who may sign in now: the phases of the transition, each a rule, and the decision."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from auth.clients import Client
from auth.directory import Account
from auth.models import Method


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


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    reason: Reason | None = None
    """None: let in."""

    @property
    def allowed(self) -> bool:
        return self.reason is None


ALLOWED = Decision()

Phase = Callable[[Account, Method, datetime], bool]
"""Whether a person may sign in by this method at this moment."""


def password_only(account: Account, method: Method, now: datetime) -> bool:
    """Our own passwords, and sign-ins that began with one."""
    return method in {Method.PASSWORD, Method.SESSION}


PHASES: Mapping[str, Phase] = {"password_only": password_only}


def decide(
    account: Account, client: Client, method: Method, *, phase: str, now: datetime
) -> Decision:
    """Let this person into this application, or say why not.

    Asked before a code is issued: Moodle would count a refused sign-in of a suspended person
    as a visit (Moodle notes: how a person is matched).
    """
    if account.suspended:
        return Decision(reason=Reason.SUSPENDED)
    if client.roles and not set(client.roles) & set(account.roles):
        return Decision(reason=Reason.ROLE)
    if not PHASES[phase](account, method, now):
        return Decision(reason=Reason.METHOD)
    return ALLOWED
