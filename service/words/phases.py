"""Phases, targets and exemptions in words, for the console and the command line."""

from __future__ import annotations

from collections.abc import Mapping

from auth.signin.phases import Phase, Target, Who
from service.i18n import gettext as _
from service.signin.phase_rules import MAX_REASON_LENGTH, PhaseProblem, Why
from service.words.people import role


def phase(value: str) -> str:
    return {
        Phase.PASSWORD_ONLY: _("password only"),
        Phase.BOTH: _("password and ЕСИА"),
        Phase.ESIA_ONLY: _("ЕСИА only"),
    }[Phase(value)]


def who(value: str) -> str:
    return {
        Who.ALL: _("everybody"),
        Who.UNDER_14: _("pupils under 14"),
        Who.STAFF_WITHOUT_ESIA: _("staff without ЕСИА"),
    }[Who(value)]


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


def problem(error: PhaseProblem) -> str:
    return {
        Why.NO_UPSTREAM: _(
            "nobody could sign in: no way to ЕСИА is configured; add it to the settings first"
        ),
        Why.PAST: _("the day is over; name today or a later one"),
        Why.TAKEN: _("there is a phase for the same people from that day on; move or remove it"),
        Why.NO_DISTRICT: _("no school of this district is known"),
        Why.NO_SCHOOL: _("there is no school with this code among yours"),
        Why.NO_CLASS: _("the school has no such class, or several of this title"),
        Why.NO_SENSE: _("name a district or a school, and a class with its school alone"),
        Why.NO_REASON: _(
            "an exemption needs a reason of at most {n} characters", n=MAX_REASON_LENGTH
        ),
        Why.TOO_WIDE: _("for everybody: name a person, a class or a role"),
    }[error.why]
