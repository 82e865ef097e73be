"""The one gate before everything that is written to Moodle: the switch, and the quiet periods."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from provisioning.quiet import QuietSettings
from service import audit
from service.access import Scope, need_city
from service.audit import AuditAction
from service.models import Load, WritingPause
from service.problems import Problem

LONGEST_REASON = 500
GOES_ON_BY_ITSELF = "writing_closed"
"""What ``Load.problem`` of a load begins with that waits before the gate."""


class PauseProblem(Problem):
    """Codes: ``pause.reason``, ``pause.over``, ``pause.no_moment``, ``pause.none``."""


class Why(StrEnum):
    SWITCH = "switch"
    """Somebody paused all writing."""
    QUIET = "quiet"
    """A quiet period of the settings."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Closed:
    """Why nothing is written to Moodle now."""

    why: Why
    until: datetime | None
    """None: until somebody ends the pause."""
    by: str = ""
    reason: str = ""
    """Somebody's own words: for the console and the command line, never for logs."""


def closed(session: Session, quiet: QuietSettings, zone: ZoneInfo, now: datetime) -> Closed | None:
    """Tell why nothing may be written at this moment; None when it may."""
    pause = current_pause(session, now)
    if pause is not None:
        return Closed(why=Why.SWITCH, until=pause.until, by=pause.made_by, reason=pause.reason)
    until = quiet.until(now.astimezone(zone))
    return Closed(why=Why.QUIET, until=until) if until else None


def current_pause(session: Session, now: datetime) -> WritingPause | None:
    """Return the pause that somebody ordered and that is in force."""
    in_force = (
        WritingPause.ended_at.is_(None),
        (WritingPause.until.is_(None) | (WritingPause.until > now)),
    )
    newest = select(WritingPause).where(*in_force).order_by(WritingPause.id.desc())
    return session.scalar(newest.limit(1))


def pauses(session: Session, limit: int = 20) -> Sequence[WritingPause]:
    """Return the last pauses, newest first."""
    return session.scalars(select(WritingPause).order_by(WritingPause.id.desc()).limit(limit)).all()


def pause(
    session: Session, *, scope: Scope, now: datetime, reason: str, until: datetime | None = None
) -> WritingPause:
    """Stop all writing to Moodle, everywhere, before the next call; a pause in force is replaced.

    Raises ``Forbidden`` for others than the city, ``PauseProblem``: ``pause.reason`` without one,
    ``pause.over`` when ``until`` has passed.
    """
    need_city(scope)
    reason = reason.strip()[:LONGEST_REASON]
    if not reason:
        raise PauseProblem("pause.reason")
    if until is not None and until <= now:
        raise PauseProblem("pause.over")
    _end(session, scope, now)
    made = WritingPause(made_by=scope.actor, made_at=now, until=until, reason=reason)
    session.add(made)
    audit.record(
        session, AuditAction.WRITING_PAUSE, at=now, actor=scope.actor,
        until=until and until.isoformat(),
    )  # fmt: skip
    return made


def resume(session: Session, *, scope: Scope, now: datetime) -> None:
    """Let writing go on; loads that wait for it go on at once.

    Raises ``Forbidden`` for others than the city, ``PauseProblem("pause.none")`` when somebody
    else was faster. A quiet period stays in force.
    """
    need_city(scope)
    if current_pause(session, now) is None:
        raise PauseProblem("pause.none")
    _end(session, scope, now)
    waiting = Load.problem.startswith(GOES_ON_BY_ITSELF), Load.go_on_at.is_not(None)
    session.execute(
        update(Load)
        .where(*waiting)
        .values(go_on_at=now)
        .execution_options(synchronize_session=False)
    )
    audit.record(session, AuditAction.WRITING_RESUME, at=now, actor=scope.actor)


def _end(session: Session, scope: Scope, now: datetime) -> None:
    in_force = (
        WritingPause.ended_at.is_(None),
        (WritingPause.until.is_(None) | (WritingPause.until > now)),
    )
    session.execute(
        update(WritingPause).where(*in_force).values(ended_at=now, ended_by=scope.actor)
    )
