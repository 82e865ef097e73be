"""Signing keys: made once, kept private, published before they sign and until tokens end."""

from __future__ import annotations

import stat
from datetime import timedelta
from pathlib import Path

import pytest

from auth.oidc.keys import ALGORITHMS, PUBLISHED_AHEAD, SigningKeys, create_key, load_keys
from tests.auth.conftest import START, at_once

KEPT = timedelta(hours=4)
LATER = START + timedelta(days=90)


def kids(keys: SigningKeys) -> list[str]:
    return [key.kid for key in keys.all()]


def test_the_first_keys_are_made_once_and_readable_by_the_owner_only(tmp_path: Path) -> None:
    folder = tmp_path / "data" / "keys"
    first = load_keys(folder, START)
    again = load_keys(folder, START + timedelta(days=1))

    assert kids(first) == kids(again)
    assert {key.algorithm for key in first.all()} == set(ALGORITHMS)
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.glob("*.pem")} == {0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_running_process_publishes_a_later_key_at_once_and_signs_with_it_when_all_know_it(
    tmp_path: Path,
) -> None:
    running = load_keys(tmp_path, START)
    first = running.signing("RS256", START).kid
    create_key(tmp_path, "RS256", LATER)

    published = {key["kid"] for key in running.jwks(LATER, KEPT)["keys"]}
    later = running.signing("RS256", LATER + PUBLISHED_AHEAD).kid
    assert {first, later} < published
    assert later != first
    assert running.signing("RS256", LATER + PUBLISHED_AHEAD - timedelta(seconds=1)).kid == first


def test_whoever_signs_looks_for_other_keys_once_a_second(tmp_path: Path) -> None:
    running = load_keys(tmp_path, START)
    first = running.signing("RS256", LATER).kid
    create_key(tmp_path, "RS256", LATER - PUBLISHED_AHEAD)

    assert running.signing("RS256", LATER + timedelta(milliseconds=999)).kid == first
    assert running.signing("RS256", LATER + timedelta(seconds=1)).kid != first


def test_an_old_key_goes_when_its_last_token_has_ended(tmp_path: Path) -> None:
    keys = load_keys(tmp_path, START)
    first = keys.signing("RS256", START).kid
    create_key(tmp_path, "RS256", LATER)
    end = LATER + PUBLISHED_AHEAD + KEPT

    assert keys.forget_ended(end - timedelta(seconds=1), KEPT) == []
    assert first in {key.kid for key in keys.published(end - timedelta(seconds=1), KEPT)}
    assert first not in {key.kid for key in keys.published(end, KEPT)}
    assert keys.forget_ended(end, KEPT) == [first]
    assert first not in kids(keys)
    assert len(kids(keys)) == 2


def test_processes_that_start_at_once_share_the_first_keys(tmp_path: Path) -> None:
    loaded = at_once(*[lambda: load_keys(tmp_path, START)] * 4)
    assert len({tuple(kids(keys)) for keys in loaded}) == 1


def test_a_folder_without_a_key_or_with_a_strange_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="signing key"):
        SigningKeys(tmp_path)
    (tmp_path / "mine.pem").write_text("no key")
    with pytest.raises(ValueError, match=r"mine\.pem"):
        SigningKeys(tmp_path)
