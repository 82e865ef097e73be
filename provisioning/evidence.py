"""Evidence: how two records of people compare field by field; what speaks for and against.

Names are compared by their letters only: capitals, ``ё``, blanks, hyphens, apostrophes, composed
and decomposed letters, and Latin letters that look like Cyrillic ones make no difference.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import lru_cache
from typing import Protocol

from rapidfuzz.distance import OSA

from provisioning.questions import Evidence, Speaks

_LOOK_ALIKES = str.maketrans("abekmhopctyxёë", "авекмнорстухее")
"""Latin letters typed for Cyrillic ones, in small letters; capitals are made small before."""
_APOSTROPHES = dict.fromkeys(map(ord, "'’‘ʼ`´ʹ′"))
_SHORT = 4
"""In a shorter name another letter makes another name: Ян and Яна."""


class Described(Protocol):
    """What a row of an export and a known human both say."""

    @property
    def family_name(self) -> str: ...
    @property
    def given_name(self) -> str: ...
    @property
    def middle_name(self) -> str: ...
    @property
    def birth_date(self) -> date | None: ...
    @property
    def sex(self) -> str: ...
    @property
    def snils(self) -> str: ...


class Field(StrEnum):
    FAMILY = "family_name"
    GIVEN = "given_name"
    MIDDLE = "middle_name"
    BIRTH = "birth_date"
    SEX = "sex"
    SNILS = "snils"


class Likeness(StrEnum):
    """How one field of two records compares; the second half of ``Evidence.code``."""

    EQUAL = "equal"
    NEAR = "one_letter"
    """One letter is another one, missing, too much, or two are swapped."""
    SWAPPED = "swapped"
    """Day and month stand in each other's place."""
    ONE_DIGIT = "one_digit"
    """One digit of the date differs."""
    OTHER = "other"
    UNSAID = "unsaid"
    """One record does not say it."""
    NEITHER = "neither"
    """No record says it."""


_EQUAL, _NEAR, _OTHER = Likeness.EQUAL, Likeness.NEAR, Likeness.OTHER
_NEAR_DATES = {Likeness.SWAPPED, Likeness.ONE_DIGIT}
_SILENT = {Likeness.UNSAID, Likeness.NEITHER}


@dataclass(frozen=True, slots=True)
class Comparison:
    """How two records compare."""

    family: Likeness
    given: Likeness
    middle: Likeness
    birth: Likeness
    sex: Likeness
    snils: Likeness
    names_turned: bool
    """Family name and given name stand in each other's place."""

    @property
    def is_exact(self) -> bool:
        """Full name and birth date are equal, and neither sex nor СНИЛС differs."""
        return (
            self.birth is self.given is self.family is _EQUAL
            and self.middle in (_EQUAL, Likeness.NEITHER)
            and not self.is_denied
        )

    @property
    def is_denied(self) -> bool:
        """Sex or СНИЛС, which nobody changes, differ."""
        return self.sex is _OTHER or self.snils is _OTHER

    @property
    def is_namesake(self) -> bool:
        """Exact but for СНИЛС: two people of one name and birth date, or a wrong number."""
        same = self.birth is self.given is self.family is _EQUAL
        named = same and self.middle in (_EQUAL, Likeness.NEITHER)
        return named and self.sex is not _OTHER and self.snils is _OTHER

    @property
    def names_agree(self) -> bool:
        """The names are one human's beyond doubt, where СНИЛС and birth date are equal.

        Another family name is a marriage only where the patronymic is known and the same.
        """
        if self.given is not _EQUAL or self.sex is _OTHER or self.middle is _OTHER:
            return False
        return self.family is not _OTHER or self.middle is _EQUAL

    @property
    def contradicts_a_key(self) -> bool:
        """So much changed together under one id that it may have become another human's."""
        birth_changed = self.birth not in (_EQUAL, *_SILENT)
        middle_changed = self.middle is _OTHER
        if self.names_turned:
            return birth_changed
        if self.given is _OTHER:
            others = birth_changed or middle_changed or self.is_denied
            return others or self.family is not _EQUAL
        if self.family is _OTHER and (middle_changed or self.is_denied):
            return True  # A marriage changes neither.
        if self.birth is _OTHER:
            return self.given is not _EQUAL or self.family is _OTHER or middle_changed
        return birth_changed and self.family is _OTHER

    @property
    def is_changed(self) -> bool:
        """Something is not what it was: somebody else may fit better."""
        told = (self.family, self.given, self.middle, self.birth, self.sex, self.snils)
        return any(one not in (_EQUAL, *_SILENT) for one in told)

    @property
    def is_near(self) -> bool:
        """One typing error, or a new family name, apart from an exact likeness."""
        if self.is_denied or self.is_exact:
            return False
        middle_fits = self.middle is not _OTHER
        if self.birth is _EQUAL:
            if self.names_turned:
                return middle_fits
            if self.given is _EQUAL and self.family in (_EQUAL, _NEAR):
                return True
            if self.given is _EQUAL:
                return self.middle is _EQUAL
            return self.given is _NEAR and self.family is _EQUAL and middle_fits
        named = self.given is _EQUAL and self.family is _EQUAL and middle_fits
        return named and self.birth in _NEAR_DATES

    @property
    def is_very_near(self) -> bool:
        """Near in a way that chance does not make among people of one birth date."""
        same = self.birth is _EQUAL and self.given is _EQUAL and self.is_near
        return same and (
            (self.family is _NEAR and self.middle is _EQUAL)
            or (self.family is _EQUAL and self.middle in (_NEAR, Likeness.UNSAID))
        )


