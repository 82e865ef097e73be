"""Writing XML as text, line by line, with the standard library's escaping.

Nothing is held in memory, and lxml stays where files from outside are read (provisioning/formats).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TextIO
from xml.sax.saxutils import escape, quoteattr


@dataclass(frozen=True, kw_only=True, slots=True)
class XmlFile:
    """An XML file that is being written: one element a line, so that findings can name a line."""

    out: TextIO

    @contextmanager
    def inside(self, tag: str, **attributes: str) -> Iterator[None]:
        self.out.write(f"<{tag}{_attributes(attributes)}>\n")
        yield
        self.out.write(f"</{tag}>\n")

    def leaf(self, tag: str, text: str, **attributes: str) -> None:
        """An element with a text; none at all when the text is empty."""
        if text:
            self.out.write(f"<{tag}{_attributes(attributes)}>{escape(text)}</{tag}>\n")

    def empty(self, tag: str, **attributes: str) -> None:
        self.out.write(f"<{tag}{_attributes(attributes)}/>\n")


def iso(day: date | None) -> str:
    return day.isoformat() if day else ""


def _attributes(attributes: Mapping[str, str]) -> str:
    return "".join(f" {name}={quoteattr(value)}" for name, value in attributes.items())


@contextmanager
def xml_file(path: Path, encoding: str) -> Iterator[XmlFile]:
    """A letter that the encoding does not have becomes a character reference."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding=encoding, errors="xmlcharrefreplace", newline="\n") as out:
        out.write(f'<?xml version="1.0" encoding="{encoding}"?>\n')
        yield XmlFile(out=out)
