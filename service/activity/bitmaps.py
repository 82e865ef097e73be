"""Sets of people as bitmaps over ordinals: exact, small, and joined or cut in microseconds."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Iterable
from typing import Self

from pyroaring import FrozenBitMap


class PeopleSet(FrozenBitMap):
    """A set of ordinals of ``ActivityPerson``. It never changes, and is stored in the portable
    format of Roaring bitmaps."""

    @classmethod
    def joined(cls, sets: Iterable[PeopleSet]) -> Self:
        """Return the union of any number of sets, of none as well."""
        return cls().union(*sets)

    @classmethod
    def unpacked(cls, *packed: bytes) -> Self:
        """Return the union of sets made by ``packed``."""
        return cls.joined(map(cls.deserialize, packed))

    def packed(self) -> bytes:
        return type(self)(self).serialize()

    @classmethod
    def from_text(cls, text: str) -> Self:
        return cls.deserialize(b64decode(text))

    def as_text(self) -> str:
        """Return what ``packed`` gives as base64, for JSON."""
        return b64encode(self.packed()).decode()

    def __repr__(self) -> str:
        return f"PeopleSet({len(self)} people)"
