"""XML files in, one Roster for each school out. ``read`` is the door; large sets come in by
``scan`` and then ``read_school``, one school in memory at a time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from provisioning.findings import Finding
from provisioning.formats.drafting import Draft, FoundPath, layout_draft
from provisioning.formats.joining import ReadFile, SchoolReading, read_school
from provisioning.formats.layout import Layout, LayoutError, layouts
from provisioning.formats.scanning import Scan, ScannedFile, SchoolFiles, scan
from provisioning.roster import Roster
from provisioning.settings import ReadLimits

__all__ = [
    "Draft",
    "FoundPath",
    "Layout",
    "LayoutError",
    "ReadFile",
    "ReadResult",
    "Scan",
    "ScannedFile",
    "SchoolFiles",
    "SchoolReading",
    "layout_draft",
    "layouts",
    "read",
    "read_school",
    "scan",
]


@dataclass(frozen=True, kw_only=True, slots=True)
class ReadResult:
    rosters: list[Roster]
    """One for each school that nothing stopped, ordered by school code."""
    findings: list[Finding]
    files: list[ReadFile]


def read(
    paths: Iterable[Path],
    *,
    limits: ReadLimits,
    today: date,
    expected_school: str | None = None,
    layout_folders: Iterable[Path] = (),
) -> ReadResult:
    """Read files, folders and zip archives; whatever is wrong in them is a Finding.

    ``expected_school`` stops files of any other school (docs/facts/paragraf.md R5). Holds all
    schools at once: use ``scan`` and ``read_school`` for a whole city. Raises LayoutError.
    """
    found = scan(paths, limits=limits, layout_folders=layout_folders)
    result = ReadResult(rosters=[], findings=list(found.findings), files=[])
    for school in found.schools:
        reading = read_school(school, limits=limits, today=today, expected_school=expected_school)
        result.findings.extend(reading.findings)
        result.files.extend(reading.files)
        if reading.roster is not None:
            result.rosters.append(reading.roster)
    return result
