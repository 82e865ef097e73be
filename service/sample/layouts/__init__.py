"""How a sample school is written in each shipped layout: the LAYOUTS map."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from service.sample.layouts import ims_enterprise, paragraf_flat, roster_1
from service.sample.rows import SampleSchool

ENCODINGS = ("utf-8", "windows-1251")


@dataclass(frozen=True, kw_only=True, slots=True)
class Layout:
    """A shipped layout, named as in provisioning/formats/layouts."""

    encoding: str
    """The one that files of this layout have unless another is asked for."""
    write: Callable[[Path, SampleSchool, str], None]
    """Writes the files of one school into a folder, in an encoding."""


LAYOUTS: Mapping[str, Layout] = {
    "roster-1": Layout(encoding="utf-8", write=roster_1.write),
    "paragraf-flat": Layout(encoding="windows-1251", write=paragraf_flat.write),
    "ims-enterprise-1.1": Layout(encoding="utf-8", write=ims_enterprise.write),
}
