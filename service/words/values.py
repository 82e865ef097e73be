"""Values as people read them, whatever they are values of."""

from __future__ import annotations

from datetime import date
from typing import Any

from service.i18n import gettext as _


def plain(value: Any) -> str:
    """Any value in one line; a dash where there is none."""
    if value in (None, "", []):
        return "—"
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    return ", ".join(value) if isinstance(value, list | tuple) else str(value)


def a_day(given: date | str | None) -> str:
    """A day, perhaps as ISO 8601 text."""
    if given is None:
        return "—"
    day = date.fromisoformat(given) if isinstance(given, str) else given
    return f"{day:%d.%m.%Y}"
