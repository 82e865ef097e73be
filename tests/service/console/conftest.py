"""For tests of the console: the browser of a city operator."""

from __future__ import annotations

import pytest

from tests.service.console_factories import Browser, ConsoleUnderTest


@pytest.fixture
def city(console: ConsoleUnderTest) -> Browser:
    """In the console of the test's own module."""
    return console.client("city")
