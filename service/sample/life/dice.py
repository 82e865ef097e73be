"""Chance that is the same for the same seed on any machine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from service.sample.people import draw

Item = TypeVar("Item")


class Dice:
    """Throws that depend on the words of their name and on how often was thrown before."""

    def __init__(self, *words: object) -> None:
        self._words = words
        self._thrown = 0

    def below(self, limit: int) -> int:
        """A number from 0 to ``limit`` - 1."""
        self._thrown += 1
        return draw(limit, *self._words, self._thrown)

    def chance(self, share: float) -> bool:
        """True in this share of all throws."""
        return self.below(1_000_000) < share * 1_000_000

    def times(self, expected: float) -> int:
        """A whole number that is ``expected`` on average."""
        whole = int(expected)
        return whole + self.chance(expected - whole)

    def pick(self, items: Sequence[Item]) -> Item:
        return items[self.below(len(items))]

    def some(self, items: Sequence[Item], expected: float) -> list[Item]:
        """So many different ones of these, on average, in an order of chance."""
        return self.shuffled(items)[: self.times(expected)]

    def shuffled(self, items: Sequence[Item]) -> list[Item]:
        mixed = list(items)
        for last in range(len(mixed) - 1, 0, -1):
            other = self.below(last + 1)
            mixed[last], mixed[other] = mixed[other], mixed[last]
        return mixed
