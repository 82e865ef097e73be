"""What Moodle would refuse, found before it is sent.

A production Moodle answers ``invalidparameter`` for a whole batch and names neither the record nor
the field (docs/facts/moodle.md 2.4).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from provisioning.changes import Kind


@dataclass(frozen=True, slots=True)
class _Text:
    longest: int
    """In characters, as Moodle's database counts."""
    required: bool = True


_TEXTS: Mapping[Kind, Mapping[str, _Text]] = {
    Kind.CATEGORY: {"idnumber": _Text(100), "name": _Text(255)},
    Kind.COHORT: {"idnumber": _Text(100), "name": _Text(254)},
    Kind.COURSE: {"idnumber": _Text(100), "fullname": _Text(254), "shortname": _Text(255)},
    Kind.USER: {
        "person_id": _Text(255),
        "username": _Text(100),
        "firstname": _Text(100),
        "lastname": _Text(100),
        "email": _Text(100),
        "institution": _Text(255, required=False),
        "department": _Text(255, required=False),
    },
}

_USERNAME = re.compile(r"[a-z0-9_.@-]+")
_EMAIL = re.compile(
    r"(?=[^@]{1,64}@)[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
)

AUTH_METHODS = ("oauth2", "manual")
"""How our people sign in at Moodle; other methods belong to service accounts."""


def refusals(kind: Kind, after: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Field and reason of everything in ``after`` that Moodle would refuse or store wrongly.

    Reasons: ``empty``, ``too_long``, ``surrounding_blanks``, ``control_character``, ``tag``,
    ``bad_username``, ``bad_email``, ``unknown_auth``. Members and enrolments have none.
    """
    found = [
        (name, reason)
        for name, text in _TEXTS.get(kind, {}).items()
        for reason in _text_refusals(after[name], text)
    ]
    if kind is Kind.USER:
        if after["username"] and not _USERNAME.fullmatch(after["username"]):
            found.append(("username", "bad_username"))
        if after["email"] and not _EMAIL.fullmatch(after["email"]):
            found.append(("email", "bad_email"))
        if after["auth"] not in AUTH_METHODS:
            found.append(("auth", "unknown_auth"))
    return found


def _text_refusals(value: str, text: _Text) -> Iterator[str]:
    if text.required and not value.strip():
        yield "empty"
    elif value != value.strip():
        # Stored as sent, and never equal to the name in the next export.
        yield "surrounding_blanks"
    if len(value) > text.longest:
        yield "too_long"
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in value):
        yield "control_character"
    if "<" in value:
        yield "tag"
