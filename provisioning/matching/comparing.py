"""Which rows cannot be told by their id alone: it is unknown, or somebody else's by now."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import date

from provisioning.evidence import (
    Comparison,
    Described,
    compare,
    given_letters,
    letters,
    normalised_name,
)
from provisioning.matching.known import KnownIdentities, KnownIdentity
from provisioning.roster import Person, Roster

ExactKey = tuple[str, str, str, date | None]
"""Full name in its letters, and birth date."""


def exact_key(record: Described) -> ExactKey:
    """Return what two records of one human share when nothing is mistyped."""
    return (
        letters(record.family_name),
        given_letters(record.given_name),
        letters(record.middle_name),
        record.birth_date,
    )


def name_key(person: Person) -> tuple[str, date]:
    """Return full name and birth date of a row, by which ``Identity`` rows are found."""
    names = person.family_name, person.given_name, person.middle_name
    return normalised_name(*names), person.birth_date


def contradict(one: Described, other: Described) -> bool:
    """Tell whether given names or sexes differ. What one record does not say is no difference.

    A family name says nothing: people marry.
    """
    names = given_letters(one.given_name), given_letters(other.given_name)
    pairs = (names, (one.sex, other.sex))
    return any(ours and theirs and ours != theirs for ours, theirs in pairs)


def resembles(row: Person, known: KnownIdentity) -> bool:
    """Tell whether a row can still be the human whom a person said it is."""
    compared = compare(row, known)
    return not compared.contradicts_a_key or row.snils == known.snils != ""


def doubtful(roster: Roster, by_key: Mapping[str, KnownIdentity]) -> set[str]:
    """Return the sourced ids of the rows for which more must be known than the human of their id:
    the id is unknown, or its human looks otherwise."""
    changed = {key for key, compared in _changed(roster, by_key)}
    return changed | (roster.persons.keys() - by_key.keys())


def contradicted(roster: Roster, known: KnownIdentities) -> set[str]:
    """Return the sourced ids of the rows whose known id has perhaps become somebody else's.

    Too much changed together; or something changed, and what the row says is exactly
    another known human, or what is known is exactly another row.
    """
    found: set[str] = set()
    changed: list[str] = []
    for key, compared in _changed(roster, known.by_key):
        if compared.contradicts_a_key:
            found.add(key)
        else:
            changed.append(key)
    if not changed:
        return found
    people = _by_exact_key({**known.own, **{one.person_id: one for one in known.by_key.values()}})
    rows = _by_exact_key(roster.persons)
    for key in changed:
        row, human = roster.persons[key], known.by_key[key]
        other_human = people[exact_key(row)] - {human.person_id}
        as_before = rows[exact_key(human)] - {key}
        named = {known.by_key[one].person_id for one in as_before if one in known.by_key}
        # The other post of a teacher may still have the old name.
        other_row = bool(as_before) and human.person_id not in named
        if other_human or other_row:
            found.add(key)
    return found


def _changed(
    roster: Roster, by_key: Mapping[str, KnownIdentity]
) -> Iterator[tuple[str, Comparison]]:
    for key, row in roster.persons.items():
        human = by_key.get(key)
        if human is None or _is_unchanged(row, human):
            continue
        compared = compare(row, human)
        if compared.contradicts_a_key or compared.is_changed:
            yield key, compared


def _is_unchanged(row: Person, human: KnownIdentity) -> bool:
    """Tell the usual case fast. What one of both does not say is no change."""
    return (
        row.given_name == human.given_name
        and row.birth_date == human.birth_date
        and row.family_name == human.family_name
        and not (row.middle_name != human.middle_name and row.middle_name and human.middle_name)
        and not (row.sex != human.sex and row.sex and human.sex)
        and not (row.snils != human.snils and row.snils and human.snils)
    )


def _by_exact_key(records: Mapping[str, Described]) -> dict[ExactKey, set[str]]:
    found: dict[ExactKey, set[str]] = defaultdict(set)
    for key, record in records.items():
        found[exact_key(record)].add(key)
    return found


def index(people: Iterable[KnownIdentity]) -> dict[ExactKey, list[KnownIdentity]]:
    """Return people by exact key, in a fixed order."""
    found: dict[ExactKey, list[KnownIdentity]] = defaultdict(list)
    for one in sorted(people, key=lambda one: one.person_id):
        found[exact_key(one)].append(one)
    return found
