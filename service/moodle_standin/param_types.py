"""Moodle's scalar parameter types: what each would make of a value.

A value is valid when cleaning it changes nothing; that is the whole rule of Moodle's web services.
Source: functions-4.5.json (type names) and the recorded calls (docs/facts/moodle.md).
"""

from __future__ import annotations

import re
from collections.abc import Callable

from service.moodle_standin.settings import SiteSettings

_TAG = re.compile(r"<(?!\s|$)[^>]*(?:>|$)")
_INT = re.compile(r"0|-?[1-9]\d{0,18}")
_USERNAME = re.compile(r"[^-.@_a-z0-9]")
_MAX_INT = 2**63 - 1

TEXT_FORMATS = (0, 1, 2, 4)
"""Moodle's own, HTML, plain text, Markdown."""


def is_int(value: str) -> bool:
    return _INT.fullmatch(value) is not None and abs(int(value)) <= _MAX_INT


def username_allowed(value: str, settings: SiteSettings) -> bool:
    """Tell whether a user name is allowed: in lower case, and in Latin letters unless
    `extendedusernamechars` is on."""
    return clean_username(value, settings) == value


def clean_username(value: str, settings: SiteSettings) -> str:
    lowered = value.strip().lower()
    if settings.extended_username_chars:
        return lowered.replace(" ", "")
    return _USERNAME.sub("", lowered)


def _only(pattern: str) -> Callable[[str, SiteSettings], bool]:
    compiled = re.compile(pattern)
    return lambda value, _settings: compiled.fullmatch(value) is not None


def _without_tags(value: str, _settings: SiteSettings) -> bool:
    return "\x00" not in value and not _TAG.search(value)


_WORD = _only("[a-zA-Z0-9_-]*")
_PLUGIN = _only("([a-z](?:[a-z0-9]|_(?!_))*[a-z0-9])?")

VALID: dict[str, Callable[[str, SiteSettings], bool]] = {
    **dict.fromkeys(("raw", "url", "localurl", "file", "path", "tag", "float"), lambda *_: True),
    **dict.fromkeys(("text", "notags"), _without_tags),
    **dict.fromkeys(("alphanumext", "safedir"), _WORD),
    **dict.fromkeys(("plugin", "component", "area"), _PLUGIN),
    "raw_trimmed": lambda value, _settings: value == value.strip(" \t\n\r\0\x0b"),
    "alpha": _only("[a-zA-Z]*"),
    "alphaext": _only("[a-zA-Z_-]*"),
    "alphanum": _only("[a-zA-Z0-9]*"),
    "username": username_allowed,
    "auth": lambda value, settings: not value or value in settings.auth_methods,
    "lang": lambda value, settings: not value or value in settings.languages,
    "theme": lambda value, settings: not value or value in settings.themes,
    "timezone": _only(
        r"(?:[+-]?\d{1,2}(?:\.[05])?|99|[A-Za-z0-9][A-Za-z0-9_+-]*(?:/[A-Za-z0-9_+-]+)*)?"
    ),
}
"""By type name. `int` and `bool` are missing here: they also change the kind of the value."""
