"""Words that only the console shows; what it shares with the command line is in wording.py."""

from __future__ import annotations

from service.i18n import gettext as _


def role(value: str) -> str:
    """A role of people, in the plural."""
    return {
        "student": _("pupils"),
        "teacher": _("teachers"),
        "administrator": _("administration"),
        "guardian": _("parents"),
    }.get(value, value)


def agreement(value: str) -> str:
    """Whether a field says the same here and in an outside identity."""
    return {"same": _("the same"), "different": _("differs"), "unknown": _("not known")}[value]


def link_action(value: str) -> str:
    return {"linked": _("linked"), "unlinked": _("link ended")}[value]


def link_evidence(value: str) -> str:
    """Why an outside identity was believed to be one of our people."""
    return {
        "snils": _("the same SNILS"),
        "name_and_login": _("name, birth date and the school login"),
        "school": _("word of the school"),
    }[value]


def link_problem(code: str) -> str:
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


def publisher(name: str) -> str:
    """Who published a report."""
    return _("on schedule") if name == "schedule" else name


def field(name: str) -> str:
    """A field of a person, cohort, course or category; an unknown one keeps its name."""
    return {
        "username": _("login"),
        "firstname": _("given name and patronymic"),
        "lastname": _("surname"),
        "email": _("e-mail"),
        "auth": _("sign-in method"),
        "institution": _("institution"),
        "department": _("class shown in Moodle"),
        "suspended": _("suspended"),
        "family_name": _("surname in the file"),
        "given_name": _("given name"),
        "middle_name": _("patronymic"),
        "birth_date": _("birth date"),
        "role": _("role"),
        "class_id": _("class identifier"),
        "class_title": _("class"),
        "snils": _("SNILS"),
        "school_code": _("school code"),
        "sourced_id": _("identifier in the file"),
        "source": _("source system"),
        "in_roll": _("on the roll"),
        "name": _("name"),
        "parent": _("parent category"),
        "fullname": _("full name"),
        "shortname": _("short name"),
        "category": _("category"),
    }.get(name, name)
