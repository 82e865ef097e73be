"""The errors of all rooms that an operator can meet, in words. Loaded when one was met."""

from __future__ import annotations

import click
from redis import RedisError
from sqlalchemy.exc import OperationalError, ProgrammingError

from provisioning.formats import LayoutError
from provisioning.moodle import MoodleError
from service.cli.base import Failure
from service.config import ConfigError
from service.data_folder import StartError
from service.i18n import gettext as _
from service.problems import Problem
from service.words.loads import what_broke
from service.words.problems import sentence


def in_words(error: Exception) -> click.ClickException | None:
    """Return what the command line says of ``error``; None for a fault of ours."""
    match error:
        case Problem():
            said = sentence(error)
            return click.UsageError(said) if error.exit_code == 2 else Failure(said)
        case ConfigError() | StartError():
            return Failure(str(error))
        case LayoutError():
            return Failure(what_broke(f"layout: {error}"))
        case MoodleError():
            return Failure(what_broke(f"moodle.{type(error).__name__}: {error}"))
        case OperationalError() | ProgrammingError():
            # The driver's text may quote the address with its password, or what a row holds.
            return Failure(_("the database does not do its work; run: schoolbridge doctor"))
        case RedisError():
            return Failure(_("Redis does not answer; see [redis] url"))
    return None
