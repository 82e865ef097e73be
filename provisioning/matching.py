"""Is this the same human? Source keys first, then СНИЛС, then a question for a person."""

from __future__ import annotations

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum

from provisioning.findings import Finding, about
from provisioning.questions import Question
from provisioning.roster import Person, Roster

NameKey = tuple[str, date]
"""Normalised full name and birth date."""

_LOOK_ALIKES = str.maketrans("abekmhopctyxёë", "авекмнорстухее")
"""Latin letters typed for Cyrillic ones, in small letters; capitals are made small before."""


@dataclass(frozen=True, kw_only=True, slots=True)
class KnownIdentity:
    """What the registry holds about one human, as far as matching needs it."""

    person_id: str
    family_name: str
    given_name: str
    middle_name: str = ""
    birth_date: date | None
    sex: str = ""
    """``M``, ``F`` or empty: no row has said so far."""
    snils: str = ""
    school_code: str
    """The school that speaks for the person, see ``MoodleUser.school_code``."""
    sourced_id: str = ""
    """The key in that school's export; only in ``KnownIdentities.by_snils``, as the next two."""
    file: str = ""
    line: int = 0
    """Where the newest export of that school names the person, as far as it is known."""


@dataclass(frozen=True, kw_only=True, slots=True)
class KnownIdentities:
    """What the registry knows of the people in one roster: three look-ups by its values."""

    by_key: Mapping[str, KnownIdentity] = field(default_factory=dict)
    """By sourced id, inside the roster's own source and school; also for ``roster.set_aside``."""
    by_snils: Mapping[str, Collection[KnownIdentity]] = field(default_factory=dict)
    """People of the whole city by СНИЛС, those too whom the roster's own rows name by their key."""
    by_name: Mapping[NameKey, Collection[KnownIdentity]] = field(default_factory=dict)
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
    numberless: frozenset[str] = frozenset()
    """Sourced ids of the rows whose СНИЛС belongs to another human and is not used."""
    findings: tuple[Finding, ...] = ()
    questions: tuple[Question, ...] = ()


def match(roster: Roster, known: KnownIdentities, new_id: Callable[[], str]) -> Matching:
    """Say for each row of the roster which human it is (docs/facts/paragraf.md R6).

    Equal СНИЛС alone is no proof: the birth date must agree too, the records may not
    ``contradict`` each other, and it must be one human only. A person id is given to one row at
    most, and a number stays with whom we know by it.
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
        about("match.key_reused", roster, roster.persons[sourced_id], "sourced_id")
        for sourced_id in reused
    ]
    set_aside = frozenset(
        known.by_key[sourced_id].person_id
        for sourced_id in reused | roster.set_aside
        if sourced_id in known.by_key
    )
    taken = set_aside | {found.person_id for found in matches.values()}
    unknown = [person for key, person in roster.persons.items() if key not in known.by_key]
    proven = _proven(unknown, known, taken)
    taken |= set(proven.values())
    for person in unknown:
        if person.sourced_id in proven:
            found = Match(person_id=proven[person.sourced_id], how=How.SNILS)
            matches[person.sourced_id] = found
            continue
        matches[person.sourced_id] = Match(person_id=new_id(), how=How.NEW)
        namesakes = [
            one
            for one in known.by_name.get(name_key(person), ())
            if one.person_id not in taken and _may_share_snils(person, one)
        ]
        if namesakes:
            schools = ", ".join(sorted({one.school_code for one in namesakes}))
            rule = "match.same_name_elsewhere"
            findings.append(about(rule, roster, person, "birth_date", schools=schools))
    numberless, about_numbers = _foreign_numbers(roster, known, matches)
    findings += about_numbers
    findings.sort(key=lambda finding: (finding.file, finding.line or 0, finding.sourced_id))
    return Matching(
        matches=matches, set_aside=set_aside, numberless=numberless, findings=tuple(findings)
    )


def without_foreign_numbers(roster: Roster, found: Matching) -> Roster:
    """The roster without each СНИЛС that is another human's."""
    changed = {key: replace(roster.persons[key], snils="") for key in found.numberless}
    return replace(roster, persons={**roster.persons, **changed}) if changed else roster


