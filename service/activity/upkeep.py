"""What workers do every minute: roll sign-ins up; read what is due from Moodle."""

from __future__ import annotations

from service.activity.figures import Activity
from service.activity.marks import catch_up_marks
from service.activity.moodle_log import read_log
from service.activity.rolls import bring_up_to_date
from service.activity.snapshots import take_due
from service.activity.tail import Tail
from service.application import Application
from service.db import transaction


def roll_up(application: Application) -> None:
    """Bring the roll-ups up to date. Running it twice is harmless."""
    with transaction(application.sessions) as session:
        bring_up_to_date(session)
        catch_up_marks(Activity(session, Tail()))


def read_moodle(application: Application) -> None:
    """Take the snapshots that are due and read Moodle's log: slow on purpose.

    Running it twice is harmless.
    """
    settings = application.settings.activity
    # A stand-in has no activity to tell.
    if settings.snapshots and not application.settings.uses_standin:
        take_due(application)
    if settings.log_database_url:
        read_log(application.sessions, settings)
