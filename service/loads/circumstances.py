"""What the limits of a plan count besides its changes."""

from __future__ import annotations

from provisioning.desired import DesiredRules
from provisioning.limits import Circumstances
from provisioning.naming import Names
from provisioning.roll import Roll
from provisioning.roster import Roster
from provisioning.several_schools import Elsewhere
from provisioning.state import State
from service.models import SchoolPlan


def circumstances(
    roster: Roster,
    roll: Roll,
    known: State,
    elsewhere: Elsewhere,
    stored: SchoolPlan,
    rules: DesiredRules,
) -> Circumstances:
    """Return what the limits count besides the plan's changes."""
    code, users = roster.school.code, known.users
    came = (roll.after.keys() - roll.before.keys()) & users.keys()
    return Circumstances(
        turned_up={one for one in roll.before.keys() - roll.after.keys() if elsewhere.get(one)},
        arrived={one for one in came if users[one].school_code != code},
        rows=stored.people + stored.set_aside,
        set_aside=stored.set_aside,
        is_of_this_year=Names(rules.naming, roster.school, roster.school_year).is_of_this_year,
    )
