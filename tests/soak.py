"""How much is tried at random or over and over: little in every run, more in ``make soak``."""

from __future__ import annotations

import os

import pytest

SOAK = int(os.environ.get("SOAK", "1"))
"""So many times the usual number; the environment variable of this name."""

soak = pytest.mark.soak
"""For tests whose numbers grow with it."""
