"""Sets of people in the portable format of Roaring bitmaps; they were raw bits before."""

from __future__ import annotations

import zlib
from base64 import b64encode
from collections.abc import Iterable, Iterator
from itertools import compress, count
from typing import Any

import sqlalchemy as sa
from alembic import op
from pyroaring import BitMap

revision = "0025"
down_revision = "0024"

_BLOCK_BYTES = 128
_DIGITS = bytes.maketrans(b"01", b"\0\1")
_NAMES = ("roll", "account", "left", "suspended")


def upgrade() -> None:
    for name in ("activity_bitmaps", "mark_bitmaps"):
        kept = sa.Table(name, sa.MetaData(), autoload_with=op.get_bind())
        for key in op.get_bind().execute(sa.select(*kept.primary_key)).all():
            row = sa.and_(*(a == b for a, b in zip(kept.primary_key, key, strict=True)))
            raw = zlib.decompress(op.get_bind().scalars(sa.select(kept.c.bitmap).where(row)).one())
            people = BitMap(
                _ordinals(
                    (block, int.from_bytes(raw[start : start + _BLOCK_BYTES], "little"))
                    for block, start in enumerate(range(0, len(raw), _BLOCK_BYTES))
                )
            )
            op.execute(kept.update().where(row).values(bitmap=people.serialize()))
    sheets = sa.table(
        "roll_sheets", sa.column("school_code"), sa.column("by_role", sa.JSON),
        sa.column("by_class", sa.JSON),
    )  # fmt: skip
    for code, by_role, by_class in op.get_bind().execute(sa.select(sheets)).all():
        roles = {role: _texts(sets) for role, sets in by_role["roles"].items()}
        values = {
            "by_role": {"roles": roles, "gone": _text(by_role["gone"])},
            "by_class": [one | _texts(one) for one in by_class],
        }
        op.execute(sheets.update().where(sheets.c.school_code == code).values(values))


def _texts(sets: dict[str, Any]) -> dict[str, str]:
    return {name: _text(sets.get(name, {})) for name in _NAMES}


def _text(blocks: dict[str, str]) -> str:
    people = BitMap(_ordinals((int(block), int(bits, 16)) for block, bits in blocks.items()))
    return b64encode(people.serialize()).decode()


def _ordinals(blocks: Iterable[tuple[int, int]]) -> Iterator[int]:
    """Yield the places of the bits that are set; a set of a few people is a few blocks."""
    for block, bits in blocks:
        if bits:
            digits = f"{bits:b}"[::-1].encode().translate(_DIGITS)
            yield from compress(count(block * _BLOCK_BYTES * 8), digits)
