"""What teachers are known to teach: read from the kept rows, only where a teacher is in doubt."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import replace

from sqlalchemy.orm import Session

from provisioning.matching import KnownIdentities, KnownIdentity
from provisioning.roster import Role, Roster
from service.loads import rosters

MOST_SCHOOLS = 10
"""So many schools' rows are read at most; of further candidates no subject is known."""


def with_subjects(
    session: Session, roster: Roster, known: KnownIdentities, doubtful: Collection[str]
) -> KnownIdentities:
    """Add what the teachers who may be a doubtful row teach, by their schools' accepted rows."""
    rows = [
        roster.persons[key]
        for key in sorted(doubtful)
        if key in roster.persons and roster.persons[key].role is not Role.STUDENT
    ]
    if not rows or not any(one.subject for one in roster.enrolments):
        return known
    others = {
        ref.school_code
        for row in rows
        for human in (*known.elsewhere.get(row.sourced_id, ()), *known.by_snils.get(row.snils, ()))
        if human.is_staff
        for ref in human.keys
    } - {roster.school.code}
    taught: dict[tuple[str, str], set[str]] = defaultdict(set)
    for code in (roster.school.code, *sorted(others)[:MOST_SCHOOLS]):
        accepted = rosters.accepted_roster(session, code)
        for link in accepted.enrolments if accepted else ():
            if link.subject:
                taught[code, link.person_id].add(link.subject)

    def told(human: KnownIdentity) -> KnownIdentity:
        keys = ((one.school_code, one.sourced_id) for one in human.keys)
        found = frozenset[str]().union(*(taught.get(key, ()) for key in keys))
        return replace(human, subjects=found) if found else human

    def all_told(people: Iterable[KnownIdentity]) -> tuple[KnownIdentity, ...]:
        return tuple(told(one) for one in people)

    return KnownIdentities(
        by_key={key: told(one) for key, one in known.by_key.items()},
        by_snils={number: all_told(people) for number, people in known.by_snils.items()},
        own={person_id: told(one) for person_id, one in known.own.items()},
        elsewhere={key: all_told(people) for key, people in known.elsewhere.items()},
    )
