"""Signing keys: PEM files in one folder; all are published, the newest signs."""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from joserfc.jwk import KeySet, RSAKey

ALGORITHM = "RS256"
KEY_BITS = 2048


class SigningKeys:
    """The keys of one provider, oldest first."""

    def __init__(self, keys: list[RSAKey]) -> None:
        if not keys:
            raise ValueError("at least one signing key is needed")
        for key in keys:
            key.ensure_kid()
        self.all = KeySet(list(keys))
        self.newest = keys[-1]

    def jwks(self) -> dict[str, Any]:
        """The public halves, as the JSON Web Key Set of RFC 7517."""
        return {
            "keys": [key.as_dict(private=False, use="sig", alg=ALGORITHM) for key in self.all.keys]
        }


def load_keys(folder: Path, now: datetime) -> SigningKeys:
    """The keys in ``folder``; a first one is made when there is none.

    Several processes may start at once: they take turns, so all see the same first key.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _locked(folder):
        if not _key_files(folder):
            create_key(folder, now)
        return SigningKeys([RSAKey.import_key(path.read_bytes()) for path in _key_files(folder)])


def create_key(folder: Path, now: datetime) -> Path:
    """Make a key that becomes the newest one, readable by the owner only."""
    pem = RSAKey.generate_key(KEY_BITS).as_pem(private=True)
    path = folder / f"{now.astimezone(UTC):%Y%m%dT%H%M%S%fZ}-{secrets.token_hex(4)}.pem"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(pem)
    return path


def _key_files(folder: Path) -> list[Path]:
    """Oldest first: the name begins with the moment of creation."""
    return sorted(folder.glob("*.pem"))


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    with open(folder / ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
