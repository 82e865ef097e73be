"""The values of matching: whom the registry knows, and who each row is."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from provisioning.findings import Finding
from provisioning.questions import Question, RowRef
from provisioning.roster import Role

BY_HAND = "by-hand-"
"""What the sourced ids begin with that operators give to people whom they enter."""


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
    """The key in that school's export; not in ``KnownIdentities.by_key``, as the next two."""
    file: str = ""
    line: int = 0
    """Where the newest export of that school names the person, as far as it is known."""
    role: str = ""
    """A ``roster.Role`` value on the roll, else of the account; empty when nothing was applied."""
    class_id: str = ""
    """Of the home class, in the school that asks or else the one that speaks for the person."""
    class_title: str = ""
    subjects: frozenset[str] = frozenset()
    """What a teacher teaches, by the newest rows that are kept; empty when nothing says so."""
    listed: frozenset[str] = frozenset()
    """Codes of the schools on whose rolls the person is, as they were last applied."""
    keys: tuple[RowRef, ...] = ()
    """Where exports name this human."""
    handed_over: bool = False
    """The school that asks has this human of one that it took over, or of which it was a part, and
    no row of its own has named them yet: a new id and another class title say nothing."""

    def is_by_hand(self, school_code: str) -> bool:
        """Tell whether only an operator has named this human at a school, and no export yet."""
        ours = [one.sourced_id for one in self.keys if one.school_code == school_code]
        return bool(ours) and all(one.startswith(BY_HAND) for one in ours)

    @property
    def is_staff(self) -> bool:
        return self.role not in ("", Role.STUDENT)


@dataclass(frozen=True, kw_only=True, slots=True)
class KnownIdentities:
    """What the registry knows of the people in one roster."""

    by_key: Mapping[str, KnownIdentity] = field(default_factory=dict)
    """By sourced id, inside the roster's own source and school; also for ``roster.set_aside``."""
    by_snils: Mapping[str, Collection[KnownIdentity]] = field(default_factory=dict)
    """People of the whole city by СНИЛС, those too whom the roster's own rows name by their key."""
    own: Mapping[str, KnownIdentity] = field(default_factory=dict)
    """By person id: everybody with a key in this school. Needed where rows are ``doubtful``."""
    elsewhere: Mapping[str, Collection[KnownIdentity]] = field(default_factory=dict)
    """By sourced id of a doubtful row: people without a key in this school who may be its human."""


class How(StrEnum):
    KNOWN = "known"
    """The source key was known."""
    SNILS = "snils"
    """A new key of a known human: transfer, second school, or a changed key."""
    EVIDENCE = "evidence"
    """A new key of a human of this school, told by name, birth date and class."""
    DECIDED = "decided"
    """A person said who it is; the key may have been somebody else's."""
    SECOND_ROW = "second_row"
    """A further row of a human who has another row in the file."""
    NEW = "new"
    """Somebody nobody knows; the key may have been somebody else's."""

    @property
    def was_known(self) -> bool:
        """The human was known, and the key was not theirs until now."""
        return self in (How.SNILS, How.EVIDENCE, How.DECIDED)


@dataclass(frozen=True, kw_only=True, slots=True)
class Match:
    person_id: str
    how: How


@dataclass(frozen=True, kw_only=True, slots=True)
class Matching:
    matches: Mapping[str, Match] = field(default_factory=dict)
    """By sourced id: every person of the roster but those in doubt. A person id occurs twice only
    with ``second_rows``."""
    second_rows: frozenset[str] = frozenset()
    """Sourced ids of further rows of a human: what they say of places counts, the rest does not."""
    waiting: Mapping[str, str] = field(default_factory=dict)
    """Sourced ids of the rows that wait for an answer -> the likeliest person id."""
    set_aside: frozenset[str] = frozenset()
    """Person ids of known people whose row cannot be used: to be kept exactly as they are."""
    numberless: frozenset[str] = frozenset()
    """Sourced ids of the rows whose СНИЛС belongs to another human and is not used."""
    contradicted: int = 0
    """How many rows with a known id describe somebody whom this school has never had."""
    findings: tuple[Finding, ...] = ()
    questions: tuple[Question, ...] = ()

    @property
    def likely(self) -> dict[str, str]:
        """By sourced id: who each row is, or most likely is while it waits for an answer.

        Enough to know a class by the people in it; nobody's account follows from it.
        """
        waiting = {key: person_id for key, person_id in self.waiting.items() if person_id}
        return waiting | {key: one.person_id for key, one in self.matches.items()}
