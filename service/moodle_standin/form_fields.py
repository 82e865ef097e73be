"""Form fields as PHP reads them: nested by brackets, cut at `max_input_vars`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import unquote_plus

_SUBKEY = re.compile(r"\[([^\]]*)\]")

Fields = dict[str, Any]
"""Nested dictionaries; a list of the caller is a dictionary with the keys "0", "1" and so on."""


def read_urlencoded(text: str) -> list[tuple[str, str]]:
    pairs = []
    for part in text.split("&"):
        if part:
            name, _, value = part.partition("=")
            pairs.append((unquote_plus(name), unquote_plus(value)))
    return pairs


def nest(pairs: Iterable[tuple[str, str]], *, max_input_vars: int) -> Fields:
    """Build the nested fields; PHP keeps `max_input_vars` + 1 of them and drops the rest silently.

    Source: docs/facts/moodle.md 4.6.
    """
    fields: Fields = {}
    for count, (name, value) in enumerate(pairs):
        if count > max_input_vars:
            break
        _put(fields, name, value)
    return fields


def _put(fields: Fields, name: str, value: str) -> None:
    head, bracket, _ = name.partition("[")
    if not head:
        return
    keys = _SUBKEY.findall(name[len(head) :]) if bracket else []
    level = fields
    key = head
    for next_key in keys:
        below = level.get(key)
        if not isinstance(below, dict):
            below = level[key] = {}
        level = below
        key = next_key if next_key != "" else str(_next_index(level))
    level[key] = value


def _next_index(level: Fields) -> int:
    used = [int(key) for key in level if key.isdecimal()]
    return max(used) + 1 if used else 0
