"""An outside identity beside one of our people: what agrees, what differs, what is not known."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from difflib import SequenceMatcher
from enum import StrEnum
from typing import Protocol

SNILS_DIGITS = 11
FIRST_WITH_CHECKSUM = 1_001_998
"""Numbers up to 001-001-998 were given out before there were check digits."""
PARENT_YEARS = 12
"""Born so many years apart, two people are parent and child sooner than one with a typing error."""


class Agreement(StrEnum):
    SAME = "same"
    DIFFERENT = "different"
    UNKNOWN = "unknown"
    """At least one side does not say."""


class Described(Protocol):
    """A human by name, birth date and СНИЛС: an ``OutsideIdentity``, an ``Account``, a request."""

    @property
    def family_name(self) -> str: ...
    @property
    def given_name(self) -> str: ...
    @property
    def middle_name(self) -> str: ...
    @property
    def birth_date(self) -> date | None: ...
    @property
    def snils(self) -> str: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    name: Agreement
    birth_date: Agreement
    snils: Agreement

    @property
    def contradicts(self) -> bool:
        return Agreement.DIFFERENT in {self.name, self.birth_date, self.snils}


def compare(one: Described, other: Described) -> Comparison:
    """Compare two humans. A patronymic that one side lacks is no difference; a СНИЛС with a wrong
    check digit is none at all."""
    return Comparison(
        name=_compare_names(one, other),
        birth_date=_compare(one.birth_date, other.birth_date),
        snils=_compare(valid_snils(one.snils), valid_snils(other.snils)),
    )


def is_another_human(one: Described, other: Described) -> bool:
    """Tell whether no administrator may link these two: name and birth date both differ, or they
    could be parent and child of one name. So large a mistake is for the school's record."""
    compared = compare(one, other)
    if compared.birth_date != Agreement.DIFFERENT or not (one.birth_date and other.birth_date):
        return False
    years = abs(one.birth_date.year - other.birth_date.year)
    return compared.name == Agreement.DIFFERENT or years >= PARENT_YEARS


def likeness(one: Described, other: Described) -> float:
    """Say how alike two full names are, from 0 to 1, for a list of near candidates."""
    here, there = _full_name(one), _full_name(other)
    return SequenceMatcher(a=here, b=there, autojunk=False).ratio()


def plain_name(name: str) -> str:
    """Return a name for comparison only: case, ``ё``, blanks and hyphens make no difference."""
    return " ".join(name.casefold().replace("ё", "е").replace("-", " ").split())


def valid_snils(snils: str) -> str:
    """Return the eleven digits, or nothing when they cannot be anybody's (Pension Fund order 192п
    of 2014-06-19: the last two are a weighted sum of the first nine)."""
    if len(snils) != SNILS_DIGITS or not (snils.isascii() and snils.isdigit()):
        return ""
    number, check = int(snils[:9]), int(snils[9:])
    if number <= FIRST_WITH_CHECKSUM:
        return snils if number else ""
    total = sum(int(digit) * weight for digit, weight in zip(snils, range(9, 0, -1), strict=False))
    return snils if total % 101 % 100 == check else ""


def masked_snils(snils: str) -> str:
    """Show only the last two digits, for people to recognise it; empty stays empty."""
    return f"•••-•••-••• {snils[-2:]}" if snils else ""


def _full_name(one: Described) -> str:
    return " ".join(map(plain_name, (one.family_name, one.given_name, one.middle_name)))


def _compare_names(one: Described, other: Described) -> Agreement:
    required = [
        (plain_name(one.family_name), plain_name(other.family_name)),
        (plain_name(one.given_name), plain_name(other.given_name)),
    ]
    patronymics = plain_name(one.middle_name), plain_name(other.middle_name)
    if not all(text for pair in required for text in pair):
        return Agreement.UNKNOWN
    if any(here != there for here, there in required):
        return Agreement.DIFFERENT
    return Agreement.DIFFERENT if all(patronymics) and len(set(patronymics)) > 1 else Agreement.SAME


def _compare(one: date | str | None, other: date | str | None) -> Agreement:
    if not one or not other:
        return Agreement.UNKNOWN
    return Agreement.SAME if one == other else Agreement.DIFFERENT
