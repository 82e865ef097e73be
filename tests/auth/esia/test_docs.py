"""The guide to the stand-in names tests that exist and explains every next step."""

from __future__ import annotations

import re
from pathlib import Path

from auth.esia.diagnostics import NextStep

ROOT = Path(__file__).parents[3]
GUIDE = (ROOT / "docs" / "esia.md").read_text("utf-8")


def test_every_test_that_the_guide_names_exists() -> None:
    tests = "".join(path.read_text("utf-8") for path in Path(__file__).parent.glob("test_*.py"))
    named = set(re.findall(r"`(test_[a-z0-9_]+)`", GUIDE))
    assert len(named) > 30
    assert {name for name in named if f"def {name}(" not in tests} == set()


def test_every_next_step_is_explained() -> None:
    assert [step.value for step in NextStep if f"`{step.value}`" not in GUIDE and step] == []
