"""Words for the severities of findings."""

from __future__ import annotations

from service.i18n import gettext as _


def severity(value: str) -> str:
    return {"warning": _("warning"), "error": _("row set aside"), "fatal": _("file stopped")}[value]
