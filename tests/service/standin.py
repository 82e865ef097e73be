"""The stand-in for Moodle behind a real HTTP server in a thread of the test."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from service.moodle_standin import create_standin
from tests.web import running_app


@contextmanager
def running_standin(storage: Path | None = None, **options: Any) -> Iterator[str]:
    """Its address; the options are those of ``create_standin``."""
    app = create_standin(storage, **options)
    with closing(app.extensions["moodle_standin"].store), running_app(app) as url:
        yield url
