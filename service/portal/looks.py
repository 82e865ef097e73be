"""The life of a look: begun by one process at a time, renewed on the way, ended or broken off."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import CursorResult, select, update
from sqlalchemy.orm import Session

from service.db import lock
from service.loads import claims
from service.models import PortalLook
from service.problems import Problem

LOCK = 7_214_027
"""Taken while a look begins: of two that begin at once the second sees the first."""

LEASE = timedelta(minutes=10)
"""A process on another machine that said nothing for so long is taken for dead."""

INTERRUPTED = "interrupted"
STOPPED = "stopped"
"""``PortalLook.problem`` of a look whose process ended, and of one that was told to end."""


class LookProblem(Problem):
    """The look cannot begin."""


class LookLost(Exception):
    """Another process took this look for dead and has ended it."""


def begin(session: Session, *, school: str, sample: int, actor: str, now: datetime) -> PortalLook:
    """Begin a look, in a transaction of its own.

    Raises ``LookProblem("look.under_way")`` while a living process looks. What a dead one has left
    is ended: its drifts stand, and the new look begins from the start.
    """
    lock(session, LOCK)
    for left in session.scalars(select(PortalLook).where(PortalLook.claimed_by != "")):
        if claims.is_live(left.claimed_by, left.claimed_at, now, LEASE):
            raise LookProblem("look.under_way", look=left.id)
        left.problem, left.claimed_by, left.claimed_at = INTERRUPTED, "", None
    look = PortalLook(
        school_code=school, sample=sample, actor=actor, began_at=now, people=0, objects=0,
        drifts=0, unread=0, claimed_by=claims.own_name(), claimed_at=now,
    )  # fmt: skip
    session.add(look)
    session.flush()
    return look


def renew(session: Session, look_id: int, now: datetime) -> PortalLook:
    """Say that the look got on, and return it. Raises ``LookLost``: roll back and end."""
    ours = PortalLook.id == look_id, PortalLook.claimed_by == claims.own_name()
    renewed = session.execute(
        update(PortalLook).where(*ours).values(claimed_at=now),
        execution_options={"synchronize_session": False},
    )
    if cast(CursorResult[Any], renewed).rowcount != 1:
        raise LookLost
    return session.get_one(PortalLook, look_id, populate_existing=True)


def end(session: Session, look_id: int, now: datetime, *, problem: str = "") -> PortalLook:
    """End a look: to the end, or broken off by a ``problem``."""
    look = renew(session, look_id, now)
    look.ended_at, look.problem = None if problem else now, problem[:200]
    look.claimed_by, look.claimed_at = "", None
    return look


def last(
    session: Session, *, school: str = "", sample: int = 100, by: datetime | None = None
) -> PortalLook | None:
    """Return the newest look that went to the end, ``by`` a moment, and was at least as
    thorough."""
    return session.scalar(
        select(PortalLook)
        .where(
            PortalLook.ended_at <= by if by else PortalLook.ended_at.is_not(None),
            PortalLook.school_code.in_({"", school}),
            PortalLook.sample >= sample,
        )
        .order_by(PortalLook.ended_at.desc())
        .limit(1)
    )
