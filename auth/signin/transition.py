"""What the sign-in pages say about the phases: the countdown, what is offered, and a refusal."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from auth.directory import Account
from auth.models import Method
from auth.signin.phases import METHODS, Phases, password_ends_on


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


def city_notice(phases: Phases, now: datetime, *, ahead: int) -> Notice | None:
    """For a page that does not know who reads it; ``ahead`` days before passwords end."""
    schedule = phases.schedule()
    today = schedule.day(now)
    return _soon(today, schedule.city_switch(today), ahead)


def notice_for(phases: Phases, account: Account, now: datetime, *, ahead: int) -> Notice | None:
    """For the person who signed in with a password."""
    schedule = phases.schedule()
    today = schedule.day(now)
    if not schedule.may_end_passwords(account):
        return None
    exemptions = phases.exemptions(account)
    return _soon(today, password_ends_on(schedule, exemptions, account, today), ahead)


def offers(phases: Phases, now: datetime) -> Offers:
    """Passwords are offered as long as they open something for anybody: exemptions count too."""
    schedule = phases.schedule()
    methods = {method for phase in schedule.phases(schedule.day(now)) for method in METHODS[phase]}
    return Offers(
        password=Method.PASSWORD in methods or schedule.has_exemptions,
        outside=Method.ESIA in methods,
    )


def _soon(today: date, day: date | None, ahead: int) -> Notice | None:
    if day is None or (day - today).days > ahead:
        return None
    return Notice(day=day, days=(day - today).days)
