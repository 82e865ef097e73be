"""An installation for the doctor to look at."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from service.application import Application
from tests.service.command_line import free_port
from tests.service.installation import installation

NOW = datetime(2026, 9, 1, 8, 0, tzinfo=UTC)


@pytest.fixture
def application(tmp_path: Path, english: None) -> Iterator[Application]:
    """A ready one whose sign-in serves a Moodle at an address without a server."""
    with installation(tmp_path / "home", moodle_url=f"http://127.0.0.1:{free_port()}") as made:
        yield made


def with_settings(application: Application, **changes: Any) -> Application:
    return replace(application, settings=replace(application.settings, **changes))


def at(now: datetime, application: Application, **changes: Any) -> Application:
    """The same with a clock that stands still."""
    return replace(with_settings(application, **changes), clock=lambda: now)
