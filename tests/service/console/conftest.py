"""For tests of the console: an empty one with three operators, and the browser of the city's."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.service.console_factories import Browser, ConsoleUnderTest, make_console


@pytest.fixture
def console(tmp_path: Path) -> ConsoleUnderTest:
    return make_console(tmp_path, operators=True)


@pytest.fixture
def city(console: ConsoleUnderTest) -> Browser:
    return console.client("city")
