"""XML files in, one Roster for each school out: ``scan``, and then ``read_school`` for each school
that it found, so that one is in memory at a time."""

from provisioning.formats.drafting import layout_draft
from provisioning.formats.joining import ReadFile, read_school
from provisioning.formats.layout import LayoutError
from provisioning.formats.layout_text import layouts
from provisioning.formats.scanning import SchoolFiles, scan

__all__ = [
    "LayoutError",
    "ReadFile",
    "SchoolFiles",
    "layout_draft",
    "layouts",
    "read_school",
    "scan",
]
