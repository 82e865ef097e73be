"""What the worker clears away about once an hour: ended sign-ins of people and operators, old login
events, ended keys, rows of old plans, what old questions and looks say of people, uploaded
files."""

from __future__ import annotations

import logging
import shutil
import time
from datetime import datetime, timedelta

from sqlalchemy import select

from auth.expiry import forget_expired, forget_login_events
from service import audit
from service.activity.rollups import catch_up
from service.application import Application
from service.audit import AuditAction
from service.db import chunks, transaction
from service.loads import keeping, rehearsal_stage, rehearsals, rosters
from service.models import Load, LoadStatus
from service.operators import sessions as operator_sessions
from service.portal import forgetting as looked
from service.questions import forgetting

FAILURES_KEPT = timedelta(days=1)
"""Longer than the window of the console's throttle; that of the provider may be longer still."""

EVENTS_AT_ONCE = 1000
PLANS_AT_ONCE = 100
QUESTIONS_AT_ONCE = 500
ROWS_AT_ONCE = 500
LOOKS_KEPT = timedelta(days=30)
"""So long it can be read what a settled difference, or an account that was not adopted, was."""
PAUSE_SECONDS = 0.05
"""Between two pieces of login events: sign-ins go first."""

OVER = (
    LoadStatus.APPLIED,
    LoadStatus.APPLIED_WITH_FAILURES,
    LoadStatus.REJECTED,
    LoadStatus.UNDONE,
)
"""The files of a load in one of these states are read again at most to try what failed."""

log = logging.getLogger(__name__)


def clear_away(application: Application) -> None:
    """Delete what has expired. Running it twice is harmless."""
    now = application.clock()
    window = timedelta(seconds=application.settings.auth.failure_window_seconds)
    with transaction(application.sessions) as session:
        forget_expired(session, now, failure_window=max(window, FAILURES_KEPT))
        operator_sessions.forget_ended(session, application.operator_lifetime, now)
    _delete_login_events(application, now)
    _delete_ended_keys(application, now)
    _delete_old_rows(application, now)
    _clear_answers(application, now)
    _clear_looks(application, now)
    _clear_stages(application, now)
    days = application.settings.server.keep_uploads_days
    if days:
        _delete_uploads(application, before=now - timedelta(days=days), now=now)


def _delete_login_events(application: Application, now: datetime) -> None:
    """Delete events that are older than the settings want; reports have counted them by then."""
    days = application.settings.auth.keep_login_events_days
    if not days:
        return
    with transaction(application.sessions) as session:
        catch_up(session)
    more = True
    while more:
        with transaction(application.sessions) as session:
            more = forget_login_events(session, now - timedelta(days=days), at_most=EVENTS_AT_ONCE)
        if more:
            time.sleep(PAUSE_SECONDS)


def _clear_stages(application: Application, now: datetime) -> None:
    """Delete what rehearsals left that were killed: a copy of the database."""
    with transaction(application.sessions) as session:
        rehearsals.end_broken_off(session, now)
    if left := rehearsal_stage.clear_left(application.settings.home, now):
        log.warning("rehearsals were broken off", extra={"count": left})


def _delete_old_rows(application: Application, now: datetime) -> None:
    """Delete the rows that plans were made from and that no plan needs any more."""
    deleted = PLANS_AT_ONCE
    while deleted == PLANS_AT_ONCE:
        with transaction(application.sessions) as session:
            deleted = rosters.forget_old(session, now, at_most=PLANS_AT_ONCE)
    deleted = PLANS_AT_ONCE
    while deleted == PLANS_AT_ONCE:
        with transaction(application.sessions) as session:
            deleted = keeping.forget_old(session, at_most=PLANS_AT_ONCE)


def _clear_answers(application: Application, now: datetime) -> None:
    """Keep only ids and answers of questions that were settled long ago."""
    days = application.settings.people.keep_answers_days
    cleared = QUESTIONS_AT_ONCE if days else 0
    while cleared == QUESTIONS_AT_ONCE:
        with transaction(application.sessions) as session:
            before = now - timedelta(days=days)
            cleared = forgetting.forget_old(session, before, now, at_most=QUESTIONS_AT_ONCE)


def _clear_looks(application: Application, now: datetime) -> None:
    """Keep nothing of people that a look into Moodle found and that was settled since."""
    before = now - LOOKS_KEPT
    cleared = ROWS_AT_ONCE
    while cleared == ROWS_AT_ONCE:
        with transaction(application.sessions) as session:
            cleared = looked.clear_drifts(session, before, now, at_most=ROWS_AT_ONCE)
    cleared = ROWS_AT_ONCE
    while cleared == ROWS_AT_ONCE:
        with transaction(application.sessions) as session:
            cleared = looked.forget_accounts(session, before, at_most=ROWS_AT_ONCE)


def _delete_ended_keys(application: Application, now: datetime) -> None:
    """Delete files of signing keys whose last token has ended."""
    # Only this pays for what reads keys.
    from auth.oidc.keys import SigningKeys

    folder = application.settings.signing_keys
    if not folder.is_dir():
        return
    kept = application.settings.auth.signature_age
    for kid in SigningKeys(folder).forget_ended(now, kept):
        log.info("signing key deleted", extra={"kid": kid})


def _delete_uploads(application: Application, *, before: datetime, now: datetime) -> None:
    home = application.settings.home
    named = (folder.relative_to(home).as_posix() for folder in (home / "uploads").glob("*/"))
    for folders in chunks(sorted(named)):
        with transaction(application.sessions) as session:
            loads = session.scalars(
                select(Load).where(Load.folder.in_(folders), Load.status.in_(OVER))
            )
            for load in loads:
                if (load.finished_at or load.planned_at or load.created_at) > before:
                    continue
                shutil.rmtree(home / load.folder)
                audit.record(
                    session, AuditAction.LOAD_DELETE_FILES, at=now, actor=audit.WORKER,
                    load_id=load.id,
                )  # fmt: skip
                log.info("uploaded files deleted", extra={"load": load.id})
