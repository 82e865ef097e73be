"""The running application: web service, command line and jobs around the two libraries."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

    from service.application import Application
    from service.console.context import Queue


def create_app(application: Application | None = None, *, queue: Queue | None = None) -> Flask:
    """The web application; by default with the settings of the environment and the real queue."""
    # Imported here because this file runs at every import of a module of the package, and the
    # command line and the jobs need none of the web framework.
    from service.web import make_flask

    return make_flask(application, queue)
