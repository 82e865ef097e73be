"""What the worker does every minute: roll up, take due snapshots, read Moodle's log."""

from __future__ import annotations

from service.activity.figures import bring_up_to_date
from service.activity.moodle_log import read_log
from service.activity.snapshots import take_due
from service.application import Application
from service.db import transaction


def keep_up(application: Application) -> None:
    """Bring the roll-ups up to date. Running it twice is harmless."""
    with transaction(application.sessions) as session:
        bring_up_to_date(session)
    settings = application.settings.activity
    # A stand-in has no activity to tell.
    if settings.snapshots and not application.settings.uses_standin:
        take_due(application)
    if settings.log_database_url:
        read_log(application.sessions, settings)
