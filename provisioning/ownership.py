"""Tells the school's own file from another school's under our code, which is stopped whole.

Such a file would do harm row by row: the rows that contradict are set aside, and all others rename
and suspend people.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from provisioning.findings import Finding, rules
from provisioning.matching import How, Matching
from provisioning.roll import Membership, absence_is_leaving
from provisioning.roster import Mode, Person, Roster
from provisioning.school_identity import FEW, HALF, By, KnownSchool
from provisioning.settings import LimitSettings


def not_ours_yet(
    roster: Roster, found: Matching, before: Mapping[str, Membership]
) -> dict[str, Person]:
    """Return the rows of people who were not on the school's roll; none for its first file."""
    ours = {key for key, one in found.matches.items() if one.person_id in before}
    ours |= {key for key, person_id in found.waiting.items() if person_id in before}
    return {key: one for key, one in roster.persons.items() if before and key not in ours}


def another_schools_file(
    roster: Roster,
    found: Matching,
    before: Mapping[str, Membership],
    limits: LimitSettings,
    others: Sequence[KnownSchool] = (),
) -> tuple[Finding, ...]:
    """Return the findings that stop the file or tell of another school's people in it, or none.

    The file is stopped when its known ids belong to other humans, or when it is a full roll that
    fills the school with people it has never had while nearly all on its roll (``before``, by
    person id) are missing; also when nearly nobody in it is of the school, and most are known at
    one other. ``others``: where the people of ``not_ours_yet`` are known.
    """
    own = _contradicting(roster, found, before, limits)
    return (*own, *_others_people(roster, found, before, limits, others))


def _contradicting(
    roster: Roster, found: Matching, before: Mapping[str, Membership], limits: LimitSettings
) -> tuple[Finding, ...]:
    contradicted = found.contradicted
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


def _others_people(
    roster: Roster,
    found: Matching,
    before: Mapping[str, Membership],
    limits: LimitSettings,
    others: Sequence[KnownSchool],
) -> tuple[Finding, ...]:
    """A few of a changes-only file are taken for newcomers, unless they have the other's ids."""
    if not others:
        return ()
    other, rows = others[0], len(roster.persons)
    count = other.people
    ours = sum(one.person_id in before for one in found.matches.values())
    details = {
        "count": str(count), "base": str(rows), "ours": str(ours), "other": other.code,
        "other_name": other.name,
    }  # fmt: skip
    decisive = (
        roster.mode is Mode.FULL
        or count > limits.floor
        or len(other.known.get(By.ID, ())) >= HALF * rows
    )
    strangers = ours <= (1 - limits.max_strangers_share) * rows
    if decisive and strangers and count >= max(FEW, HALF * rows):
        return (_about_school("school.of_another", roster, details),)
    if count > max(limits.floor, (1 - limits.max_strangers_share) * rows):
        return (_about_school("school.people_of_another", roster, details),)
    return ()


def _finding(rule: str, roster: Roster, count: int, base: int, strangers: int = 0) -> Finding:
    details = {"count": str(count), "base": str(base), "strangers": str(strangers)}
    return _about_school(rule, roster, details)


def _about_school(rule: str, roster: Roster, details: Mapping[str, str]) -> Finding:
    return Finding(
        rule=rule,
        severity=rules()[rule],
        file=roster.files[0] if len(roster.files) == 1 else "",
        school_code=roster.school.code,
        field_name="school_code",
        value=roster.school.code,
        details=details,
    )
