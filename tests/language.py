"""Another language inside a block or a test."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from service.i18n import language, set_language


@contextmanager
def in_language(code: str) -> Iterator[None]:
    before = language()
    set_language(code)
    try:
        yield
    finally:
        set_language(before)
