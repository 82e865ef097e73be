"""Codes as people read them, in the current language."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from service.i18n import gettext as _


def words(texts: Mapping[Any, str] | None = None, /, **more: str) -> Callable[[Any], str]:
    """Return a function that says a code by these texts, which are marked with ``N_``.

    A code without a text raises ``KeyError``.
    """
    known = {**(texts or {}), **more}
    return lambda code: _(known[code])


def words_or_code(texts: Mapping[Any, str] | None = None, /, **more: str) -> Callable[[Any], str]:
    """As ``words``, but a code without a text stays as it is."""
    known = {**(texts or {}), **more}
    return lambda code: _(known[code]) if code in known else code
