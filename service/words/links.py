"""Words about links to outside identities: why they were made, and how a pair compares."""

from __future__ import annotations

from service.i18n import gettext as _


def agreement(value: str) -> str:
    """Whether a field says the same here and in an outside identity."""
    return {"same": _("the same"), "different": _("differs"), "unknown": _("not known")}[value]


def action(value: str) -> str:
    return {"linked": _("linked"), "unlinked": _("link ended")}[value]


def evidence(value: str) -> str:
    """Why an outside identity was believed to be one of our people."""
    return {
        "snils": _("the same SNILS"),
        "name_and_login": _("name, birth date and the school login"),
        "school": _("word of the school"),
    }[value]


def problem(code: str) -> str:
    return {
        "link.another_human": _(
            "This is somebody else: name and birth date differ. If your record is wrong, correct "
            "it in Paragraf first."
        ),
        "link.taken": _(
            "This person is linked to another ЕСИА account. To replace it, tick the box and say "
            "why."
        ),
        "link.no_reason": _("Write the reason: it stays in the history."),
        "link.nobody": _("Nobody of your schools has this login."),
    }[code]
