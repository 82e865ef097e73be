"""Is this the same human? Source keys first, then СНИЛС, then a question for a person."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from provisioning.findings import Finding, rules
from provisioning.roster import Person, Roster

NameKey = tuple[str, date]
"""Normalised full name and birth date."""


_FIELDS = {
    "match.key_reused": "sourced_id",
    "match.snils_conflict": "snils",
    "match.same_name_elsewhere": "birth_date",
}
"""Each rule of this module and the field that it is about."""


@dataclass(frozen=True, kw_only=True, slots=True)
class KnownPerson:
    """What the registry holds about one human, as far as matching needs it."""

    person_id: str
    family_name: str
    given_name: str
    middle_name: str = ""
    birth_date: date | None
    snils: str = ""
    school_code: str
    """The school that speaks for the person, see ``MoodleUser.school_code``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class KnownIdentities:
    """What the registry knows of the people in one roster: three look-ups by its values."""

    by_key: Mapping[str, KnownPerson] = field(default_factory=dict)
    """By sourced id, inside the roster's own source and school; also for ``roster.set_aside``."""
    by_snils: Mapping[str, Collection[KnownPerson]] = field(default_factory=dict)
    """In the whole city; needed for the rows whose key is unknown."""
    by_name: Mapping[NameKey, Collection[KnownPerson]] = field(default_factory=dict)
    """People of other schools by ``name_key``; needed for the rows whose key is unknown."""


class How(StrEnum):
    KNOWN = "known"
    """The source key was known."""
    SNILS = "snils"
    """A new key of a known human: transfer, second school, or a changed key."""
    NEW = "new"


@dataclass(frozen=True, kw_only=True, slots=True)
class Match:
    person_id: str
    how: How


@dataclass(frozen=True, kw_only=True, slots=True)
class Matching:
    matches: Mapping[str, Match] = field(default_factory=dict)
    """By sourced id: every person of the roster but those in doubt. No person id occurs twice."""
    set_aside: frozenset[str] = frozenset()
    """Person ids of known people whose row cannot be used: to be kept exactly as they are."""
    findings: tuple[Finding, ...] = ()


def match(roster: Roster, known: KnownIdentities, new_id: Callable[[], str]) -> Matching:
    """Say for each row of the roster which human it is (FORMAT-FACTS R6).

    Equal СНИЛС alone is no proof: the birth date must agree too, and it must be one human only.
    A person id is given to one row at most.
    """
    reused = {
        sourced_id
        for sourced_id, person in roster.persons.items()
        if sourced_id in known.by_key and _another_human(person, known.by_key[sourced_id])
    }
    matches = {
        sourced_id: Match(person_id=known.by_key[sourced_id].person_id, how=How.KNOWN)
        for sourced_id in roster.persons
        if sourced_id in known.by_key and sourced_id not in reused
    }
    findings = [
        _finding("match.key_reused", roster, roster.persons[sourced_id]) for sourced_id in reused
    ]
    set_aside = frozenset(
        known.by_key[sourced_id].person_id
        for sourced_id in reused | roster.set_aside
        if sourced_id in known.by_key
    )
    taken = set_aside | {found.person_id for found in matches.values()}
    unknown = [person for key, person in roster.persons.items() if key not in known.by_key]
    shared = Counter(person.snils for person in roster.persons.values())
    same_snils = {
        person.sourced_id: known.by_snils.get(person.snils, ())
        for person in unknown
        if person.snils and shared[person.snils] == 1
    }
    proven = {
        sourced_id: person_id
        for sourced_id, others in same_snils.items()
        if (person_id := _only_one_born_on(roster.persons[sourced_id].birth_date, others))
        and person_id not in taken
    }
    taken |= set(proven.values())
    for person in unknown:
        if person.sourced_id in proven:
            found = Match(person_id=proven[person.sourced_id], how=How.SNILS)
            matches[person.sourced_id] = found
            continue
        matches[person.sourced_id] = Match(person_id=new_id(), how=How.NEW)
        others = same_snils.get(person.sourced_id, ())
        if others and all(one.birth_date != person.birth_date for one in others):
            findings.append(_finding("match.snils_conflict", roster, person))
        namesakes = [
            one
            for one in known.by_name.get(name_key(person), ())
            if one.person_id not in taken and _may_share_snils(person, one)
        ]
        if namesakes:
            schools = ", ".join(sorted({one.school_code for one in namesakes}))
            findings.append(_finding("match.same_name_elsewhere", roster, person, schools=schools))
    findings.sort(key=lambda finding: (finding.file, finding.line or 0, finding.sourced_id))
    return Matching(matches=matches, set_aside=set_aside, findings=tuple(findings))


def name_key(person: Person) -> NameKey:
    """The key of ``KnownIdentities.by_name`` for a row."""
    return (
        normalised_name(person.family_name, person.given_name, person.middle_name),
        person.birth_date,
    )


def normalised_name(family_name: str, given_name: str, middle_name: str) -> str:
    """A full name for comparison only: case, ``ё``, blanks and hyphens make no difference."""
    full = f"{family_name} {given_name} {middle_name}".casefold().replace("ё", "е")
    return " ".join(full.replace("-", " ").split())


def _another_human(person: Person, known: KnownPerson) -> bool:
    """Birth date and name both differ: a marriage or a corrected date alone is the same human."""
    if known.birth_date in (None, person.birth_date):
        return False
    now = normalised_name(person.family_name, person.given_name, "")
    return now != normalised_name(known.family_name, known.given_name, "")


def _only_one_born_on(birth_date: date, others: Collection[KnownPerson]) -> str:
    """The person id, or empty: nobody, or more than one."""
    found = [one.person_id for one in others if one.birth_date == birth_date]
    return found[0] if len(found) == 1 else ""


def _may_share_snils(person: Person, known: KnownPerson) -> bool:
    return not person.snils or not known.snils or person.snils == known.snils


def _finding(rule: str, roster: Roster, person: Person, **details: str) -> Finding:
    return Finding(
        rule=rule,
        severity=rules()[rule],
        file=person.file,
        line=person.line or None,
        school_code=roster.school.code,
        sourced_id=person.sourced_id,
        person=person.full_name,
        field_name=_FIELDS[rule],
        details=details,
    )
