"""Words for what findings mean."""

from __future__ import annotations

from service.i18n import gettext as _


def verdict(value: str) -> str:
    """Say what a finding means for its row or file (``Finding.verdict``)."""
    return {
        "warning": _("warning"),
        "taken": _("row taken with an error"),
        "error": _("row set aside"),
        "fatal": _("file stopped"),
    }[value]
