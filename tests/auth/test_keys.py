"""Signing keys: made once, kept private, all published, the newest signs."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from auth.keys import SigningKeys, create_key, load_keys
from tests.auth.conftest import START


def test_the_first_key_is_made_once_and_readable_by_the_owner_only(tmp_path: Path) -> None:
    folder = tmp_path / "data" / "keys"
    first = load_keys(folder, START)
    again = load_keys(folder, START + timedelta(days=1))

    assert first.newest.kid == again.newest.kid
    (file,) = folder.glob("*.pem")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_later_key_signs_and_the_earlier_stays_published(tmp_path: Path) -> None:
    first = load_keys(tmp_path, START)
    create_key(tmp_path, START + timedelta(days=90))
    both = load_keys(tmp_path, START)

    published = [key["kid"] for key in both.jwks()["keys"]]
    assert published == [first.newest.kid, both.newest.kid]
    assert first.newest.kid != both.newest.kid


def test_processes_that_start_at_once_share_the_first_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(max_workers=4) as pool:
        loaded = list(pool.map(lambda _: load_keys(tmp_path, START), range(4)))
    assert len({keys.newest.kid for keys in loaded}) == 1


def test_private_parts_are_not_published(keys: SigningKeys) -> None:
    (key,) = keys.jwks()["keys"]
    assert key["alg"] == "RS256"
    assert key["use"] == "sig"
    assert not {"d", "p", "q", "dp", "dq", "qi"} & set(key)


def test_a_provider_without_a_key_is_refused() -> None:
    with pytest.raises(ValueError, match="signing key"):
        SigningKeys([])
