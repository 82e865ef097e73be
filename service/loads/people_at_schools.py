"""At which schools the people of a file are known, by what: look-ups for whole files.

Used when a file's school is in doubt: a code that nobody knows, or rows that are not of the school.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import date

from sqlalchemy import func, select, tuple_
from sqlalchemy.orm import Session

from provisioning import matching
from provisioning.roster import Person, Roster
from provisioning.school_identity import By, KnownSchool
from service.db import rows_among
from service.models import Identity, School, SchoolMembership, SourceKey

MOST_SCHOOLS = 5
"""Schools with the most people of a file that are looked at closely."""

KnownAt = dict[str, dict[By, set[str]]]
"""School code -> by what -> sourced ids of the file's people who are known there."""


def known_schools(
    session: Session,
    roster: Roster,
    people: Mapping[str, Person],
    *,
    besides: Collection[str] = (),
    always: Collection[str] = (),
) -> list[KnownSchool]:
    """Return the schools at which most of these people are known, the one with the most first.

    People are known where a school's applied file named them: at the school that speaks for them
    and at each that lists them. ``besides``: codes of schools that do not count. ``always``: codes
    that are looked at even if nobody is known there.
    """
    found = _by_numbers_and_names(session, people)
    counts = {code: len(set().union(*known.values())) for code, known in found.items()}
    rolls = _rolls(session, [*found, *always])
    most = sorted(rolls, key=lambda code: (-counts.get(code, 0), code))
    chosen = [code for code in most if code in always or (counts.get(code) and rolls[code])]
    schools = []
    for code in chosen[: MOST_SCHOOLS + len(always)]:
        if code in besides:
            continue
        known = dict(found.get(code, {}))
        if by_id := _by_ids(session, roster, people, code):
            known[By.ID] = by_id
        name = session.get_one(School, code).short_name
        schools.append(KnownSchool(code=code, name=name, roll=rolls[code], known=known))
    return sorted(schools, key=lambda one: (-one.people, one.code))


def _by_numbers_and_names(session: Session, people: Mapping[str, Person]) -> KnownAt:
    by_number: dict[tuple[str, date], set[str]] = defaultdict(set)
    by_name: dict[tuple[str, date], set[str]] = defaultdict(set)
    for key, person in people.items():
        if person.snils:
            by_number[person.snils, person.birth_date].add(key)
        by_name[matching.name_key(person)].add(key)
    humans: dict[str, dict[By, set[str]]] = defaultdict(lambda: defaultdict(set))
    """Person id -> by what -> sourced ids."""
    schools: dict[str, set[str]] = defaultdict(set)
    query = select(Identity.person_id, Identity.school_code)
    numbers = query.add_columns(Identity.snils, Identity.birth_date)
    names = query.add_columns(Identity.name_key, Identity.birth_date)
    named = tuple_(Identity.name_key, Identity.birth_date)
    ways = (
        (By.SNILS, by_number, numbers, Identity.snils, sorted({one for one, _day in by_number})),
        (By.NAME, by_name, names, named, sorted(by_name)),
    )
    for by, keys, asked, column, values in ways:
        for person_id, school_code, said, born in rows_among(session, asked, column, values):
            if rows := keys.get((said, born)):
                humans[person_id][by] |= rows
                schools[person_id].add(school_code)
    listed = select(SchoolMembership.person_id, SchoolMembership.school_code)
    column = SchoolMembership.person_id
    for person_id, school_code in rows_among(session, listed, column, sorted(humans)):
        schools[person_id].add(school_code)
    found: KnownAt = defaultdict(lambda: defaultdict(set))
    for person_id, ways_of_one in humans.items():
        for by, rows in ways_of_one.items():
            for school_code in schools[person_id]:
                found[school_code][by] |= rows
    return found


def _by_ids(
    session: Session, roster: Roster, people: Mapping[str, Person], school_code: str
) -> set[str]:
    """Return the ids that name a human of the same name or birth date at that school.

    An id alone proves nothing: the pupils of every school are numbered from one.
    """
    query = (
        select(SourceKey.sourced_id, Identity.name_key, Identity.birth_date)
        .join(Identity)
        .where(SourceKey.source == roster.source, SourceKey.school_code == school_code)
    )
    agreeing = set()
    for key, name, born in rows_among(session, query, SourceKey.sourced_id, people):
        said, day = matching.name_key(people[key])
        if name == said or born == day:
            agreeing.add(key)
    return agreeing


def _rolls(session: Session, codes: Iterable[str]) -> dict[str, int]:
    """Return the people on the roll of each of these schools, as far as we know the school."""
    rolls = {code: 0 for (code,) in rows_among(session, select(School.code), School.code, codes)}
    counted = select(SchoolMembership.school_code, func.count()).group_by(
        SchoolMembership.school_code
    )
    rolls |= dict(rows_among(session, counted, SchoolMembership.school_code, sorted(rolls)))
    return rolls
