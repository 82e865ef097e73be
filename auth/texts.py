"""Texts people read: English in the templates, Russian from translations/ru.po."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from gettext import GNUTranslations, NullTranslations
from importlib import resources
from io import BytesIO

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from flask import Request
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import HTTPException

LANGUAGES = ("ru", "en")
"""The first one is the language of the house."""


def translator(language: str) -> Callable[[str], str]:
    return _catalogue(language).gettext


def counter(language: str) -> Callable[[str, str, int], str]:
    """Return a function that chooses the plural form for a number."""
    return _catalogue(language).ngettext


def choose_language(request: Request) -> str:
    """Take ``ui_locales`` (OpenID Connect Core 3.1.2.1), else Russian.

    The browser's own wish does not count: in schools many are set to English by default.
    """
    try:
        wishes: MultiDict[str, str] = request.values
    except HTTPException:  # the form cannot be read; the page that says so has a language, too
        wishes = request.args
    for wish in wishes.get("ui_locales", "").split():
        if (code := wish.split("-")[0].lower()) in LANGUAGES:
            return code
    return LANGUAGES[0]


@cache
def _catalogue(language: str) -> NullTranslations:
    """Compile a catalogue in memory, once. English is the language of the templates."""
    if language == "en":
        return NullTranslations()
    compiled = BytesIO()
    with resources.files("auth").joinpath(f"translations/{language}.po").open("rb") as source:
        write_mo(compiled, read_po(source, locale=language))
    compiled.seek(0)
    return GNUTranslations(compiled)
