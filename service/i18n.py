"""Texts of the interface: English in the code, Russian from translations/ru.po, ``ru`` by default.

The catalogue is read when first needed, so nothing built has to be committed. Every process does
that at its start: Babel and ``gettext`` of the standard library would need seven times as long.
"""

from __future__ import annotations

import json
import re
from contextvars import ContextVar
from functools import cache
from pathlib import Path

LANGUAGES = ("ru", "en")

_PO_LINE = re.compile(r'^(msg\S+)? ?(".*")$', re.MULTILINE)
_language: ContextVar[str] = ContextVar("language", default="ru")


def language() -> str:
    """The language of the current request or command: ``ru`` or ``en``."""
    return _language.get()


def set_language(code: str) -> None:
    """Choose the language of this thread; an unknown one means Russian."""
    _language.set(code if code in LANGUAGES else LANGUAGES[0])


@cache
def _catalogue(code: str) -> dict[str, list[str]]:
    """Return the forms of each text (one, or those for numbers) by its English one."""
    if code == "en":
        return {}
    messages: list[dict[str, str]] = []
    keyword = ""
    po = (Path(__file__).parent / "translations" / f"{code}.po").read_text("utf-8")
    for begins, quoted in _PO_LINE.findall(po):
        if begins == "msgid":
            messages.append({})
        if begins:
            keyword = begins
            messages[-1][keyword] = ""
        # Its escapes are those of JSON.
        messages[-1][keyword] += json.loads(quoted)
    return {
        one["msgid"]: [text for name, text in one.items() if name.startswith("msgstr")]
        for one in messages
    }


def gettext(message: str, /, **values: object) -> str:
    """``message`` in the current language, with ``{name}`` places filled from ``values``."""
    text = _catalogue(language()).get(message, [message])[0] if message else ""
    return text.format(**values) if values else text


def N_(message: str) -> str:
    """``message`` as it is: marks a text that is said later, by ``gettext``."""
    return message


def ngettext(singular: str, plural: str, n: int, /, **values: object) -> str:
    """The plural form for ``n``; ``{n}`` is filled as well."""
    forms = _catalogue(language()).get(singular)
    text = forms[_russian_form(n)] if forms else singular if n == 1 else plural
    return text.format(n=n, **values)


def _russian_form(n: int) -> int:
    """Return which form goes with the number: that of 1, of 2 to 4, or of the others."""
    if n % 10 == 1 and n % 100 != 11:
        return 0
    return 1 if 2 <= n % 10 <= 4 and not 12 <= n % 100 <= 14 else 2
