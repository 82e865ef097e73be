"""Whatever happens to a file on its way, reading it ends in findings and never in a trace."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest

from provisioning.formats import layout_draft
from provisioning.validation import validate
from tests.provisioning.roster_files import DATA, LIMITS, TODAY, read
from tests.provisioning.test_formats_intake import zipped
from tests.soak import SOAK, soak

SAMPLES = [DATA / "roster-1" / "school.xml", DATA / "ims-enterprise-1.1" / "school.xml"]


def spoil(data: bytes, chance: random.Random) -> bytes:
    """Flip, cut, repeat or swap some bytes."""
    spoiled = bytearray(data)
    for _ in range(chance.randint(1, 8)):
        place, length = chance.randrange(len(spoiled)), chance.randint(1, 200)
        kind = chance.randrange(4)
        if kind == 0:
            spoiled[place] = chance.randrange(256)
        elif kind == 1:
            del spoiled[place : place + length]
        elif kind == 2:
            spoiled[place:place] = spoiled[place : place + length]
        else:
            spoiled[place : place + 1] = chance.choice([b"<", b"&", b">", b'"', b"\0", b"\xff"])
        spoiled = spoiled or bytearray(b"<")
    return bytes(spoiled)


def read_whole(path: Path) -> None:
    result = read([path])
    assert result.findings or result.rosters
    findings = list(result.findings)
    for roster in result.rosters:
        findings += validate(roster, TODAY)[1]
    for finding in findings:
        for language in ("ru", "en"):
            assert finding.message(language)
            assert finding.remedy(language)


@soak
@pytest.mark.parametrize("sample", SAMPLES, ids=["roster-1", "ims"])
@pytest.mark.parametrize("seed", range(2))
def test_a_spoiled_file_never_raises(sample: Path, seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)
    data = sample.read_bytes()
    path = tmp_path / "school.xml"
    for _ in range(30 * SOAK):
        path.write_bytes(spoil(data, chance))
        read_whole(path)
        layout_draft(path, LIMITS)


@soak
def test_a_spoiled_set_in_windows_1251_never_raises(tmp_path: Path) -> None:
    chance = random.Random(9)
    folder = tmp_path / "set"
    shutil.copytree(DATA / "paragraf-flat", folder)
    good = {path: path.read_bytes() for path in folder.iterdir()}
    for _ in range(30 * SOAK):
        for path, data in good.items():
            path.write_bytes(spoil(data, chance) if chance.random() < 0.5 else data)
        read_whole(folder)


@soak
def test_a_spoiled_archive_never_raises(tmp_path: Path) -> None:
    chance = random.Random(10)
    members = {f"{path.parent.name}.xml": path.read_bytes() for path in SAMPLES}
    path, data = tmp_path / "a.zip", zipped(members)
    for _ in range(50 * SOAK):
        path.write_bytes(spoil(data, chance))
        read_whole(path)


@pytest.mark.parametrize("sample", SAMPLES, ids=["roster-1", "ims"])
def test_a_file_cut_anywhere_gives_no_roster(sample: Path, tmp_path: Path) -> None:
    data = sample.read_bytes().rstrip()
    path = tmp_path / "school.xml"
    for length in range(0, len(data), 37):
        path.write_bytes(data[:length])
        result = read([path])
        assert not result.rosters
        assert result.findings
