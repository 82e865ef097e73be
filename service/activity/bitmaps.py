"""Sets of people as bitmaps over ordinals: exact, small, and joined or cut in microseconds."""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Self

BLOCK_BYTES = 128
_BLOCK_BITS = BLOCK_BYTES * 8
"""People of a school mostly have ordinals beside each other, so a school is a few blocks."""

_FAST = 1
"""Level of zlib: higher ones take ten times as long and save a tenth."""


class PeopleSet:
    """A set of ordinals of ``ActivityPerson``. It never changes."""

    __slots__ = ("_blocks",)

    def __init__(self, ordinals: Iterable[int] = ()) -> None:
        blocks: dict[int, int] = defaultdict(int)
        for ordinal in ordinals:
            block, bit = divmod(ordinal, _BLOCK_BITS)
            blocks[block] |= 1 << bit
        self._blocks = dict(blocks)

    @classmethod
    def _of(cls, blocks: dict[int, int]) -> Self:
        made = cls.__new__(cls)
        made._blocks = blocks
        return made

    @classmethod
    def union(cls, sets: Iterable[PeopleSet]) -> Self:
        blocks: dict[int, int] = {}
        for one in sets:
            for block, bits in one._blocks.items():
                blocks[block] = blocks.get(block, 0) | bits
        return cls._of(blocks)

    @classmethod
    def unpacked(cls, *packed: bytes) -> Self:
        """The union of sets made by ``packed``."""
        together = 0
        for one in packed:
            together |= int.from_bytes(zlib.decompress(one), "little")
        data = together.to_bytes((together.bit_length() + 7) // 8, "little")
        blocks = {}
        for block, start in enumerate(range(0, len(data), BLOCK_BYTES)):
            if bits := int.from_bytes(data[start : start + BLOCK_BYTES], "little"):
                blocks[block] = bits
        return cls._of(blocks)

    def packed(self) -> bytes:
        """One bit for each ordinal from 0 to the greatest, least bit first, zlib."""
        data = bytearray((max(self._blocks, default=-1) + 1) * BLOCK_BYTES)
        for block, bits in self._blocks.items():
            start = block * BLOCK_BYTES
            data[start : start + BLOCK_BYTES] = bits.to_bytes(BLOCK_BYTES, "little")
        return zlib.compress(data.rstrip(b"\0"), _FAST)

    @classmethod
    def from_json(cls, blocks: Mapping[str, str]) -> Self:
        return cls._of({int(block): int(bits, 16) for block, bits in blocks.items()})

    def as_json(self) -> dict[str, str]:
        """Block number -> bits as a hexadecimal number: small for the people of one school."""
        return {str(block): f"{bits:x}" for block, bits in sorted(self._blocks.items())}

    def __or__(self, other: PeopleSet) -> PeopleSet:
        return PeopleSet.union((self, other))

    def __and__(self, other: PeopleSet) -> PeopleSet:
        few, many = sorted((self._blocks, other._blocks), key=len)
        both = ((block, bits & many[block]) for block, bits in few.items() if block in many)
        return PeopleSet._of({block: bits for block, bits in both if bits})

    def __sub__(self, other: PeopleSet) -> PeopleSet:
        rest = (
            (block, bits & ~other._blocks.get(block, 0)) for block, bits in self._blocks.items()
        )
        return PeopleSet._of({block: bits for block, bits in rest if bits})

    def count_both(self, other: PeopleSet) -> int:
        """``len(self & other)`` without making the set."""
        theirs = other._blocks
        return sum(
            (bits & theirs[block]).bit_count()
            for block, bits in self._blocks.items()
            if block in theirs
        )

    def __len__(self) -> int:
        return sum(bits.bit_count() for bits in self._blocks.values())

    def __iter__(self) -> Iterator[int]:
        """The ordinals, ascending."""
        for block, bits in sorted(self._blocks.items()):
            rest = bits
            while rest:
                lowest = rest & -rest
                yield block * _BLOCK_BITS + lowest.bit_length() - 1
                rest ^= lowest

    def __bool__(self) -> bool:
        return any(self._blocks.values())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PeopleSet) and self._blocks == other._blocks

    def __repr__(self) -> str:
        return f"PeopleSet({len(self)} people)"
