"""What the pages say about the transition to ЕСИА: the countdown, and the ways in to offer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from auth.directory import Account
from auth.models import Method, SignIn
from auth.oidc.context import Context
from auth.signin.phases import METHODS, password_ends_on


@dataclass(frozen=True, kw_only=True, slots=True)
class Notice:
    """Passwords are about to end."""

    day: date
    """The first day on which they open nothing."""
    days: int
    """From today until then."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Offers:
    """The ways in that count for anybody: the sign-in page knows nobody yet."""

    password: bool
    outside: bool


def city_notice(context: Context) -> Notice | None:
    """Return the countdown for a page that does not know who reads it."""
    schedule = context.phases.schedule()
    today = schedule.day(context.clock())
    return _soon(context, today, schedule.city_switch(today))


def notice_for(context: Context, account: Account, sign_in: SignIn) -> Notice | None:
    """Return the countdown for a person who signed in with a password."""
    schedule = context.phases.schedule()
    if sign_in.method != Method.PASSWORD or not schedule.may_end_passwords(account):
        return None
    today = schedule.day(context.clock())
    exemptions = context.phases.exemptions(account)
    return _soon(context, today, password_ends_on(schedule, exemptions, account, today))


def offers(context: Context) -> Offers:
    """Return the ways to offer; passwords for as long as they open something for anybody, an
    exempt person included."""
    schedule = context.phases.schedule()
    phases = schedule.phases(schedule.day(context.clock()))
    methods = {method for phase in phases for method in METHODS[phase]}
    return Offers(
        password=Method.PASSWORD in methods or schedule.has_exemptions,
        outside=Method.ESIA in methods,
    )


def _soon(context: Context, today: date, day: date | None) -> Notice | None:
    if day is None or (day - today).days > context.settings.phase_notice_days:
        return None
    return Notice(day=day, days=(day - today).days)
