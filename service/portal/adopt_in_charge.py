"""Who is in charge of the Moodle: accounts with rights over the whole site, and our own there."""

from __future__ import annotations

from provisioning.moodle import MoodleClient, MoodleMisconfigured, MoodleRefused

IN_CHARGE_UNSEEN = "in_charge_unseen"
"""``AdoptionRun.problem``: our account may not see who has rights over the whole site."""
_RIGHTS = ("moodle/user:update", "moodle/course:create", "moodle/role:assign")
"""Who has one of these over the whole site is a manager, a course creator or a machine."""


def in_charge(moodle: MoodleClient) -> tuple[frozenset[int], str]:
    """Return Moodle's numbers of our own account there and of those with rights over the whole
    site, and a code when the latter cannot be seen."""
    found = {int(moodle.site_info()["userid"])}
    try:
        for right in _RIGHTS:
            found |= moodle.with_capability(right)
    except (MoodleMisconfigured, MoodleRefused):
        return frozenset(found), IN_CHARGE_UNSEEN
    return frozenset(found), ""
