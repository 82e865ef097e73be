"""Words about people and operators: their roles, and the fields of what is kept of them."""

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


def operator_role(value: str) -> str:
    return {
        "school": _("school operator"),
        "district": _("district operator"),
        "city": _("city operator"),
    }[value]


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
