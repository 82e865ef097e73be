"""Which school is it? Decides whether a file's unknown code is a new school or one that we know.

Codes change, schools are merged and split, and codes are typed with look-alike letters. A school is
told by its people: how many of the file are known at one school, how much of its roll they are.

| People of the file known at a school | Verdict |
|---|---|
| fewer than ``FEW``, or less than half of the file and of the school's roll | a new school |
| fewer than ``SOME``, and not half of both | a new school |
| more | a question: that school under a new code, or a part of it |
| the codes differ in spelling only | that school, if it has no people yet or half of the file |
| the same, and the registry has both | as if they differed |

A split moves a part of the roll and is a question too: only a person knows whether the rest stays.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from provisioning.questions import Candidate, Evidence, Question, QuestionKind, RowRef, Speaks

FEW = 3
"""Fewer people than this prove nothing: a teacher works at several schools."""
SOME = 10
"""Fewer people than this must be half of the file and half of the roll."""
HALF = 0.5
MOST_CANDIDATES = 3

_ALIKE = str.maketrans("авекмнорстухёзo", "abekmh0pctyxe30")
"""Cyrillic letters and signs typed for Latin ones, in small letters; ``o`` for zero."""


class By(StrEnum):
    """What a person of the file is known by."""

    ID = "id"
    """The id of the same source, under which that school has a human of this name or birth date."""
    SNILS = "snils"
    """СНИЛС and birth date."""
    NAME = "name"
    """Full name and birth date."""


@dataclass(frozen=True, kw_only=True, slots=True)
class KnownSchool:
    """A school that we know, and who of the file is known there."""

    code: str
    name: str = ""
    roll: int = 0
    """People on its roll."""
    known: Mapping[By, Collection[str]] = field(default_factory=dict)
    """Sourced ids of the file's people who are known there, by what."""
    in_upload: bool = False
    """The same upload holds a file under the school's own code."""

    @property
    def people(self) -> int:
        return len(set().union(*self.known.values()))


class Verdict(StrEnum):
    NEW = "new"
    SAME = "same"
    """The codes differ in spelling only; ``code`` names the school."""
    ASK = "ask"


@dataclass(frozen=True, kw_only=True, slots=True)
class Identified:
    verdict: Verdict
    code: str = ""
    candidates: tuple[KnownSchool, ...] = ()
    """The likeliest first."""


def folded_code(code: str) -> str:
    """Return a code for comparison: case, look-alike letters, blanks, dashes and leading zeros make
    no difference."""
    text = unicodedata.normalize("NFKC", code).casefold().translate(_ALIKE)
    return "".join(filter(str.isalnum, text)).lstrip("0")


def identify(
    code: str,
    people: int,
    schools: Sequence[KnownSchool],
    *,
    refused: Collection[str] = (),
    is_registered: bool = False,
) -> Identified:
    """Say which school a file of an unknown code with so many people is.

    ``refused``: codes of schools that a person said it is not. ``is_registered``: the registry has
    a school of exactly this code, so that it is no misspelled one; its people may still be another.
    """
    open_ones = [one for one in schools if one.code not in refused]
    alike = [
        one for one in open_ones if folded_code(one.code) == folded_code(code) and not is_registered
    ]
    if len(alike) == 1 and (not alike[0].roll or alike[0].people >= HALF * people):
        return Identified(verdict=Verdict.SAME, code=alike[0].code)
    likely = sorted(
        (one for one in open_ones if one in alike or _is_likely(one, people)),
        key=lambda one: (-one.people, one.code),
    )
    if not likely:
        return Identified(verdict=Verdict.NEW)
    return Identified(verdict=Verdict.ASK, candidates=tuple(likely[:MOST_CANDIDATES]))


def _is_likely(school: KnownSchool, people: int) -> bool:
    known = school.people
    halves = (known >= HALF * people, known >= HALF * school.roll)
    return known >= FEW and (any(halves) if known >= SOME else all(halves))


def school_question(code: str, name: str, people: int, found: Identified) -> Question:
    """Return the question whether the file's school is one of the candidates."""
    return Question(
        kind=QuestionKind.SCHOOL,
        school_code=code,
        key=code,
        rows=(RowRef(school_code=code, sourced_id=""),),
        candidates=tuple(
            Candidate(
                key=one.code,
                memberships=(RowRef(school_code=one.code, sourced_id=""),),
                evidence=tuple(_evidence(code, name, people, one)),
            )
            for one in found.candidates
        ),
    )


def _evidence(code: str, name: str, people: int, school: KnownSchool) -> list[Evidence]:
    """What speaks for and against: counts are ``theirs`` of ``ours``, known of all."""
    found = [
        Evidence(
            code="school.people_known",
            speaks=Speaks.FOR if school.people >= HALF * people else Speaks.NEITHER,
            ours=str(people),
            theirs=str(school.people),
        )
    ]
    for by in By:
        if count := len(school.known.get(by, ())):
            found.append(
                Evidence(
                    code=f"school.known_by_{by}", speaks=Speaks.NEITHER, ours=str(people),
                    theirs=str(count),
                )
            )  # fmt: skip
    found.append(
        Evidence(
            code="school.of_roll",
            speaks=Speaks.FOR if school.people >= HALF * school.roll else Speaks.AGAINST,
            ours=str(school.roll),
            theirs=str(school.people),
        )
    )
    if folded_code(code) == folded_code(school.code):
        found.append(
            Evidence(code="school.code_alike", speaks=Speaks.FOR, ours=code, theirs=school.code)
        )
    same_name = name.casefold().split() == school.name.casefold().split()
    found.append(
        Evidence(
            code="school.name_equal" if same_name else "school.name_differs",
            speaks=Speaks.FOR if same_name else Speaks.NEITHER,
            ours=name,
            theirs=school.name,
        )
    )
    if school.in_upload:
        found.append(Evidence(code="school.own_file", speaks=Speaks.AGAINST, theirs=school.code))
    return found
