"""XML files in, one Roster for each school out: ``scan``, and then ``read_school`` for each school
that it found, so that one is in memory at a time."""

from provisioning.formats.drafting import layout_draft
from provisioning.formats.joining import ReadFile, SchoolReading, read_school
from provisioning.formats.layout import Layout, LayoutError
from provisioning.formats.layout_text import layout_files, layouts, read_layout
from provisioning.formats.scanning import SchoolFiles, scan
from provisioning.formats.tallying import Found, Tally

__all__ = [
    "Found",
    "Layout",
    "LayoutError",
    "ReadFile",
    "SchoolFiles",
    "SchoolReading",
    "Tally",
    "layout_draft",
    "layout_files",
    "layouts",
    "read_layout",
    "read_school",
    "scan",
]
