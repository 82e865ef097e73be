"""Words about links to outside identities: why they were made, and how a pair compares."""

from __future__ import annotations

from service.i18n import N_
from service.words import words

agreement = words(
    same=N_("the same"),
    different=N_("differs"),
    unknown=N_("not known"),
)
"""Whether a field says the same here and in an outside identity."""

action = words(
    linked=N_("linked"),
    unlinked=N_("link ended"),
)

evidence = words(
    snils=N_("the same SNILS"),
    name_and_login=N_("name, birth date and the school login"),
    school=N_("word of the school"),
)
"""Why an outside identity was believed to be one of our people."""
