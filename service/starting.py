"""The start of a process that is no command: the web server's and the workers'."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from sqlalchemy.exc import OperationalError

from service.application import Application, build
from service.config import ConfigError
from service.data_folder import StartError
from service.i18n import gettext as _
from service.i18n import set_language
from service.schema import check_revision


@contextmanager
def started() -> Iterator[Application]:
    """Give the application of the environment's settings, over a database of this version.

    Without them the process ends with exit code 1 and one line. A database that does not answer is
    no reason not to start: it may come back.
    """
    set_language(os.environ.get("SCHOOLBRIDGE_LANG", "ru"))
    try:
        application = build()
        with suppress(OperationalError):
            check_revision(application.engine)
        application.engine.dispose()  # connections must not be shared with what is forked from here
        yield application
    except (ConfigError, StartError) as error:
        sys.exit(_("Error: {what}", what=error))
