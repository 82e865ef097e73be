"""Words about people and operators: their roles, and the fields of what is kept of them."""

from __future__ import annotations

from service.i18n import N_
from service.i18n import gettext as _
from service.words import words, words_or_code

role = words_or_code(
    student=N_("pupils"),
    teacher=N_("teachers"),
    administrator=N_("administration"),
    guardian=N_("parents"),
)
"""A role of people, in the plural."""

operator_role = words(
    school=N_("school operator"),
    district=N_("district operator"),
    city=N_("city operator"),
)


def publisher(name: str) -> str:
    """Who published a report."""
    return _("on schedule") if name == "schedule" else name


state = words_or_code(
    on_roll=N_("on the roll"),
    in_transit=N_("in transit: no school lists the person"),
    suspended=N_("suspended: on no roll"),
    graduate=N_("graduate"),
    archived=N_("archived"),
    by_hand=N_("entered by hand"),
)
"""A ``PersonState``."""


field = words_or_code(
    username=N_("login"),
    firstname=N_("given name and patronymic"),
    lastname=N_("surname"),
    email=N_("e-mail"),
    auth=N_("sign-in method"),
    institution=N_("institution"),
    department=N_("class shown in Moodle"),
    suspended=N_("suspended"),
    family_name=N_("surname in the file"),
    given_name=N_("given name"),
    middle_name=N_("patronymic"),
    birth_date=N_("birth date"),
    adopts=N_("takes over the account"),
    lets_go=N_("gives back the account"),
    role=N_("role"),
    class_id=N_("class identifier"),
    class_title=N_("class"),
    snils=N_("SNILS"),
    school_code=N_("school code"),
    sourced_id=N_("identifier in the file"),
    source=N_("source system"),
    in_roll=N_("on the roll"),
    state=N_("state"),
    name=N_("name"),
    parent=N_("parent category"),
    fullname=N_("full name"),
    shortname=N_("short name"),
    category=N_("category"),
    visible=N_("shown to pupils"),
)
"""A field of a person, cohort, course or category; an unknown one keeps its name."""
