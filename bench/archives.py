"""Reading a ZIP file of many small files: 5,000 members beside 500 of the same kind.

Ten times the content is to cost ten times the time, not a hundred: at most twelve times.
"""

from __future__ import annotations

import zipfile
from datetime import datetime
from pathlib import Path

from bench.measuring import Figure, in_turns
from bench.place import write_city
from provisioning.formats import read_school, scan
from provisioning.settings import ReadLimits

FEWER = 10
"""How many times fewer members the reference has."""


def figures(folder: Path, *, members: int, rounds: int) -> list[Figure]:
    (school,) = write_city(folder / "member", schools=1, people=20).iterdir()
    text = school.read_text("utf-8")

    def write(number: int) -> Path:
        path = folder / f"{number}.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for each in range(number):
                # The member that it is copied from names its school in its first lines.
                archive.writestr(f"{each}.xml", text.replace("SB0001", f"M{each:05d}"))
        return path

    small, large = write(members // FEWER), write(members)
    few, many = in_turns(rounds, lambda: _read(small), lambda: _read(large))
    return [
        Figure(
            name=f"ZIP of {members} files, 20 people each, read",
            ours=f"{many:.1f} s",
            reference=f"{few:.2f} s ({members // FEWER} files; at most 12)",
            ratio=many / few,
        )
    ]


def _read(path: Path) -> None:
    today, limits = datetime.now().astimezone().date(), ReadLimits()
    for school in scan([path], limits=limits).schools:
        read_school(school, limits=limits, today=today)