def _proven(
    unknown: Iterable[Person], known: KnownIdentities, taken: Collection[str]
) -> dict[str, str]:
    """Sourced id -> person id of the rows that СНИЛС and birth date prove to be a known human."""
    claims: dict[str, str] = {}
    for person in unknown:
        fitting = [
            one.person_id
            for one in known.by_snils.get(person.snils, ())
            if one.birth_date == person.birth_date and not contradict(person, one)
        ]
        if person.snils and len(fitting) == 1 and fitting[0] not in taken:
            claims[person.sourced_id] = fitting[0]
    claimed = Counter(claims.values())
    return {key: person_id for key, person_id in claims.items() if claimed[person_id] == 1}


def _foreign_numbers(
    roster: Roster, known: KnownIdentities, matches: Mapping[str, Match]
) -> tuple[frozenset[str], list[Finding]]:
    """Return the rows with another human's СНИЛС, and a finding for every number of two humans."""
    rows_by_number: dict[str, list[Person]] = defaultdict(list)
    for person in roster.persons.values():
        if person.snils and person.sourced_id in matches:
            rows_by_number[person.snils].append(person)
    now = {one.person_id: roster.persons[key].snils for key, one in matches.items()}
    numberless: set[str] = set()
    findings: list[Finding] = []
    for number, rows in rows_by_number.items():
        holders = [
            one
            for one in known.by_snils.get(number, ())
            # A number that the person's own school has corrected is free.
            if one.school_code != roster.school.code or now.get(one.person_id, number) == number
        ]
        if len(rows) == 1 and not holders:
            continue
        described = {(row.birth_date, row.given_name, row.sex): row for row in rows}
        for person in rows:
            own = matches[person.sourced_id].person_id
            others = [one for one in holders if one.person_id != own]
            elsewhere = [one for one in others if one.birth_date != person.birth_date]
            against = _first_against(person, [*described.values(), *others])
            if not (against or elsewhere):
                continue
            if is_new := len(others) == len(holders):
                numberless.add(person.sourced_id)
            if against:
                findings.append(_two_names(roster, person, against))
            elif is_new and len(elsewhere) == len(others):
                findings.append(about("match.snils_conflict", roster, person, "snils"))
    return frozenset(numberless), findings


def _first_against(
    person: Person, records: Iterable[Person | KnownIdentity]
) -> Person | KnownIdentity | None:
    """Return the first record of the same birth date that has another given name or sex."""
    same_day = (one for one in records if one.birth_date == person.birth_date)
    return next((one for one in same_day if contradict(one, person)), None)


def contradict(one: Person | KnownIdentity, other: Person | KnownIdentity) -> bool:
    """Tell whether given names or sexes differ. What one record does not say is no difference.

    A family name says nothing: people marry.
    """
    pairs = (map(_given_name_key, (one.given_name, other.given_name)), (one.sex, other.sex))
    return any(ours and theirs and ours != theirs for ours, theirs in pairs)


def _given_name_key(name: str) -> str:
    """A given name for comparison only: case, ``ё``, Latin look-alikes, blanks, hyphens and
    apostrophes make no difference."""
    letters = unicodedata.normalize("NFC", name).casefold().translate(_LOOK_ALIKES)
    return "".join(filter(str.isalpha, letters))


def _two_names(roster: Roster, person: Person, other: Person | KnownIdentity) -> Finding:
    school = other.school_code if isinstance(other, KnownIdentity) else roster.school.code
    return about(
        "match.snils_other_name",
        roster,
        person,
        "snils",
        other_school=school,
        other_file=other.file or "—",
        other_line=str(other.line or "—"),
        other_id=other.sourced_id or "—",
    )


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


def _another_human(person: Person, known: KnownIdentity) -> bool:
    """Tell whether birth date and name both differ; a marriage or a corrected date alone is
    allowed."""
    if known.birth_date in (None, person.birth_date):
        return False
    now = normalised_name(person.family_name, person.given_name, "")
    return now != normalised_name(known.family_name, known.given_name, "")


def _may_share_snils(person: Person, known: KnownIdentity) -> bool:
    return not person.snils or not known.snils or person.snils == known.snils
