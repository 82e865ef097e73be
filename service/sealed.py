"""Columns that hold personal data encrypted: who has the database alone reads nothing.

The key is derived from the installation's secret, which lies outside the database.
"""

from __future__ import annotations

import hmac
import os
import zlib
from base64 import b64decode, b64encode
from collections.abc import Callable
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import Dialect, Engine, Text
from sqlalchemy.orm import Session
from sqlalchemy.types import TypeDecorator

_NONCE_BYTES = 12
_KEY = "schoolbridge_sealing_key"
_PACKED, _PLAIN = b"z", b"p"
_WORTH_PACKING = 200


def use_key(engine: Engine, key: Callable[[], bytes]) -> None:
    """Let the encrypted columns of this database use the key, which is asked for when needed."""
    setattr(engine.dialect, _KEY, key)


def keyed_hash(session: Session, purpose: str, text: str) -> str:
    """Return what is equal for equal texts, and tells nothing without the installation's secret."""
    key: Callable[[], bytes] | None = getattr(session.get_bind().dialect, _KEY, None)
    if key is None:
        raise RuntimeError("this database was opened without the installation's secret")
    return hmac.digest(key(), f"{purpose} {text}".encode(), "sha256").hex()


class EncryptedText(TypeDecorator[str]):
    """A text that is stored encrypted (AES-256-GCM) and bound to its ``purpose``.

    Equal texts are stored differently, so nothing can be searched by such a column. Reading raises
    ``cryptography.exceptions.InvalidTag`` when secret and database do not belong together.
    """

    impl = Text
    cache_ok = True

    def __init__(self, purpose: str) -> None:
        """``purpose``: table and column; a text that is moved elsewhere cannot be read."""
        super().__init__()
        self.purpose = purpose

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        if value is None:
            return None
        text = value.encode()
        packed = zlib.compress(text) if len(text) > _WORTH_PACKING else text
        body = (_PACKED + packed) if packed is not text else (_PLAIN + text)
        nonce = os.urandom(_NONCE_BYTES)
        return b64encode(nonce + self._cipher(dialect).encrypt(nonce, body, self._bound)).decode()

    def process_result_value(self, value: Any, dialect: Dialect) -> str | None:
        if value is None:
            return None
        raw = b64decode(value)
        body = self._cipher(dialect).decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], self._bound)
        text = body[1:]
        return (zlib.decompress(text) if body[:1] == _PACKED else text).decode()

    @property
    def _bound(self) -> bytes:
        return self.purpose.encode()

    @staticmethod
    def _cipher(dialect: Dialect) -> AESGCM:
        key: Callable[[], bytes] | None = getattr(dialect, _KEY, None)
        if key is None:
            raise RuntimeError("this database was opened without the installation's secret")
        return AESGCM(key())
