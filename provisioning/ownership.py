"""Tells the school's own file from another school's under our code, which is stopped whole.

Such a file would do harm row by row: the rows that contradict are set aside, and all others rename
and suspend people.
"""

from __future__ import annotations

from collections.abc import Mapping

from provisioning.findings import Finding, rules
from provisioning.matching import How, Matching
from provisioning.roll import Membership, absence_is_leaving
from provisioning.roster import Roster
from provisioning.settings import LimitSettings


def another_schools_file(
    roster: Roster, found: Matching, before: Mapping[str, Membership], limits: LimitSettings
) -> tuple[Finding, ...]:
    """Return the finding that stops the file, or none.

    The file is stopped when its known ids belong to other humans, or when it is a full roll that
    fills the school with people it has never had while nearly all on its roll (``before``, by
    person id) are missing.
    """
    contradicted = sum(one.rule == "match.key_reused" for one in found.findings)
    agreeing = sum(one.how is How.KNOWN for one in found.matches.values())
    rows = contradicted + agreeing
    floor = limits.contradicted_floor
    nothing_agrees = contradicted > 1 and not agreeing
    if nothing_agrees or contradicted > max(floor, limits.max_contradicted_share * rows):
        return (_finding("school.contradicted", roster, contradicted, rows),)
    expected = [one for one, entry in before.items() if absence_is_leaving(roster, entry.role)]
    here = found.set_aside.union(one.person_id for one in found.matches.values())
    missing = sum(person_id not in here for person_id in expected)
    strangers = len(found.matches) - agreeing
    allowed = max(limits.floor, limits.max_strangers_share * len(expected))
    if missing > allowed and strangers > limits.floor:
        return (_finding("school.strangers", roster, missing, len(expected), strangers),)
    return ()


def _finding(rule: str, roster: Roster, count: int, base: int, strangers: int = 0) -> Finding:
    details = {"count": str(count), "base": str(base), "strangers": str(strangers)}
    return Finding(
        rule=rule,
        severity=rules()[rule],
        file=roster.files[0] if len(roster.files) == 1 else "",
        school_code=roster.school.code,
        field_name="school_code",
        value=roster.school.code,
        details=details,
    )
