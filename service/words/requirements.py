"""What the capabilities are for that no function of Moodle asks for."""

from __future__ import annotations

from service.i18n import N_
from service.words import words_or_code

_IN_CHARGE = N_("to see who is in charge of the site, when accounts are taken over")

_PURPOSES = {
    "moodle/site:viewfullnames": N_("to see first and last names apart"),
    "moodle/site:viewparticipants": _IN_CHARGE,
    "moodle/role:review": _IN_CHARGE,
}

purpose = words_or_code(_PURPOSES)
"""By capability."""
