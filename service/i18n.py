"""Texts of the interface: English in the code, Russian from translations/ru.po, ``ru`` by default.

The catalogue is compiled in memory when first needed, so nothing built has to be committed.
"""

from __future__ import annotations

from contextvars import ContextVar
from functools import cache
from gettext import GNUTranslations, NullTranslations
from importlib import resources
from io import BytesIO

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

LANGUAGES = ("ru", "en")

_language: ContextVar[str] = ContextVar("language", default="ru")


def language() -> str:
    """The language of the current request or command: ``ru`` or ``en``."""
    return _language.get()


def set_language(code: str) -> None:
    """Choose the language of this thread; an unknown one means Russian."""
    _language.set(code if code in LANGUAGES else LANGUAGES[0])


@cache
def _catalogue(code: str) -> NullTranslations:
    if code == "en":
        return NullTranslations()
    source = resources.files("service").joinpath(f"translations/{code}.po")
    compiled = BytesIO()
    with source.open("rb") as po:
        write_mo(compiled, read_po(po, locale=code))
    compiled.seek(0)
    return GNUTranslations(compiled)


def gettext(message: str, /, **values: object) -> str:
    """``message`` in the current language, with ``{name}`` places filled from ``values``."""
    text = _catalogue(language()).gettext(message)
    return text.format(**values) if values else text


def ngettext(singular: str, plural: str, n: int, /, **values: object) -> str:
    """The plural form for ``n``; ``{n}`` is filled as well."""
    return _catalogue(language()).ngettext(singular, plural, n).format(n=n, **values)
