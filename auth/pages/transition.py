"""What the sign-in pages say about the phases: the countdown, what is offered, and a refusal."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from auth.models import Method
from auth.signin.phases import METHODS, password_ends_on

if TYPE_CHECKING:
    from auth.directory import Account
    from auth.oidc.provider import Provider


@dataclass(frozen=True, kw_only=True, slots=True)
class Notice:
    """Passwords are about to end."""

    day: date
    """The first day on which they open nothing."""
    days: int
    """From today until then."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Offers:
    """What the sign-in page offers: what is in force for somebody, as it knows nobody yet."""

    password: bool
    outside: bool


def city_notice(provider: Provider) -> Notice | None:
    """For a page that does not know who reads it."""
    schedule = provider.phases.schedule()
    today = schedule.day(provider.clock())
    return _soon(provider, today, schedule.city_switch(today))


def notice_for(provider: Provider, account: Account) -> Notice | None:
    """For the person who signed in with a password."""
    schedule = provider.phases.schedule()
    today = schedule.day(provider.clock())
    if not schedule.may_end_passwords(account):
        return None
    exemptions = provider.phases.exemptions(account)
    return _soon(provider, today, password_ends_on(schedule, exemptions, account, today))


def offers(provider: Provider) -> Offers:
    """Passwords are offered as long as they open something for anybody: exemptions count too."""
    schedule = provider.phases.schedule()
    methods = {
        method
        for phase in schedule.phases(schedule.day(provider.clock()))
        for method in METHODS[phase]
    }
    return Offers(
        password=Method.PASSWORD in methods or schedule.has_exemptions,
        outside=Method.ESIA in methods,
    )


def _soon(provider: Provider, today: date, day: date | None) -> Notice | None:
    if day is None or (day - today).days > provider.settings.phase_notice_days:
        return None
    return Notice(day=day, days=(day - today).days)
