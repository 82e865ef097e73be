"""Login names: an endless row of candidates for one person, and the placeholder address."""

from __future__ import annotations

import hashlib
import itertools
import re
import unicodedata
from collections.abc import Iterator
from typing import Literal

import iuliia

_FAMILY_LENGTH = 80
"""Leaves room for initials and a number inside Moodle's 100 characters
(docs/facts/moodle.md 5.3)."""

_OTHER_LETTERS = str.maketrans(
    {
        # Letters of neighbouring languages that the Russian part of ICAO Doc 9303 leaves alone.
        "і": "i", "ї": "i", "є": "ie", "ґ": "g", "ў": "u", "ј": "j", "љ": "lj", "њ": "nj",
        "ә": "a", "ғ": "g", "қ": "q", "ң": "n", "ө": "o", "ұ": "u", "ү": "u", "һ": "h",
        "ҳ": "h", "ҷ": "j", "ӣ": "i", "ӯ": "u", "җ": "j",
        # Latin letters that Unicode does not take apart into a base letter and a mark.
        "ł": "l", "ø": "o", "đ": "d", "ð": "d", "þ": "th", "ß": "ss", "æ": "ae", "œ": "oe",
        "ı": "i",
    }
)  # fmt: skip


def candidates(
    person_id: str,
    *,
    family_name: str,
    given_name: str,
    middle_name: str = "",
    scheme: Literal["portal", "transliterated"],
) -> Iterator[str]:
    """Login names for a person, most wanted first, without end.

    The caller takes the first one that nobody in the city has, or ever had. Every candidate fits
    Moodle: lower case Latin letters, digits, ``.`` and ``-``, at most 100 characters.
    """
    if scheme == "portal":
        return _portal(person_id)
    return _transliterated(person_id, family_name, given_name, middle_name)


def placeholder_email(username: str, domain: str) -> str:
    """The address that stands in for a mailbox nobody has: stable and unique as the login is."""
    return f"{username}@{domain}".lower()


def _portal(person_id: str) -> Iterator[str]:
    """Digits with a Latin ``p`` among them (docs/facts/paragraf.md D1), e.g. ``4821p0573``.

    Taken from a hash of the person id, so that a classmate's login tells nothing about another.
    """
    for attempt in itertools.count():
        digest = hashlib.sha256(f"login:{person_id}:{attempt}".encode()).digest()
        digits = f"{int.from_bytes(digest) % 10**8:08d}"
        yield f"{digits[:4]}p{digits[4:]}"


def _transliterated(person_id: str, family: str, given: str, middle: str) -> Iterator[str]:
    """``ivanov.ii``, ``ivanov.ii2`` ...; a name with no Latin spelling falls back to digits."""
    parts = [_latin(name) for name in (family, given, middle)]
    head = parts[0] or parts[1]
    if not head:
        yield from _portal(person_id)
    initials = "".join(part[0] for part in parts[1:] if part) if parts[0] else ""
    base = ".".join(filter(None, (head[:_FAMILY_LENGTH].rstrip("-"), initials)))
    yield base
    for number in itertools.count(2):
        yield f"{base}{number}"


def _latin(name: str) -> str:
    """The name as in a Russian passport (ICAO Doc 9303), reduced to ``a-z 0-9 -``."""
    composed = unicodedata.normalize("NFC", name).lower().translate(_OTHER_LETTERS)
    latin = unicodedata.normalize("NFKD", iuliia.ICAO_DOC_9303.translate(composed))
    hyphenated = re.sub(r"[\s\-‐–—]+", "-", latin)
    return re.sub(r"[^a-z0-9-]", "", hyphenated).strip("-")
