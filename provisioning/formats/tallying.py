"""What each record of a layout found in the files: how often, and which fields it never found."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from provisioning.formats.layout import MANY, Kind, Layout
from provisioning.formats.records import Row


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """The records of one kind of a layout."""

    layout: str
    kind: Kind
    paths: tuple[str, ...]
    """Where the layout looks for them, below the root."""
    rows: int
    never: tuple[str, ...]
    """Fields of which no record has a text."""


class Tally:
    """Counts rows while files are read."""

    def __init__(self) -> None:
        self._layouts: dict[str, Layout] = {}
        self._rows: Counter[tuple[str, Kind]] = Counter()
        self._fields: Counter[tuple[str, Kind, str]] = Counter()

    def add(self, layout: Layout, row: Row | None = None) -> None:
        """Note that a file has this layout, and one row of it."""
        self._layouts[layout.name] = layout
        if row is None:
            return
        self._rows[layout.name, row.kind] += 1
        for name in row.values:
            self._fields[layout.name, row.kind, name] += 1
        if row.group_ids:
            self._fields[layout.name, row.kind, MANY] += 1

    def found(self) -> list[Found]:
        """In the order of the layouts' records; lookups are not counted."""
        all_found: list[Found] = []
        for layout in self._layouts.values():
            for kind in dict.fromkeys(spec.kind for spec in layout.records):
                if kind is not Kind.LOOKUP:
                    all_found.append(self._of(layout, kind))
        return all_found

    def _of(self, layout: Layout, kind: Kind) -> Found:
        specs = [spec for spec in layout.records if spec.kind is kind]
        names = dict.fromkeys(name for spec in specs for name in spec.fields)
        return Found(
            layout=layout.name,
            kind=kind,
            paths=tuple(dict.fromkeys(spec.shown for spec in specs)),
            rows=self._rows[layout.name, kind],
            # A file that holds several schools has been split by this field.
            never=tuple(
                name
                for name in names
                if name != "school_code" and not self._fields[layout.name, kind, name]
            ),
        )
