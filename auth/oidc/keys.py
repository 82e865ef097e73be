"""Signing keys: PEM files in one folder, read again when one comes or goes."""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args

from joserfc.jwk import ECKey, KeySet, RSAKey

from auth.clients.client import Algorithm

ALGORITHMS: tuple[Algorithm, ...] = get_args(Algorithm)
KEY_BITS = 2048
JWKS_SECONDS = 300
"""The time for which others may keep a copy of our public keys."""
PUBLISHED_AHEAD = timedelta(seconds=JWKS_SECONDS)
"""A later key signs when every copy of the public keys that lacks it has run out."""

LOOK_AGAIN = timedelta(seconds=1)
"""The shortest time between two looks for new files when something is signed."""

_MOMENT = "%Y%m%dT%H%M%S%fZ"


@dataclass(frozen=True, kw_only=True, slots=True)
class SigningKey:
    """One key file; its name tells when it was made and for which algorithm."""

    key: RSAKey | ECKey
    algorithm: Algorithm
    made_at: datetime
    path: Path

    @property
    def kid(self) -> str:
        """Return the thumbprint of RFC 7638."""
        return str(self.key.kid)


class SigningKeys:
    """The keys of one folder. Running processes see a key that ``create_key`` adds at once.

    ``kept`` is the age of the oldest token that must still be verifiable.
    Raises ``ValueError`` for a file that is not a key of ours.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._loaded: dict[Path, SigningKey] = {}
        self._looked_at: datetime | None = None
        if not self.all():
            raise ValueError("at least one signing key is needed")

    def all(self) -> list[SigningKey]:
        """Return every key, oldest first. An emptied folder changes nothing: signing goes on."""
        files = _key_files(self._folder)
        if files and files != list(self._loaded):
            self._loaded = {file: self._loaded.get(file) or _read_key(file) for file in files}
        return list(self._loaded.values())

    def signing(self, algorithm: Algorithm, now: datetime) -> SigningKey:
        """Return the newest key of the algorithm that everybody has heard of by now.

        Its file is at least ``PUBLISHED_AHEAD`` old, so there is no need to look each time.
        """
        if self._looked_at is None or not timedelta() <= now - self._looked_at < LOOK_AGAIN:
            self.all()
            self._looked_at = now
        keys = [key for key in self._loaded.values() if key.algorithm == algorithm]
        known = [key for key in keys if key.made_at + PUBLISHED_AHEAD <= now]
        return known[-1] if known else keys[0]

    def published(self, now: datetime, kept: timedelta) -> list[SigningKey]:
        """Return all keys but those whose last token has ended."""
        ended = self._ended(now, kept)
        return [key for key in self.all() if key not in ended]

    def key_set(self, now: datetime, kept: timedelta) -> KeySet:
        return KeySet([key.key for key in self.published(now, kept)])

    def jwks(self, now: datetime, kept: timedelta) -> dict[str, Any]:
        """Return the public halves, as the JSON Web Key Set of RFC 7517."""
        return {
            "keys": [
                key.key.as_dict(private=False, use="sig", alg=key.algorithm)
                for key in self.published(now, kept)
            ]
        }

    def forget_ended(self, now: datetime, kept: timedelta) -> list[str]:
        """Delete the files of keys whose last token has ended, and return their key ids."""
        ended = self._ended(now, kept)
        for key in ended:
            key.path.unlink(missing_ok=True)
        return [key.kid for key in ended]

    def _ended(self, now: datetime, kept: timedelta) -> list[SigningKey]:
        return [
            key
            for algorithm in ALGORITHMS
            for key, later in pairwise(one for one in self.all() if one.algorithm == algorithm)
            if later.made_at + PUBLISHED_AHEAD + kept <= now
        ]


def load_keys(folder: Path, now: datetime) -> SigningKeys:
    """Load the keys in ``folder``; make a first one for each algorithm that has none.

    Several processes may start at once: they take turns, so all see the same first keys.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _locked(folder):
        there = {_algorithm_of(path) for path in _key_files(folder)}
        for algorithm in ALGORITHMS:
            if algorithm not in there:
                create_key(folder, algorithm, now)
    return SigningKeys(folder)


def create_key(folder: Path, algorithm: Algorithm, now: datetime) -> Path:
    """Make a key that becomes the newest one, readable by the owner only."""
    key: RSAKey | ECKey = (
        RSAKey.generate_key(KEY_BITS) if algorithm == "RS256" else ECKey.generate_key("P-256")
    )
    name = f"{now.astimezone(UTC):%Y%m%dT%H%M%S%fZ}-{algorithm}-{secrets.token_hex(4)}"
    written = folder / f".{name}.new"
    descriptor = os.open(written, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(key.as_pem(private=True))
    # Other processes look at any moment and must find a whole file.
    return written.rename(folder / f"{name}.pem")


def _read_key(path: Path) -> SigningKey:
    algorithm = _algorithm_of(path)
    kind = RSAKey if algorithm == "RS256" else ECKey
    key = kind.import_key(path.read_bytes())
    key.ensure_kid()
    made_at = datetime.strptime(path.name.partition("-")[0], _MOMENT).replace(tzinfo=UTC)
    return SigningKey(key=key, algorithm=algorithm, made_at=made_at, path=path)


def _algorithm_of(path: Path) -> Algorithm:
    parts = path.name.split("-")
    for algorithm in ALGORITHMS:
        if len(parts) == 3 and parts[1] == algorithm:
            return algorithm
    raise ValueError(f"{path.name} is not named like a signing key")


def _key_files(folder: Path) -> list[Path]:
    """List the files, the oldest first: the name begins with the moment of creation."""
    return sorted(folder.glob("*.pem"))


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    with open(folder / ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
