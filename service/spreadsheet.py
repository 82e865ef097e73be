"""Tables for spreadsheets of the Russian locale: CSV files in which no cell becomes a formula."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from io import StringIO

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""What spreadsheets may take for a formula (OWASP, CSV Injection)."""


def csv_file(titles: Iterable[str], lines: Iterable[Iterable[str]]) -> bytes:
    """Return the titles and lines as a file: UTF-8 with a byte order mark, and semicolons."""
    out = StringIO(newline="")
    writer = csv.writer(out, delimiter=";", lineterminator="\r\n")
    writer.writerow(map(harmless, titles))
    writer.writerows(map(harmless, line) for line in lines)
    return out.getvalue().encode("utf-8-sig")


def harmless(text: str) -> str:
    """Return ``text`` with an apostrophe before what a spreadsheet would run as a formula."""
    return f"'{text}" if text.lstrip(" \xa0").startswith(_FORMULA_STARTS) else text
