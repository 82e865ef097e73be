"""XML files in, one Roster for each school out: ``scan``, and then ``read_school`` for each school
that it found, so that one is in memory at a time."""

from provisioning.formats.drafting import Draft, FoundPath, layout_draft
from provisioning.formats.joining import ReadFile, SchoolReading, read_school
from provisioning.formats.layout import Layout, LayoutError, layouts
from provisioning.formats.scanning import Scan, ScannedFile, SchoolFiles, scan

__all__ = [
    "Draft",
    "FoundPath",
    "Layout",
    "LayoutError",
    "ReadFile",
    "Scan",
    "ScannedFile",
    "SchoolFiles",
    "SchoolReading",
    "layout_draft",
    "layouts",
    "read_school",
    "scan",
]