def compare(one: Described, other: Described) -> Comparison:
    """Compare two records of people."""
    family, given = _names(one.family_name, other.family_name), _given(one, other)
    turned = (
        given is not _EQUAL
        and bool(one.family_name and one.given_name)
        and letters(one.family_name) == letters(other.given_name)
        and letters(one.given_name) == letters(other.family_name)
    )
    return Comparison(
        family=family,
        given=given,
        middle=_names(one.middle_name, other.middle_name),
        birth=_dates(one.birth_date, other.birth_date),
        sex=_texts(one.sex, other.sex),
        snils=_texts(one.snils, other.snils),
        names_turned=turned,
    )


def explain(one: Described, other: Described) -> tuple[Evidence, ...]:
    """Say field by field what speaks for and against that two records are one human's."""
    compared = compare(one, other)
    return tuple(_explained(compared, one, other))


def compare_subjects(ours: Collection[str], theirs: Collection[str]) -> Evidence | None:
    """Compare what two teachers teach; None where one of them does not say it.

    It speaks weakly: a teacher takes another subject over, and every school has several of one.
    """
    mine, known = ({letters(one): one for one in some if letters(one)} for some in (ours, theirs))
    if not mine or not known:
        return None
    is_shared = bool(mine.keys() & known.keys())
    return Evidence(
        code="subject.equal" if is_shared else "subject.other",
        speaks=Speaks.FOR if is_shared else Speaks.AGAINST,
        ours=", ".join(sorted(mine.values())),
        theirs=", ".join(sorted(known.values())),
    )


def _explained(compared: Comparison, one: Described, other: Described) -> Iterator[Evidence]:
    if compared.names_turned:
        ours, theirs = (f"{who.family_name} {who.given_name}" for who in (one, other))
        yield Evidence(code="names.turned", speaks=Speaks.FOR, ours=ours, theirs=theirs)
    found = {
        Field.FAMILY: compared.family,
        Field.GIVEN: compared.given,
        Field.MIDDLE: compared.middle,
        Field.BIRTH: compared.birth,
        Field.SEX: compared.sex,
        Field.SNILS: compared.snils,
    }
    for name, likeness in found.items():
        is_turned = compared.names_turned and name in (Field.FAMILY, Field.GIVEN)
        if likeness is Likeness.NEITHER or is_turned:
            continue
        yield Evidence(
            code=f"{name}.{likeness}",
            speaks=_speaks(name, likeness),
            ours=_said(one, name),
            theirs=_said(other, name),
        )


def _speaks(name: Field, likeness: Likeness) -> Speaks:
    if likeness is Likeness.UNSAID or (name is Field.SEX and likeness is _EQUAL):
        return Speaks.NEITHER
    return Speaks.AGAINST if likeness is _OTHER else Speaks.FOR


def _said(record: Described, name: Field) -> str:
    value = getattr(record, name)
    return f"{value:%d.%m.%Y}" if isinstance(value, date) else value


def _given(one: Described, other: Described) -> Likeness:
    """Compare given names; Наталья and Наталия are one."""
    found = _names(one.given_name, other.given_name)
    if found is _NEAR and given_letters(one.given_name) == given_letters(other.given_name):
        return _EQUAL
    return found


def _names(one: str, other: str) -> Likeness:
    ours, theirs = letters(one), letters(other)
    if not ours or not theirs:
        return Likeness.UNSAID if ours or theirs else Likeness.NEITHER
    if ours == theirs:
        return _EQUAL
    long_enough = min(len(ours), len(theirs)) >= _SHORT
    return _NEAR if long_enough and OSA.distance(ours, theirs, score_cutoff=1) <= 1 else _OTHER


def _dates(one: date | None, other: date | None) -> Likeness:
    if one is None or other is None:
        return Likeness.UNSAID if one or other else Likeness.NEITHER
    if one == other:
        return _EQUAL
    if (one.year, one.month, one.day) == (other.year, other.day, other.month):
        return Likeness.SWAPPED
    digits = zip(one.isoformat(), other.isoformat(), strict=True)
    return Likeness.ONE_DIGIT if sum(a != b for a, b in digits) == 1 else _OTHER


def _texts(one: str, other: str) -> Likeness:
    if not one or not other:
        return Likeness.UNSAID if one or other else Likeness.NEITHER
    return _EQUAL if one == other else _OTHER


_AS_CYRILLIC = str.maketrans("ABCEHKMOPTXYaceopxy", "АВСЕНКМОРТХУасеорху")
"""Latin letters that nobody tells from Cyrillic ones, in their own size."""


def is_mistyped(told: str, known: str) -> bool:
    """Tell whether a name is the known one with Latin letters for Cyrillic ones that look alike."""
    return told != known and known != "" and told.translate(_AS_CYRILLIC) == known


@lru_cache(maxsize=100_000)
def letters(name: str) -> str:
    """Return the letters of a name, for comparison only."""
    return "".join(filter(str.isalpha, folded(name)))


def given_letters(name: str) -> str:
    """Return the letters of a given name; endings that are spelled in two ways become one."""
    found = letters(name)
    return f"{found[:-2]}ья" if found.endswith("ия") else found


def folded(text: str) -> str:
    """Return a text in small letters, with one letter for those that look alike."""
    known = unicodedata.normalize("NFC", text).casefold()
    return known.translate(_LOOK_ALIKES).translate(_APOSTROPHES)


def normalised_name(family_name: str, given_name: str, middle_name: str) -> str:
    """Return a full name for look-ups: its words, parted by one blank, in folded letters."""
    full = folded(f"{family_name} {given_name} {middle_name}")
    return " ".join("".join(one if one.isalnum() else " " for one in full).split())
