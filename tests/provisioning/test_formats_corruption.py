"""Whatever happens to a file on its way, reading it ends in findings and never in a trace."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from provisioning.findings import Severity
from provisioning.formats import layout_draft
from provisioning.validation import validate
from tests.provisioning.roster_files import DATA, LIMITS, TODAY, read, read_text
from tests.provisioning.test_formats_intake import zipped
from tests.soak import SOAK, soak

ARCHIVE = "upload.zip"
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


@soak
@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("name", [ARCHIVE, "roster-1", "ims-enterprise-1.1", "paragraf-flat"])
def test_what_is_spoiled_never_raises(name: str, seed: int, tmp_path: Path) -> None:
    """The files of a folder, some of them at a time; or all of them in one archive."""
    chance = random.Random(seed)
    good = {tmp_path / path.name: path.read_bytes() for path in (DATA / name).glob("*.xml")}
    if name == ARCHIVE:
        members = {f"{path.parent.name}.xml": path.read_bytes() for path in SAMPLES}
        good = {tmp_path / name: zipped(members)}
    for _ in range(30 * SOAK):
        for path, data in good.items():
            alone = len(good) == 1
            path.write_bytes(spoil(data, chance) if alone or chance.random() < 0.5 else data)
            layout_draft(path, LIMITS)
        result = read([tmp_path])
        assert result.findings or result.rosters
        doubts = [one for roster in result.rosters for one in validate(roster, TODAY)[1]]
        for finding in [*result.findings, *doubts]:
            for language in ("ru", "en"):
                assert finding.message(language)
                assert finding.remedy(language)


@pytest.mark.parametrize("sample", SAMPLES, ids=["roster-1", "ims"])
def test_a_file_cut_anywhere_even_in_a_letter_is_fatal_and_gives_no_roster(sample: Path) -> None:
    data = sample.read_bytes().rstrip()
    for length in range(37, len(data), 37):
        result = read_text(data[:length])
        cut = result.findings[0]
        assert (cut.rule, cut.severity) == ("xml.truncated", Severity.FATAL)
        assert not result.rosters
