"""The order in which people look for names: numbers by value, «ё» as «е»."""

from __future__ import annotations

import re
from sys import maxsize


def natural(text: str) -> list[tuple[int, str]]:
    """Return a sort key by which "9А" comes before "10А"."""
    parts = re.findall(r"\d+|\D+", text.casefold().replace("ё", "е"))
    return [(int(part), "") if part.isdecimal() else (maxsize, part) for part in parts]
