"""Colours of the console are readable: WCAG 2.2 AA in the light and in the dark theme."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import service

STYLE = Path(service.__file__).parent / "static" / "base.css"

TEXT_ON = [
    ("text", "page"), ("text", "surface"), ("text", "raised"), ("text", "tint"),
    ("text", "warn-tint"), ("text", "good-tint"), ("text", "bad-tint"),
    ("muted", "page"), ("muted", "surface"), ("muted", "raised"),
    ("primary", "page"), ("primary", "surface"), ("primary", "tint"), ("primary", "raised"),
    ("on-primary", "primary"), ("on-primary", "primary-hover"),
    ("good", "good-tint"), ("warn", "warn-tint"), ("warn", "surface"),
    ("bad", "bad-tint"), ("bad", "surface"),
]  # fmt: skip
BORDER_ON = [("line-strong", "surface"), ("focus", "page"), ("focus", "surface")]


def themes() -> dict[str, dict[str, str]]:
    """The colours by name; the dark theme replaces some of the light ones."""
    light, dark = re.findall(r":root \{(.*?)\n *\}", STYLE.read_text("utf-8"), re.DOTALL)
    colours = [dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", block)) for block in (light, dark)]
    return {"light": colours[0], "dark": colours[0] | colours[1]}


def luminance(colour: str) -> float:
    """Relative luminance, WCAG 2.2."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted([luminance(one), luminance(other)])
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("pairs", "least"), [(TEXT_ON, 4.5), (BORDER_ON, 3.0)])
def test_contrast_is_enough(theme: str, pairs: list[tuple[str, str]], least: float) -> None:
    colours = themes()[theme]
    weak = {
        (front, back): round(contrast(colours[front], colours[back]), 2)
        for front, back in pairs
        if contrast(colours[front], colours[back]) < least
    }
    assert not weak


def test_the_measure_knows_black_on_white_and_grey_on_grey() -> None:
    assert round(contrast("#000000", "#ffffff"), 1) == 21.0
    assert contrast("#777777", "#888888") < 1.5
