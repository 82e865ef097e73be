"""Names of months in Russian, English and French: a date with one -> the same with numbers."""

from __future__ import annotations

import re
import unicodedata
from functools import cache

_LETTERS = re.compile(r"[^\W\d_]{3}")
_DAY = r"[«\"]?(\d{1,2})(?:er|st|nd|rd|th|-?го|-?е)?[»\"]?"
_MONTH = r"([^\W\d_]{3,})\.?"
_YEAR = r"(\d{4})(?:\s*г(?:ода|\.)?)?"
_GAP = r"(?:\s*[\s\-,./]\s*)"
_REST = r"((?:\s+|,\s*)\d\d?:\d\d(?::\d\d)?)?"
_DAY_FIRST = re.compile(rf"{_DAY}{_GAP}(?:of\s+|de\s+)?{_MONTH}{_GAP}{_YEAR}{_REST}", re.I)
_MONTH_FIRST = re.compile(rf"{_MONTH}{_GAP}{_DAY}{_GAP}{_YEAR}{_REST}", re.I)

_NAMES = (
    "январь января january janvier",
    "февраль февраля february février",
    "март марта march mars",
    "апрель апреля april avril",
    "май мая may mai",
    "июнь июня june juin",
    "июль июля july juillet",
    "август августа august août",
    "сентябрь сентября september septembre",
    "октябрь октября october octobre",
    "ноябрь ноября november novembre",
    "декабрь декабря december décembre",
)
"""From January on."""


def with_numbers(text: str) -> str:
    """``DD.MM.YYYY``, with the time if there is one, for a date whose month is a word.

    ``12 апреля 2015 г.``, ``12-Apr-2015``, ``April 12, 2015`` and ``1er avril 2015`` are such; a
    month may be cut short to three letters or more. Any other text comes back as it is.
    """
    if not _LETTERS.search(text):
        return text
    text = text.strip()
    if match := _DAY_FIRST.fullmatch(text):
        day, month, year, time = match.groups()
    elif match := _MONTH_FIRST.fullmatch(text):
        month, day, year, time = match.groups()
    else:
        return text
    number = _number(month)
    time = (time or "").strip(", ")
    return f"{int(day):02}.{number:02}.{year} {time}".strip() if number else text


@cache
def _number(name: str) -> int:
    """From 1 to 12; zero for a word that may be no month or two."""
    start = _plain(name)
    found = {
        number
        for number, names in enumerate(_NAMES, start=1)
        if any(_plain(one).startswith(start) for one in names.split())
    }
    return min(found) if len(found) == 1 else 0


def _plain(word: str) -> str:
    """Small letters without their marks."""
    split = unicodedata.normalize("NFD", word.casefold())
    return "".join(sign for sign in split if not unicodedata.combining(sign))
