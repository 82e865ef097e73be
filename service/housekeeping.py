"""What the worker clears away about once an hour: expired sign-ins, old uploaded files."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import select

from auth.expiry import forget_expired
from service.application import Application
from service.db import chunks, transaction
from service.models import AuditEntry, RunStatus, SyncRun

FAILURES_KEPT = timedelta(days=1)
"""Longer than the window of the console's throttle; that of the provider may be longer still."""

OVER = (RunStatus.APPLIED, RunStatus.REJECTED)
"""The files of a run in one of these states are never read again."""

log = logging.getLogger(__name__)


def clear_away(application: Application) -> None:
    """Delete what counts no more. Running it twice is harmless."""
    now = application.clock()
    window = timedelta(seconds=application.settings.auth.failure_window_seconds)
    with transaction(application.sessions) as session:
        forget_expired(session, now, failure_window=max(window, FAILURES_KEPT))
    days = application.settings.server.keep_uploads_days
    if days:
        _delete_uploads(application, before=now - timedelta(days=days), now=now)


def _delete_uploads(application: Application, *, before: datetime, now: datetime) -> None:
    home = application.settings.home
    for folders in chunks(_upload_folders(home)):
        with transaction(application.sessions) as session:
            runs = session.scalars(
                select(SyncRun).where(SyncRun.folder.in_(folders), SyncRun.status.in_(OVER))
            )
            for run in runs:
                if (run.finished_at or run.planned_at or run.created_at) > before:
                    continue
                shutil.rmtree(home / run.folder)
                session.add(
                    AuditEntry(at=now, actor="worker", action="uploads.delete", run_id=run.id)
                )
                log.info("uploaded files deleted", extra={"run": run.id})


def _upload_folders(home: Path) -> Iterator[str]:
    """As ``SyncRun.folder`` names them."""
    for folder in sorted((home / "uploads").glob("*/")):
        yield folder.relative_to(home).as_posix()
