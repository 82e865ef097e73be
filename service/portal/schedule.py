"""Looks on schedule: which one is due by night, and what it leaves to be repaired by itself."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from service import audit
from service.application import Application
from service.db import transaction
from service.models import LoadStatus, PortalLook
from service.portal import looks, repairing
from service.portal.looking import StopCheck, look

WHOLE = 100
_WEEK = timedelta(days=6, hours=12)
"""A little less than a week and a day: the hour at which a look begins wanders."""
_DAY = timedelta(hours=12)
TRY_AGAIN_AFTER = timedelta(minutes=30)
"""So long after a look that broke off, or that a person began, the next one of a schedule waits."""


def due(application: Application, session: Session, now: datetime) -> int:
    """Return how many percent are to be looked at now; 0: none."""
    settings = application.settings.reconcile
    hour = now.astimezone(application.zone).hour
    if application.settings.uses_standin or not _is_night(
        hour, settings.night_from, settings.night_until
    ):
        return 0
    newest = session.scalar(select(func.max(PortalLook.began_at)))
    if newest is not None and now - newest < TRY_AGAIN_AFTER:
        return 0
    whole, part = looks.last(session), looks.last(session, sample=1)
    if settings.weekly and _is_over(whole, now, _WEEK):
        return WHOLE
    return settings.nightly_percent if _is_over(part, now, _DAY) else 0


def _is_night(hour: int, begins: int, ends: int) -> bool:
    return begins <= hour < ends if begins <= ends else hour >= begins or hour < ends


def _is_over(last: PortalLook | None, now: datetime, after: timedelta) -> bool:
    return last is None or last.began_at <= now - after


def look_if_due(application: Application, *, should_stop: StopCheck) -> int | None:
    """Take the look that is due and plan what repairs itself.

    Returns the number of a load that a worker may apply now. Running it twice is harmless.
    """
    now = application.clock()
    with application.sessions() as session:
        sample = due(application, session, now)
    if not sample:
        return None
    try:
        done = look(application, actor=audit.WORKER, sample=sample, should_stop=should_stop)
    except looks.LookProblem:
        return None  # somebody looks already
    return None if done.problem else plan_by_rule(application)


def plan_by_rule(application: Application) -> int | None:
    """Plan what repairs itself (``[reconcile] repair``); return the load if it may be applied."""
    settings = application.settings
    with transaction(application.sessions) as session:
        load = repairing.repair_by_rule(
            session, home=settings.home, kinds=settings.reconcile.repair,
            now=application.clock(), limits=settings.limits,
        )  # fmt: skip
        return load.id if load and load.status == LoadStatus.APPROVED else None
