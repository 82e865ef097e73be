"""Schools and classes in the words of an account: institution, department, names of cohorts."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from provisioning.adoption.accounts import Account
from provisioning.evidence import folded

_CLASS = re.compile(r"(?<!\d)(1[0-2]|[1-9])\s*[-–—]?\s*[«\"“„']?\s*([а-я])[»\"”']?(?![а-я])")
_NUMBER = re.compile(r"(?:№|\bn|школа|гимназия|лицей)\s*(\d{1,4})(?!\d)")
_KINDS = ("гимназия", "лицей", "интернат", "центр", "школа")
_NOT_LETTERS = re.compile(r"[^0-9a-zа-я]+")
_WORD_CLASS = re.compile(r"\b(класс|кл|учащийся|учащиеся|ученики)\b\.?")


@lru_cache(maxsize=50_000)
def squeezed(text: str) -> str:
    """Return a text by its letters and digits only."""
    return _NOT_LETTERS.sub("", folded(text))


@dataclass(frozen=True, kw_only=True, slots=True)
class KnownSchool:
    """A school of ours with the words that could name it."""

    code: str
    name: str = ""
    short_name: str = ""
    number: str = ""


class SchoolWords:
    """Finds the one school that the words of an account name."""

    def __init__(self, schools: Iterable[KnownSchool]) -> None:
        self._by_text: dict[str, set[str]] = defaultdict(set)
        self._by_number: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
        for one in schools:
            for text in (one.code, one.name, one.short_name):
                if letters_only := squeezed(text):
                    self._by_text[letters_only].add(one.code)
            numbers = {one.number} if one.number else set(_numbers(one.short_name or one.name))
            for number in numbers:
                for kind in (_kind(f"{one.short_name} {one.name}"), ""):
                    self._by_number[number][kind].add(one.code)

    def school_of(self, account: Account) -> str:
        """Return the code of the school; empty when the words name none, or several."""
        for text in (account.institution, account.department, *account.cohorts):
            if found := self.named(text):
                return found
        return ""

    def one_of(self, account: Account) -> frozenset[str]:
        """Return the codes of the schools that share the words of the account; empty when they
        name one, or none."""
        if self.school_of(account):
            return frozenset()
        texts = (account.institution, account.department, *account.cohorts)
        return next(filter(None, map(self._codes, texts)), frozenset())

    def named(self, text: str) -> str:
        """Return the code of the school that a text names."""
        codes = self._codes(text)
        return next(iter(codes)) if len(codes) == 1 else ""

    @lru_cache(maxsize=10_000)  # noqa: B019 - lives as long as one comparison
    def _codes(self, text: str) -> frozenset[str]:
        if not text:
            return frozenset()
        codes = self._by_text.get(squeezed(text), set())
        if len(codes) == 1:
            return frozenset(codes)
        found = {code for number in _numbers(text) for code in self._numbered(number, text)}
        return frozenset(found or codes)

    def _numbered(self, number: str, text: str) -> set[str]:
        by_kind = self._by_number.get(number)
        if by_kind is None:
            return set()
        return by_kind.get(_kind(text)) or by_kind[""]


def _numbers(text: str) -> list[str]:
    return [number.lstrip("0") or "0" for number in _NUMBER.findall(folded(text))]


def _kind(text: str) -> str:
    known = folded(text)
    return next((kind for kind in _KINDS if kind in known), "")


@lru_cache(maxsize=50_000)
def class_words(text: str) -> frozenset[str]:
    """Return the classes that a text may name: a whole title, and each "7А" in it, folded."""
    known = _WORD_CLASS.sub(" ", folded(text))
    found = {f"{grade}{letter}" for grade, letter in _CLASS.findall(known)}
    whole = _NOT_LETTERS.sub("", known)
    return frozenset(found | ({whole} if whole else set()))


@lru_cache(maxsize=50_000)
def told_classes(text: str) -> frozenset[str]:
    """Return only those that are surely classes: a grade and a letter."""
    known = _WORD_CLASS.sub(" ", folded(text))
    return frozenset(f"{grade}{letter}" for grade, letter in _CLASS.findall(known))
