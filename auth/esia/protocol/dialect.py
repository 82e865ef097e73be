"""The two dialects of ЕСИА and what a system signs in each; signers and checkers share it."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from enum import IntEnum

TIMESTAMP_FORMAT = "%Y.%m.%d %H:%M:%S %z"
"""The one form of ``timestamp`` that ЕСИА reads (docs/facts/esia.md 2.17)."""


class Dialect(IntEnum):
    V1 = 1
    """``/aas/oauth2/ac`` and ``/te``: CMS."""
    V2 = 2
    """``/aas/oauth2/v2/ac`` and ``/v3/te``: raw signature and certificate hash."""


def text_to_sign(values: Mapping[str, str], dialect: Dialect, *, with_code: bool) -> str:
    """Return the values in the order in which they are signed, without separators
    (docs/facts/esia.md 3.1 to 3.3).

    ``with_code`` is for a request that exchanges a code; the first dialect never signs it.
    """
    if dialect is Dialect.V1:
        names = ["scope", "timestamp", "client_id", "state"]
    else:
        names = ["client_id", "scope", "scope_org", "timestamp", "state", "redirect_uri"]
        names += ["code"] if with_code else []
    return "".join(values.get(name, "") for name in names)


def from_base64(text: str) -> bytes:
    """Decode any of the four spellings that clients use: standard or URL-safe alphabet, padded or
    not. Raises ``ValueError``."""
    bare = text.rstrip("=").translate(str.maketrans("-_", "+/"))
    return base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True)
