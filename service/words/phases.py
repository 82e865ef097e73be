"""Phases, targets and exemptions in words, for the console and the command line."""

from __future__ import annotations

from collections.abc import Mapping

from auth.signin.phases import Phase, Target, Who
from service.i18n import N_
from service.i18n import gettext as _
from service.words import words
from service.words.people import role

phase = words(
    {
        Phase.PASSWORD_ONLY: N_("password only"),
        Phase.BOTH: N_("password and ЕСИА"),
        Phase.ESIA_ONLY: N_("ЕСИА only"),
    }
)

who = words(
    {
        Who.ALL: N_("everybody"),
        Who.UNDER_14: N_("pupils under 14"),
        Who.STAFF_WITHOUT_ESIA: N_("staff without ЕСИА"),
    }
)


def target(one: Target, titles: Mapping[tuple[str, str], str] | None = None) -> str:
    """The place and, if it is for one, the role. ``titles``: those of classes, by school code and
    identifier; without one the identifier is shown."""
    place = _("the whole city")
    if one.district:
        place = _("{district} district", district=one.district)
    elif one.class_id:
        title = (titles or {}).get((one.school_code, one.class_id), one.class_id)
        place = _("school {code}, class {title}", code=one.school_code, title=title)
    elif one.school_code:
        place = _("school {code}", code=one.school_code)
    return _("{place}: {role}", place=place, role=role(one.role)) if one.role else place
