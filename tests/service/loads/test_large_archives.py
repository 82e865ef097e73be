"""What it costs to read a ZIP file of many members: it grows with the content, not faster."""

from __future__ import annotations

import zipfile
from pathlib import Path

import psutil
import pytest

from tests.provisioning.roster_files import roster_file
from tests.service.command_line import run

FEW, MANY = 100, 1_000


def make_archive(folder: Path, members: int) -> Path:
    """So many schools of one pupil."""
    path = folder / f"{members}.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(members):
            archive.writestr(f"{number:05d}.xml", roster_file(code=f"S{number:05d}"))
    return path


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def bytes_read(home: Path, archive: Path, people: int) -> int:
    """What this process reads of files while it checks the archive."""
    process = psutil.Process()
    before = process.io_counters().read_chars
    ended = run("check", archive, "--json", home=home)
    assert ended.data["people"] == people
    return int(process.io_counters().read_chars - before)


def test_ten_times_the_members_cost_about_ten_times_the_reading(home: Path, tmp_path: Path) -> None:
    few, many = make_archive(tmp_path, FEW), make_archive(tmp_path, MANY)
    bytes_read(home, few, 2 * FEW)  # whatever is read once only
    small, large = bytes_read(home, few, 2 * FEW), bytes_read(home, many, 2 * MANY)
    assert large < 12 * small


def test_findings_about_a_thousand_files_of_one_school_are_a_thousand(
    home: Path, tmp_path: Path
) -> None:
    path = tmp_path / "one-school.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(MANY):
            text = roster_file(
                exported_at=f"2026-10-01T08:{number // 60 % 60:02d}:{number % 60:02d}"
            )
            archive.writestr(f"{number:05d}.xml", text)
    ended = run("check", path, "--json", home=home)
    twice = [one for one in ended.data["findings"] if one["rule"] == "set.part_twice"]
    assert len(twice) == MANY - 1
