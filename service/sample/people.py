"""Invented people: who somebody is, computed from a key and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from hashlib import blake2b

from service.sample.names import (
    EASTERN_FATHERS,
    FEMININE_NAMES,
    FOREIGN_NAMES,
    MASCULINE_FAMILY_NAMES,
    MASCULINE_NAMES,
    RARE_FAMILY_NAMES,
    feminine,
)

_MASCULINE_GIVEN_NAMES = [given for given, _, _ in MASCULINE_NAMES]

_SNILS_BASE = 900_000_000
"""The first number that is not issued: a sample never carries a living person's number."""
_SNILS_SPAN = 99_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Human:
    """A human, whichever schools list them."""

    key: str
    """Unique in the city and the same in every month; never written to a file."""
    family_name: str
    given_name: str
    middle_name: str
    sex: str
    """``M`` or ``F``."""
    birth_date: date
    snils: str
    """Eleven digits with a valid check number, or empty."""


def draw(limit: int, *words: object) -> int:
    """A number from 0 to ``limit`` - 1 that depends on the words alone.

    Not ``random.Random``: a keyed hash gives the same number on any machine, in any order and for
    one person without making the others, so a month of one school is computed without the city.
    """
    text = "|".join(map(str, words)).encode()
    return int.from_bytes(blake2b(text, digest_size=8).digest(), "big") % limit


def make_human(
    key: str, *, seed: int, birth_date: date, snils: str, household: str = "", sex: str = ""
) -> Human:
    """The person with this key.

    Twins share ``household`` (the key of the elder); the younger one never gets the same name.
    """
    family_key = household or key
    sex = sex or "MF"[draw(2, seed, key, "sex")]
    if not household and draw(150, seed, key, "foreign") == 0:
        family, given = FOREIGN_NAMES[sex][draw(len(FOREIGN_NAMES[sex]), seed, key, "name")]
        middle = ""
    else:
        family = family_name(family_key, seed=seed, sex=sex)
        names = _MASCULINE_GIVEN_NAMES if sex == "M" else FEMININE_NAMES
        shift = 1 if household and household != key else 0
        given = names[(draw(len(names), seed, family_key, "name") + shift) % len(names)]
        middle = _patronymic(family_key, seed=seed, sex=sex)
    return Human(
        key=key,
        family_name=family,
        given_name=given,
        middle_name=middle,
        sex=sex,
        birth_date=birth_date,
        snils=snils,
    )


def family_name(key: str, *, seed: int, sex: str) -> str:
    """A family name in its form for ``sex``: plain, double or rare."""
    kind = draw(100, seed, key, "kind of family name")
    if kind < 2:
        return RARE_FAMILY_NAMES[draw(len(RARE_FAMILY_NAMES), seed, key, "rare")]
    parts = [MASCULINE_FAMILY_NAMES[draw(len(MASCULINE_FAMILY_NAMES), seed, key, "family")]]
    if kind < 5:
        parts.append(MASCULINE_FAMILY_NAMES[draw(len(MASCULINE_FAMILY_NAMES), seed, key, "second")])
    return "-".join(feminine(part) if sex == "F" else part for part in dict.fromkeys(parts))


def _patronymic(key: str, *, seed: int, sex: str) -> str:
    kind = draw(100, seed, key, "kind of patronymic")
    if kind < 2:
        return ""
    if kind < 4:
        father = EASTERN_FATHERS[draw(len(EASTERN_FATHERS), seed, key, "father")]
        return f"{father} {'оглы' if sex == 'M' else 'кызы'}"
    _, son, daughter = MASCULINE_NAMES[draw(len(MASCULINE_NAMES), seed, key, "father")]
    return son if sex == "M" else daughter


def student_birth_date(key: str, *, seed: int, grade: int, school_year: int, ordinal: int) -> date:
    """A birth date of somebody who is 6.5 to 7.5 years old on the 1 September of grade 1.

    Some are born on 29 February where the grade allows it, some have the 01.01 of an unknown day.
    """
    first = date(school_year - 6 - grade, 3, 1)
    last = date(school_year - 5 - grade, 3, 1) - timedelta(days=1)
    if ordinal % 40 == 7 and last.day == 29:
        return last
    if ordinal % 90 == 45:
        return date(last.year, 1, 1)
    return first + timedelta(days=draw((last - first).days + 1, seed, key, "birth date"))


def staff_birth_date(key: str, *, seed: int, school_year: int) -> date:
    """A birth date of somebody between 22 and 68."""
    return date(school_year - 68, 1, 1) + timedelta(days=draw(46 * 365, seed, key, "birth date"))


def snils(serial: int, *, seed: int) -> str:
    """The insurance number of the person with this serial in the city, with its check number.

    The check number is the weighted sum of the digits modulo 101, with 100 written as 00
    (Pension Fund rule for numbers above 001-001-998).
    """
    number = _SNILS_BASE + (draw(_SNILS_SPAN, seed, "snils") + serial) % _SNILS_SPAN
    weighted = sum(
        int(digit) * weight for digit, weight in zip(str(number), range(9, 0, -1), strict=True)
    )
    return f"{number}{weighted % 101 % 100:02d}"
