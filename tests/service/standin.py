"""The stand-in for Moodle behind a real HTTP server in a thread of the test."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from provisioning.moodle.connection import form_fields
from service.moodle_standin import DEFAULT_TOKEN, create_standin
from tests.web import running_app


@contextmanager
def running_standin(storage: Path | None = None, **options: Any) -> Iterator[str]:
    """Its address; the options are those of ``create_standin``."""
    app = create_standin(storage, **options)
    with closing(app.extensions["moodle_standin"].store), running_app(app) as url:
        yield url


def call_form(function: str, **arguments: Any) -> dict[str, str]:
    """What is posted to call a function of a site, by default with the stand-in's own token."""
    own = {"wstoken": DEFAULT_TOKEN, "wsfunction": function, "moodlewsrestformat": "json"}
    return own | dict(form_fields(arguments))
